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

// ChunkID identifies a chunk: a part of a file version.
type ChunkID struct {
	File  FileID
	Index int // number in the file, from 0
	// Half is which part of the chunk of that index it is: 0 is all of it. A chunk that
	// was halved ends, and its halves take its place. Those of all of it are 2 and 3, those
	// of half n are 2n and 2n+1.
	Half int
	// Retry is the round in which the failed items of the chunk are done again, from 1;
	// 0 for the chunk itself.
	Retry int
}

// Compare orders chunks by file, then by index, half and retry.
func (c ChunkID) Compare(d ChunkID) int {
	return cmp.Or(cmp.Compare(c.File, d.File), cmp.Compare(c.Index, d.Index), cmp.Compare(c.Half, d.Half), cmp.Compare(c.Retry, d.Retry))
}

// Halves returns the two chunks that take the place of c when it is halved.
func (c ChunkID) Halves() (first, second ChunkID) {
	first = ChunkID{File: c.File, Index: c.Index, Half: 2 * max(1, c.Half)}
	second = first
	second.Half++
	return first, second
}

// Halved returns the chunk of which c is a half. ok is false for a chunk that is no half.
func (c ChunkID) Halved() (of ChunkID, ok bool) {
	if c.Half < 2 {
		return ChunkID{}, false
	}
	of = ChunkID{File: c.File, Index: c.Index}
	if c.Half > 3 {
		of.Half = c.Half / 2
	}
	return of, true
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

// ChunkName is what names a chunk in messages and results. Zero values of Half, Retry and
// Generation are left out of the name, and so is generation 1.
type ChunkName struct {
	Base       string // see Base
	Generation int    // version of the file, from 1
	Index      int
	Half       int // see ChunkID
	Retry      int
}

// String returns the name: "<base>_chunk_<index>", followed by "_s<half>", "_r<retry>" and
// "_g<generation>" as far as the chunk has them. The chunk's result has this name.
func (n ChunkName) String() string {
	s := n.Base + "_chunk_" + strconv.Itoa(n.Index)
	if n.Half > 0 {
		s += "_s" + strconv.Itoa(n.Half)
	}
	if n.Retry > 0 {
		s += "_r" + strconv.Itoa(n.Retry)
	}
	if n.Generation > 1 {
		s += "_g" + strconv.Itoa(n.Generation)
	}
	return s
}

// BatchID returns the name of an attempt in messages: the chunk's name, followed by
// "_a<attempt>" from attempt 2 on.
func (n ChunkName) BatchID(attempt int) string {
	s := n.String()
	if attempt > 1 {
		s += "_a" + strconv.Itoa(attempt)
	}
	return s
}

// MaxBatchID is the longest batch id in bytes that a master makes or accepts.
const MaxBatchID = 255

// MaxAttempt bounds the numbers behind the index in a batch id. No master reaches this
// number, and it fits into an int on every platform.
const MaxAttempt = 1 << 30

// ParseBatchID is the inverse of ChunkName.BatchID. ok is false for a string that it does
// not return.
func ParseBatchID(s string) (n ChunkName, attempt int, ok bool) {
	at := strings.LastIndex(s, "_chunk_")
	if len(s) > MaxBatchID || at <= 0 {
		return ChunkName{}, 0, false
	}
	n.Base = s[:at]
	rest := s[at+len("_chunk_"):]
	rest, attempt = cutNumber(rest, "_a", 1)
	rest, n.Generation = cutNumber(rest, "_g", 1)
	rest, n.Retry = cutNumber(rest, "_r", 0)
	rest, n.Half = cutNumber(rest, "_s", 0)
	var err error
	n.Index, err = strconv.Atoi(rest)
	if err != nil || n.Index < 0 || n.Half == 1 || max(attempt, n.Generation, n.Retry, n.Half) > MaxAttempt || n.BatchID(attempt) != s {
		return ChunkName{}, 0, false
	}
	return n, attempt, true
}

// cutNumber removes a suffix of a mark and a number above absent from s. Without such a
// suffix it returns s and absent.
func cutNumber(s, mark string, absent int) (string, int) {
	at := strings.LastIndex(s, mark)
	if at < 0 {
		return s, absent
	}
	n, err := strconv.Atoi(s[at+len(mark):])
	if err != nil || n <= absent {
		return s, absent
	}
	return s[:at], n
}

// ResultName returns the chunk's name in a batch id, which is the id without its
// attempt. An id that no master made is returned unchanged.
func ResultName(batchID string) string {
	n, _, ok := ParseBatchID(batchID)
	if !ok {
		return batchID
	}
	return n.String()
}
