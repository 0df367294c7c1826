package messages

import (
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

// WorkerID names a worker for as long as it lives, restarts included.
type WorkerID string

// MaxWorkerID is the longest worker id in bytes; longer ones are dropped, since
// ids come from untrusted messages and are kept in memory.
const MaxWorkerID = 128

// ErrBadID says that an id is empty, too long or not printable.
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

// FileID is the serial number of one version of an input file. Serials rise by
// one and are never used twice, so a FileID also orders versions by age.
type FileID uint64

// ChunkID names a chunk: the file version and the chunk's index in it.
type ChunkID struct {
	File  FileID
	Index int
}

// Term is one leadership. Terms rise by one with each new leader; the holder's
// random id makes two leaders of a store that lost its last second distinct.
type Term struct {
	Number uint64
	Holder string
}

// Older reports whether t was superseded by u.
func (t Term) Older(u Term) bool { return t.Number < u.Number }

// maxBase is the longest base of a batch id in bytes. Workers use batch ids as
// file names (255 bytes at most), so the suffixes need room.
const maxBase = 200

// Base is the part of a batch id that stands for the file: the file name
// without ".txt", only [A-Za-z0-9._-], at most 200 bytes. If anything but a
// final lower-case ".txt" had to be changed or cut, "-" and 8 hex digits of the
// full name's SHA-256 are appended, so that two files never share a base.
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

// ChunkName is the name of a chunk on the wire without its attempt:
// "<base>_chunk_<index>", then "_g<generation>" from generation 2 on. It names
// the chunk's result file.
func ChunkName(base string, index, generation int) string {
	s := base + "_chunk_" + strconv.Itoa(index)
	if generation > 1 {
		s += "_g" + strconv.Itoa(generation)
	}
	return s
}

// BatchID is what the wire calls an attempt: the chunk name, then "_a<attempt>"
// from attempt 2 on.
func BatchID(base string, index, generation, attempt int) string {
	s := ChunkName(base, index, generation)
	if attempt > 1 {
		s += "_a" + strconv.Itoa(attempt)
	}
	return s
}

// MaxBatchID is the longest batch id that the master makes or accepts, in bytes.
const MaxBatchID = 255

// MaxAttempt bounds the attempt and the generation in a batch id: a number that the
// master never reaches, and that fits into an int everywhere.
const MaxAttempt = 1 << 30

// ParseBatchID splits a batch id into its parts. ok is false for every string
// that BatchID does not make.
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

// cutNumber cuts a trailing mark and number off s; the number is 1 without one.
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

// ResultName is the chunk name of a batch id: the id without its attempt
// suffix. Ids that the master did not make are returned as they are.
func ResultName(batchID string) string {
	base, index, generation, _, ok := ParseBatchID(batchID)
	if !ok {
		return batchID
	}
	return ChunkName(base, index, generation)
}
