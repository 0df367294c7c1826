package actors

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"kafka-master/messages"
)

// catalog knows the versions of the files in the input folder and decides which
// are taken into work, as pure state.
type catalog struct {
	settle time.Duration
	paths  map[string]*cataloged
	byID   map[messages.FileID]*cataloged
	next   messages.FileID
	work   int         // versions in work
	queue  settledHeap // settled files that wait for a place, oldest first
}

// settledFile is a file that waits for a place in work.
type settledFile struct {
	*cataloged
	info messages.FileInfo // as it settled; void when it was seen otherwise since
}

// settledHeap orders settled files by age.
type settledHeap []settledFile

func (h settledHeap) Len() int { return len(h) }

func (h settledHeap) Less(i, j int) bool {
	a, b := h[i].info, h[j].info
	return cmp.Or(a.ModTime.Compare(b.ModTime), cmp.Compare(a.Path, b.Path)) < 0
}

func (h settledHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *settledHeap) Push(x any) { *h = append(*h, x.(settledFile)) }

// Pop implements heap.Interface.
func (h *settledHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// cataloged is the newest version of a path.
type cataloged struct {
	info       messages.FileInfo // as the version was fingerprinted, or touched
	id         messages.FileID   // 0 until it was taken into work
	generation int
	sum        uint64
	ended      bool
	parked     bool      // it is in work without a place, since it cannot be read
	left       time.Time // when it was first missing

	seen    messages.FileInfo // as the last listing showed it, while it differs from info
	since   time.Time         // when seen was first seen like that
	pending bool              // a fingerprint of seen was asked for
	settled bool              // waits for a place in work
	newSum  uint64            // its fingerprint
	unfit   string            // why it cannot be worked on, empty when it can
	nuls    bool              // it ends in NUL bytes, so its copy may not be complete
}

// What the coordinator has to do after a listing.
type catalogWork struct {
	fingerprint []messages.FileInfo // to be taken
	gone        []messages.FileID   // versions in work that were deleted
	changed     []messages.FileID   // versions in work whose size is another now
	left        []messages.FileID   // versions that are missing for the first time
	forget      []messages.FileID   // versions that left long ago
	settling    int
	nuls        []string // paths that are not taken yet since they end in NUL bytes
}

// intact reports whether the last listing showed the version as it is known.
func (c *catalog) intact(id messages.FileID) bool {
	x := c.byID[id]
	return x != nil && c.paths[x.info.Path] == x && x.left.IsZero() && x.seen == messages.FileInfo{}
}

const (
	// maxInWork is how many files are in work at once, so that a huge one does
	// not block a small one.
	maxInWork = 16
	// nulPatience is how long a file that ends in NUL bytes must stay as it is: a
	// copy that sets the full size first leaves them where its data has not come yet,
	// and may stall. A file that really ends so is taken after that.
	nulPatience = 10 * time.Minute
	// emptyFor is how long a folder must be empty before the files in work count
	// as deleted.
	emptyFor = 30 * time.Second
	// rememberFor is how long a finished file is remembered after it left.
	rememberFor = 30 * 24 * time.Hour
)

func newCatalog(settle time.Duration, files []messages.File, next messages.FileID) *catalog {
	c := &catalog{settle: settle, paths: map[string]*cataloged{}, byID: map[messages.FileID]*cataloged{}, next: max(1, next)}
	for _, f := range files {
		x := &cataloged{info: f.Info, id: f.ID, generation: f.Generation, sum: f.Fingerprint, ended: !f.Ended.IsZero(), left: f.Left}
		if old := c.paths[f.Info.Path]; old == nil || old.generation < f.Generation {
			c.paths[f.Info.Path] = x
		}
		c.byID[f.ID] = x
		c.next = max(c.next, f.ID+1)
		if !x.ended {
			c.work++
		}
	}
	return c
}

// list takes a listing in.
func (c *catalog) list(files []messages.FileInfo, now time.Time) catalogWork {
	var w catalogWork
	present := make(map[string]bool, len(files))
	for _, f := range files {
		present[f.Path] = true
		x := c.paths[f.Path]
		if x == nil {
			x = &cataloged{}
			c.paths[f.Path] = x
		}
		c.see(x, f, now, &w)
	}
	for path, x := range c.paths {
		if present[path] {
			continue
		}
		if x.id == 0 {
			delete(c.paths, path) // it left before it was taken
			continue
		}
		x.seen, x.settled, x.pending = messages.FileInfo{}, false, false
		c.miss(x, now, &w)
	}
	for id, x := range c.byID {
		if !x.left.IsZero() && x.ended && now.Sub(x.left) > rememberFor {
			w.forget = append(w.forget, id)
			delete(c.byID, id)
			if c.paths[x.info.Path] == x {
				delete(c.paths, x.info.Path)
			}
		}
	}
	for _, ids := range [][]messages.FileID{w.gone, w.left, w.forget} {
		slices.Sort(ids) // the same listing has the same effect
	}
	return w
}

// see compares a file of the folder with what is known of its path.
func (c *catalog) see(x *cataloged, f messages.FileInfo, now time.Time, w *catalogWork) {
	if x.id != 0 && x.left.IsZero() && f.SameVersion(x.info) {
		x.seen, x.settled, x.pending = messages.FileInfo{}, false, false
		return
	}
	if x.id != 0 && !x.ended && f.Size != x.info.Size {
		w.changed = append(w.changed, x.id)
	}
	if !f.SameVersion(x.seen) {
		x.seen, x.since, x.settled, x.pending, x.nuls = f, now, false, false, false
		// How old a file claims to be is never asked: the clock of the writer or of
		// the file server may be behind. A version in work that only looks touched is
		// asked for at once.
		touched := x.id != 0 && x.left.IsZero() && f.Size == x.info.Size
		if c.settle > 0 && !touched {
			w.settling++
			return
		}
	} else if !x.pending && !x.settled && now.Sub(x.since) < c.settle {
		w.settling++
		return
	}
	if !x.pending && !x.settled {
		x.pending = true
		w.fingerprint = append(w.fingerprint, f)
	}
	if x.nuls && !x.settled {
		w.nuls = append(w.nuls, f.Path)
	}
	w.settling++
}

func (c *catalog) miss(x *cataloged, now time.Time, w *catalogWork) {
	if !x.left.IsZero() {
		return
	}
	x.left = now
	w.left = append(w.left, x.id)
	if !x.ended {
		w.gone = append(w.gone, x.id)
	}
}

// print takes a fingerprint in. touched is the version whose time alone changed;
// rewritten is one in work whose content is another.
func (c *catalog) print(m *fingerprinted, now time.Time) (touched, rewritten messages.FileID) {
	x := c.paths[m.file.Path]
	if x == nil || !x.pending || !m.file.SameVersion(x.seen) {
		return 0, 0
	}
	x.pending = false
	if m.err != nil {
		return 0, 0 // asked again after the next listing
	}
	if x.id != 0 && x.left.IsZero() && x.info.Size == m.file.Size && x.sum == m.sum {
		x.info, x.seen = m.file, messages.FileInfo{}
		return x.id, 0
	}
	if x.id != 0 && !x.ended {
		rewritten = x.id
	}
	seen := now.Sub(x.since)
	x.nuls = m.nuls && m.unfit == "" && c.settle > 0 && seen < nulPatience
	if x.nuls || seen < c.settle { // it was asked for early, since it might have been touched only
		return 0, rewritten // asked again after a later listing
	}
	x.settled, x.newSum, x.unfit = true, m.sum, m.unfit
	heap.Push(&c.queue, settledFile{x, m.file})
	return 0, rewritten
}

// admit takes settled files into work, oldest first, as long as there is room.
func (c *catalog) admit(now time.Time) []messages.File {
	var out []messages.File
	var later []settledFile // whose former version is in work still
	for c.work < maxInWork && c.queue.Len() > 0 {
		q := heap.Pop(&c.queue).(settledFile)
		x := q.cataloged
		if !x.settled || x.seen != q.info || c.paths[q.info.Path] != x {
			continue // it changed or left since
		}
		if x.id != 0 && !x.ended {
			later = append(later, q)
			continue
		}
		x.settled = false
		fresh := &cataloged{info: x.seen, id: c.next, generation: x.generation + 1, sum: x.newSum}
		c.next++
		c.work++
		c.paths[x.seen.Path] = fresh
		c.byID[fresh.id] = fresh
		f := messages.File{
			ID: fresh.id, Info: fresh.info, Generation: fresh.generation, Fingerprint: fresh.sum,
			Base: messages.Base(fresh.info.Path), State: messages.FileRunning,
			Cursor: messages.Cursor{Line: 1}, Started: now,
		}
		if x.unfit != "" {
			f.State, f.Reason = messages.FileFailed, x.unfit
		}
		out = append(out, f)
	}
	for _, q := range later {
		heap.Push(&c.queue, q)
	}
	return out
}

// end notes that a version became terminal.
func (c *catalog) end(id messages.FileID) {
	if x := c.byID[id]; x != nil && !x.ended {
		c.resume(id)
		x.ended = true
		c.work--
	}
}

// park takes a version's place in work away while it cannot go on.
func (c *catalog) park(id messages.FileID) {
	if x := c.byID[id]; x != nil && !x.ended && !x.parked {
		x.parked = true
		c.work--
	}
}

// resume gives it a place again, even if all are taken meanwhile.
func (c *catalog) resume(id messages.FileID) {
	if x := c.byID[id]; x != nil && x.parked {
		x.parked = false
		c.work++
	}
}
