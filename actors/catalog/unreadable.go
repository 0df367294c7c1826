package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// Unreadable keeps the files in work that cannot be read, and decides which of them give
// their place to another file and which are failed.
//
// Invariants: a file leaves it only when every part of it that could not be read was read
// since, or is not tried any more. A file that progresses in any part is not failed, and
// no time counts in which the folder cannot be listed. A missing right fails no file.
type Unreadable struct {
	files map[messages.FileID]*unreadableFile
}

type unreadableFile struct {
	path       string
	tried      map[int64]time.Time // time of the last failed try, by offset of a chunk or FromCursor
	since      time.Time
	steps      fileSteps
	progressed time.Time // time of the last progress of the file, in any of its parts
	tries      int
	err        error // of the last try
	parked     bool
}

// fileSteps are the figures of a file by which it progresses. A retry lowers some of them, or
// moves items only.
type fileSteps struct{ chunks, doneChunks, deadChunks, doneItems, failedItems int64 }

// FromCursor stands for all of a file that is not cut yet, in place of an offset.
const FromCursor int64 = -1

const (
	// unreadableAfter is how long a file must be unreadable before it is a problem: a
	// file that is just being touched or moved is none.
	unreadableAfter = 3 * time.Second
	// ParkAfter is when a file that cannot be read gives its place in work to another.
	ParkAfter = 30 * time.Second
	// maxParked bounds the files without a place, because each is still tried.
	maxParked = 64
	// FailAfter is how long a file must make no progress before reads that fail end it.
	// A missing right is waited for, and the time counts only while the folder itself can
	// be listed.
	FailAfter = time.Hour
	// triedFor is how long a failed try counts. The next one follows within half a minute,
	// unless the chunk was finished without being read again.
	triedFor = 5 * time.Minute
)

// Judgement lists what is to be done about files that cannot be read.
type Judgement struct {
	Park   []UnreadableFile  // give their places away now
	Failed []UnreadableFile  // have to be failed
	Over   []messages.FileID // are not tried any more
}

// UnreadableFile is one file that cannot be read.
type UnreadableFile struct {
	ID     messages.FileID
	Path   string
	Err    error
	Reason string // why it is failed
}

// NewUnreadable returns an Unreadable without files.
func NewUnreadable() *Unreadable {
	return &Unreadable{files: map[messages.FileID]*unreadableFile{}}
}

// Tried records how a try to read a part of a file ended; err is nil when it succeeded.
// It reports whether that was the last part that could not be read.
func (u *Unreadable) Tried(id messages.FileID, path string, at int64, err error, now time.Time) (over bool) {
	x := u.files[id]
	switch {
	case err == nil && x == nil:
		return false
	case err == nil:
		if delete(x.tried, at); len(x.tried) > 0 {
			return false
		}
		delete(u.files, id)
		return true
	case x == nil:
		x = &unreadableFile{path: path, tried: map[int64]time.Time{}, since: now, progressed: now}
		u.files[id] = x
	}
	x.tried[at], x.err = now, err
	x.tries++
	return false
}

// Progressed records how far a file in work is. A file of which a part cannot be read
// keeps its place, and is not failed, while its other parts progress.
func (u *Unreadable) Progressed(f messages.File, now time.Time) {
	x := u.files[f.ID]
	if x == nil {
		return
	}
	if steps := (fileSteps{f.Chunks(), f.DoneChunks, f.DeadChunks, f.DoneItems, f.FailedItems}); steps != x.steps {
		x.steps, x.progressed = steps, now
	}
}

// Restart begins the times of all files again, because the folder itself is away.
func (u *Unreadable) Restart(now time.Time) {
	for _, x := range u.files {
		x.since, x.progressed = now, now
	}
}

// Forget drops a file and reports whether it could not be read.
func (u *Unreadable) Forget(id messages.FileID) (existed bool) {
	_, existed = u.files[id]
	delete(u.files, id)
	return existed
}

// Judge judges all files, at a time when the folder can be listed.
func (u *Unreadable) Judge(now time.Time) (j Judgement) {
	parked := 0
	ids := slices.Sorted(maps.Keys(u.files)) // the lowest ones first when not all can be parked
	for _, id := range ids {
		x := u.files[id]
		maps.DeleteFunc(x.tried, func(_ int64, last time.Time) bool { return now.Sub(last) > triedFor })
		if len(x.tried) == 0 {
			delete(u.files, id)
			j.Over = append(j.Over, id)
		} else if x.parked {
			parked++
		}
	}
	for _, id := range ids {
		x := u.files[id]
		if x == nil {
			continue
		}
		age := now.Sub(x.progressed)
		file := UnreadableFile{ID: id, Path: x.path, Err: x.err}
		if age >= FailAfter && !errors.Is(x.err, messages.ErrConfig) {
			file.Reason = fmt.Sprintf("it cannot be read and made no progress for %s, %d tries, last: %v", FailAfter, x.tries, x.err)
			j.Failed = append(j.Failed, file)
		} else if age >= ParkAfter && !x.parked && parked < maxParked {
			x.parked = true
			parked++
			j.Park = append(j.Park, file)
		}
	}
	return j
}

// Count returns how many files cannot be read for some time, and the path and the error
// of the one that could not be read for longest.
func (u *Unreadable) Count(now time.Time) (n int, path string, err error) {
	var longest *unreadableFile
	for _, x := range u.files {
		if now.Sub(x.since) < unreadableAfter && !x.parked {
			continue
		}
		if n++; longest == nil || x.since.Before(longest.since) || x.since.Equal(longest.since) && x.path < longest.path {
			longest = x
		}
	}
	if longest == nil {
		return 0, "", nil
	}
	return n, longest.path, longest.err
}
