package messages

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WorkerID identifies a worker. It stays the same when the worker restarts.
type WorkerID string

// MaxWorkerID is the longest worker id in bytes. Messages with longer ones are
// dropped, since ids come from untrusted messages and are kept in memory.
const MaxWorkerID = 128

// ErrBadID is the error of an id that is empty, too long or not printable.
var ErrBadID = errors.New("bad id")

// Validate reports whether the id is 1 to MaxWorkerID bytes of printable UTF-8.
func (w WorkerID) Validate() error { return validateID(string(w), MaxWorkerID) }

func validateID(s string, limit int) error {
	if s == "" || len(s) > limit {
		return fmt.Errorf("%w: length %d, allowed 1 to %d bytes", ErrBadID, len(s), limit)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: not UTF-8", ErrBadID)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%w: unprintable character %U", ErrBadID, r)
		}
	}
	return nil
}

// FileID is the serial number of one version of an input file. Serial numbers rise
// by one and are never used twice, so a FileID also orders versions by age.
type FileID uint64

// ChunkID identifies a chunk by the file version and the chunk's index in it.
type ChunkID struct {
	File  FileID
	Index int
}

// Compare orders chunks by file, then by index.
func (c ChunkID) Compare(d ChunkID) int {
	return cmp.Or(cmp.Compare(c.File, d.File), cmp.Compare(c.Index, d.Index))
}

// Term is one leadership. Its number rises by one with each new leader. The holder's
// random id tells two leaders apart that have the same number because the store lost
// its last commits.
type Term struct {
	Number uint64
	Holder string
}

// Older reports whether t was superseded by u.
func (t Term) Older(u Term) bool { return t.Number < u.Number }

// maxBase is the longest base of a batch id in bytes. It leaves room for the
// suffixes, since workers use batch ids as file names, which have at most 255 bytes.
const maxBase = 200

// Base returns the part of a batch id that identifies the file: the file name without
// ".txt", with characters of [A-Za-z0-9._-] only, at most 200 bytes. If more than a
// lower-case ".txt" at its end had to be removed or replaced, "-" and 8 hexadecimal
// digits of the full name's SHA-256 are appended, so that two files never share a base.
func Base(name string) string {
	full := name
	name = path.Base(name)
	changed := name != full
	if s, ok := strings.CutSuffix(name, ".txt"); ok {
		name = s
	} else if len(name) >= 4 && strings.EqualFold(name[len(name)-4:], ".txt") {
		name, changed = name[:len(name)-4], true
	}
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '.' || r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, name)
	changed = changed || clean != name || clean == ""
	if len(clean) > maxBase {
		changed = true
	}
	if !changed {
		return clean
	}
	sum := sha256.Sum256([]byte(full))
	suffix := "-" + hex.EncodeToString(sum[:4])
	return clean[:min(len(clean), maxBase-len(suffix))] + suffix
}

// ChunkName returns the name of a chunk without its attempt: "<base>_chunk_<index>",
// followed by "_g<generation>" from generation 2 on. The chunk's result file has this
// name.
func ChunkName(base string, index, generation int) string {
	s := base + "_chunk_" + strconv.Itoa(index)
	if generation > 1 {
		s += "_g" + strconv.Itoa(generation)
	}
	return s
}

// BatchID returns the name of an attempt in messages: the chunk's name, followed by
// "_a<attempt>" from attempt 2 on.
func BatchID(base string, index, generation, attempt int) string {
	s := ChunkName(base, index, generation)
	if attempt > 1 {
		s += "_a" + strconv.Itoa(attempt)
	}
	return s
}

// MaxBatchID is the longest batch id in bytes that a master makes or accepts.
const MaxBatchID = 255

// MaxAttempt bounds the attempt and the generation in a batch id. No master reaches
// this number, and it fits into an int on every platform.
const MaxAttempt = 1 << 30

// ParseBatchID splits a batch id into its parts. ok is false for a string that
// BatchID does not return.
func ParseBatchID(s string) (base string, index, generation, attempt int, ok bool) {
	if len(s) > MaxBatchID {
		return "", 0, 0, 0, false
	}
	at := strings.LastIndex(s, "_chunk_")
	if at <= 0 {
		return "", 0, 0, 0, false
	}
	base = s[:at]
	rest := s[at+len("_chunk_"):]
	rest, attempt = cutNumber(rest, "_a")
	rest, generation = cutNumber(rest, "_g")
	index, err := strconv.Atoi(rest)
	if err != nil || index < 0 || attempt > MaxAttempt || generation > MaxAttempt || BatchID(base, index, generation, attempt) != s {
		return "", 0, 0, 0, false
	}
	return base, index, generation, attempt, true
}

// cutNumber removes a suffix of a mark and a number from s. The number is 1 when s has
// no such suffix.
func cutNumber(s, mark string) (string, int) {
	at := strings.LastIndex(s, mark)
	if at < 0 {
		return s, 1
	}
	n, err := strconv.Atoi(s[at+len(mark):])
	if err != nil || n < 2 {
		return s, 1
	}
	return s[:at], n
}

// ResultName returns the chunk's name in a batch id, which is the id without its
// attempt. An id that no master made is returned unchanged.
func ResultName(batchID string) string {
	base, index, generation, _, ok := ParseBatchID(batchID)
	if !ok {
		return batchID
	}
	return ChunkName(base, index, generation)
}
