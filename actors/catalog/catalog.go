// Package catalog keeps the versions of the files in the input folder and decides which
// of them are taken into work. It is pure: it reads no folder and no clock.
//
// Invariants:
//   - A version has an id of its own, which is never used twice, and the versions of a
//     path have ascending generations.
//   - A file is taken only after it looked the same for the whole settling time and its
//     fingerprint was taken then. How old it claims to be counts for nothing.
//   - There are MaxInWork places in work. A large file holds one, and up to SmallPerPlace
//     small ones share one. There are never more in use, except that the last one to be
//     taken may be a large file beside small ones, and that a parked one which can
//     be read again always gets a place. Places that files of lower priority hold are no hindrance. Of one path at most one version is in work.
//   - A version whose time alone changed stays the same version. One whose size or
//     fingerprint changed ends, and the path gets a new version.
//   - A folder that is empty although files are in work counts as missing, not as
//     emptied, for EmptyFor.
package catalog

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// MaxInWork is how many files are in work at once: more than one, so that a huge
	// file does not block a small one.
	MaxInWork = 16
	// SmallFile is the size up to which a file is small. Small files spend their time
	// waiting for commits and messages, so more of them are in work at once.
	SmallFile = 64 << 10
	// SmallPerPlace is how many small files share a place.
	SmallPerPlace = 4
	// NULWait is how long a file that ends in NUL bytes must stay as it is: a copy that
	// sets the full size first leaves them where its data has not arrived yet, and may
	// stall. A file that really ends in NUL bytes is taken after that.
	NULWait = 10 * time.Minute
	// EmptyFor is how long a folder must be empty before the files in work count as
	// deleted.
	EmptyFor = 30 * time.Second
	// rememberFor is how long a finished file is remembered after it left the folder.
	rememberFor = 30 * 24 * time.Hour
)

// Catalog holds what is known of each path.
type Catalog struct {
	settle     time.Duration
	paths      map[string]*version // newest version of each path
	byID       map[messages.FileID]*version
	next       messages.FileID
	paused     int            // number of versions that are paused
	work       places         // see version.parts
	waiting    byTurn         // settled files that wait for a place
	wishes     map[string]int // priorities of files that are not taken yet, by path
	emptySince time.Time      // time when the folder was first empty although files are in work
}

// version is the newest version of a path.
type version struct {
	info       messages.FileInfo // as the version was fingerprinted, or touched since
	id         messages.FileID   // 0 until it is taken into work
	generation int
	sum        uint64
	ended      bool
	priority   int
	parked     bool      // in work without a place, because it cannot be read
	paused     bool      // in work without a place, because nothing new of it is begun
	left       time.Time // time when it was first missing in the folder
	other      *sight    // what the last listing showed, while that is not info
}

// sight is what a listing shows at a path of which no version is known that looks like it.
type sight struct {
	info    messages.FileInfo
	since   time.Time // time when it first looked like that
	first   time.Time // time when the first of the changes was seen that it has not rested from
	pending bool      // its fingerprint was asked for
	settled bool      // it waits for a place in work
	sum     uint64    // its fingerprint
	unfit   string    // reason why it cannot be worked on, else empty
	nuls    bool      // it ends in NUL bytes, so its copy may not be complete
	// priority is the one that the file will have.
	priority int
}

// Changes are the consequences of a listing.
type Changes struct {
	// Empty reports that the folder is empty although files are in work, as a share is
	// that is not mounted.
	Empty bool
	// Held reports that the listing had no effect because the folder is empty.
	Held bool
	// Fingerprint lists the files whose fingerprint has to be taken.
	Fingerprint []messages.FileInfo
	// Gone lists the versions in work that were deleted.
	Gone []messages.FileID
	// Resized lists the versions in work whose size changed.
	Resized []messages.FileID
	// Left lists the versions that are missing for the first time.
	Left []messages.FileID
	// Forgotten lists the ended versions that left long ago.
	Forgotten []messages.FileID
	// Settling is the number of files that are not taken yet.
	Settling int
	// SettlingBytes is their length, without those of which only the time changed.
	SettlingBytes int64
	// NULs lists the paths that are not taken yet because they end in NUL bytes.
	NULs []string
	// Growing is the path that has changed for the longest time without a rest, empty for
	// none; GrowingSince is when it was first seen.
	Growing      string
	GrowingSince time.Time
}

// Fingerprint is the result of an inspection of a file.
type Fingerprint struct {
	File  messages.FileInfo
	Sum   uint64
	Unfit string // reason why the content cannot be worked on, else empty
	NULs  bool   // the content ends in NUL bytes
	Err   error
}

// New returns a catalog of the stored files; next is the lowest id that may be free.
func New(settle time.Duration, files []*messages.File, next messages.FileID) *Catalog {
	c := &Catalog{settle: settle, paths: map[string]*version{}, byID: map[messages.FileID]*version{}, next: max(1, next), wishes: map[string]int{}}
	for _, f := range files {
		x := &version{info: f.Info, id: f.ID, generation: f.Generation, sum: f.Fingerprint, ended: !f.Ended.IsZero(), left: f.Left, priority: f.Priority}
		if old := c.paths[f.Info.Path]; old == nil || old.generation < f.Generation {
			c.paths[f.Info.Path] = x
		}
		c.byID[f.ID] = x
		c.next = max(c.next, f.ID+1)
		if !x.ended {
			c.work.add(x, x.parts())
		}
	}
	return c
}

