package actors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// unreadable knows which files in work cannot be read, as pure state: since when,
// which of them gave their place to another file, and which are given up.
type unreadable map[messages.FileID]*unreadableFile

type unreadableFile struct {
	path   string
	at     map[int64]time.Time // when each place could not be read last: offset of a chunk, or fromCursor
	since  time.Time
	steps  int64     // chunks that were handed out for the first time or settled
	stuck  time.Time // time of the last progress of the file, in any of its parts
	tries  int
	err    error // the last one
	parked bool
}

// fromCursor stands for all of a file that was not cut yet.
const fromCursor int64 = -1

const (
	// unreadableAfter is how long a file must be unreadable before it is a problem: a
	// file that is just being touched or moved is not.
	unreadableAfter = 3 * time.Second
	// parkAfter is when a file that cannot be read gives its place in work to another.
	parkAfter = 30 * time.Second
	// maxParked bounds the files that gave their place away: each is tried still.
	maxParked = 64
	// unreadableFor is how long a file must make no progress before reads that fail end
	// it. A missing right is waited for, and the time counts only while the folder itself
	// can be listed.
	unreadableFor = time.Hour
	// unreadTryFor is how long a failed try counts. The next one follows within half a
	// minute; a chunk that came to be done otherwise is not read again.
	unreadTryFor = 5 * time.Minute
)

// unreadableVerdict is what is to be done about files that cannot be read.
type unreadableVerdict struct {
	park   []messages.FileID // give their place away now
	failed []messages.FileID // cannot be read for good
	over   []messages.FileID // nobody tries to read what could not be read
}

// note takes in how a try to read ended; err is nil when it did well. It reports
// whether the file can be read again altogether.
func (u unreadable) note(id messages.FileID, path string, at int64, err error, now time.Time) (over bool) {
	x := u[id]
	switch {
	case err == nil && x == nil:
		return false
	case err == nil:
		if delete(x.at, at); len(x.at) > 0 {
			return false
		}
		delete(u, id)
		return true
	case x == nil:
		x = &unreadableFile{path: path, at: map[int64]time.Time{}, since: now, stuck: now}
		u[id] = x
	}
	x.at[at], x.err = now, err
	x.tries++
	return false
}

// excuse begins the time of all files anew: the folder itself is away.
func (u unreadable) excuse(now time.Time) {
	for _, x := range u {
		x.since, x.stuck = now, now
	}
}

// progressed records how far a file in work is. A file of which a part cannot be read
// keeps its place, and is not failed, while its other parts progress.
func (u unreadable) progressed(f messages.File, now time.Time) {
	x := u[f.ID]
	if x == nil {
		return
	}
	if steps := int64(f.Cursor.Index) + f.DoneChunks + f.DeadChunks; steps > x.steps {
		x.steps, x.stuck = steps, now
	}
}

// judge looks at the files at a time when the folder can be listed.
func (u unreadable) judge(now time.Time) (v unreadableVerdict) {
	parked := 0
	ids := slices.Sorted(maps.Keys(u)) // the lowest ones first, when not all can be parked
	for _, id := range ids {
		x := u[id]
		maps.DeleteFunc(x.at, func(_ int64, last time.Time) bool { return now.Sub(last) > unreadTryFor })
		if len(x.at) == 0 {
			delete(u, id)
			v.over = append(v.over, id)
		} else if x.parked {
			parked++
		}
	}
	for _, id := range ids {
		x := u[id]
		if x == nil {
			continue
		}
		age := now.Sub(x.stuck)
		if age >= unreadableFor && !errors.Is(x.err, messages.ErrConfig) {
			v.failed = append(v.failed, id)
		} else if age >= parkAfter && !x.parked && parked < maxParked {
			x.parked = true
			parked++
			v.park = append(v.park, id)
		}
	}
	return v
}

// reason says why the file cannot be read.
func (x *unreadableFile) reason() string {
	return fmt.Sprintf("it cannot be read and made no progress for %s, %d tries, last: %v", unreadableFor, x.tries, x.err)
}

// count returns how many files cannot be read for some time, and the one that could
// not be read for longest.
func (u unreadable) count(now time.Time) (n int, longest *unreadableFile) {
	for _, x := range u {
		if now.Sub(x.since) < unreadableAfter && !x.parked {
			continue
		}
		if n++; longest == nil || x.since.Before(longest.since) || x.since.Equal(longest.since) && x.path < longest.path {
			longest = x
		}
	}
	return n, longest
}