// Intact reports whether the last listing showed the version as it is known.
func (c *Catalog) Intact(id messages.FileID) bool {
	x := c.byID[id]
	return x != nil && c.paths[x.info.Path] == x && x.left.IsZero() && x.other == nil
}

// Version returns the version that the file is, or 0 when it is none that was taken
// into work.
func (c *Catalog) Version(f messages.FileInfo) messages.FileID {
	if x := c.paths[f.Path]; x != nil && x.left.IsZero() && f.SameVersion(x.info) {
		return x.id
	}
	return 0
}

// List compares a listing of the folder with what is known.
func (c *Catalog) List(files []messages.FileInfo, now time.Time) Changes {
	var out Changes
	if out.Empty, out.Held = c.empty(files, now); out.Held {
		return out
	}
	present := make(map[string]bool, len(files))
	for _, f := range files {
		present[f.Path] = true
		x := c.paths[f.Path]
		if x == nil {
			x = &version{}
			c.paths[f.Path] = x
		}
		c.compare(x, f, now, &out)
	}
	for path, x := range c.paths {
		switch {
		case present[path]:
		case x.id == 0:
			delete(c.paths, path) // it left before it was taken
		default:
			x.other = nil
			c.leave(x, now, &out)
		}
	}
	c.forget(now, &out)
	for _, ids := range [][]messages.FileID{out.Gone, out.Left, out.Forgotten} {
		slices.Sort(ids) // the same listing has the same effect
	}
	return out
}

// empty reports whether the folder is empty although files are in work, and whether
// that is so new that the folder may be missing.
func (c *Catalog) empty(files []messages.FileInfo, now time.Time) (empty, held bool) {
	if len(files) > 0 || !c.working() {
		c.emptySince = time.Time{}
		return false, false
	}
	if c.emptySince.IsZero() {
		c.emptySince = now
	}
	return true, now.Sub(c.emptySince) < EmptyFor
}

// working reports whether any version is in work, with or without a place.
func (c *Catalog) working() bool {
	if c.work.from(-messages.MaxPriority) > 0 {
		return true
	}
	for _, x := range c.byID {
		if !x.ended {
			return true
		}
	}
	return false
}

// leave records that a version is missing in the folder.
func (c *Catalog) leave(x *version, now time.Time, out *Changes) {
	if !x.left.IsZero() {
		return
	}
	x.left = now
	out.Left = append(out.Left, x.id)
	if !x.ended {
		out.Gone = append(out.Gone, x.id)
	}
}

// forget drops the versions that ended and left long ago.
func (c *Catalog) forget(now time.Time, out *Changes) {
	for id, x := range c.byID {
		if x.left.IsZero() || !x.ended || now.Sub(x.left) <= rememberFor {
			continue
		}
		out.Forgotten = append(out.Forgotten, id)
		delete(c.byID, id)
		if c.paths[x.info.Path] == x {
			delete(c.paths, x.info.Path)
		}
	}
}

// End records that a version became terminal.
func (c *Catalog) End(id messages.FileID) {
	if x := c.byID[id]; x != nil && !x.ended {
		c.Resume(id)
		c.Pause(id, false)
		x.ended = true
		c.work.add(x, -x.parts())
	}
}

// Park takes the place in work from a version that cannot continue.
func (c *Catalog) Park(id messages.FileID) {
	c.replace(id, func(x *version) { x.parked = true })
}

// Resume gives a parked version a place again, even when all are taken meanwhile.
func (c *Catalog) Resume(id messages.FileID) {
	c.replace(id, func(x *version) { x.parked = false })
}

// maxPaused bounds the paused files without a place, because each keeps a planner and
// chunks that were cut. Further ones keep their places.
const maxPaused = 64

// Pause takes the place in work from a version of which nothing new is begun, and gives it
// back when that is over, even when all are taken meanwhile. It reports whether that
// changed something.
func (c *Catalog) Pause(id messages.FileID, paused bool) (changed bool) {
	x := c.byID[id]
	if x == nil || x.ended || x.paused == paused || paused && c.paused >= maxPaused {
		return false
	}
	c.replace(id, func(x *version) { x.paused = paused })
	if paused {
		c.paused++
	} else {
		c.paused--
	}
	return true
}

// replace changes whether a version in work needs a place.
func (c *Catalog) replace(id messages.FileID, change func(*version)) {
	x := c.byID[id]
	if x == nil || x.ended {
		return
	}
	before := x.parked || x.paused
	change(x)
	switch after := x.parked || x.paused; {
	case after && !before:
		c.work.add(x, -x.parts())
	case before && !after:
		c.work.add(x, x.parts())
	}
}
