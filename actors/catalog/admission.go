package catalog

import (
	"cmp"
	"container/heap"
	"time"

	"kafka-master/messages"
)

// settledFile is a file that settled, as SetFingerprint decides, and waits for a place in
// work.
type settledFile struct {
	*version
	*sight // the entry is void once the version has another one
}

// byTurn is a heap of settled files: of the highest priority first, and of these the oldest.
type byTurn []settledFile

func (h byTurn) Len() int { return len(h) }

func (h byTurn) Less(i, j int) bool {
	a, b := h[i].sight.info, h[j].sight.info
	return cmp.Or(h[j].sight.priority-h[i].sight.priority, a.ModTime.Compare(b.ModTime), cmp.Compare(a.Path, b.Path)) < 0
}

func (h byTurn) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byTurn) Push(x any) { *h = append(*h, x.(settledFile)) }

// Pop implements heap.Interface.
func (h *byTurn) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = settledFile{} // The array stays, what was in it shall not.
	*h = old[:len(old)-1]
	return x
}

// Admit takes settled files into work as long as there are places for their priority. A file
// that cannot be worked on is returned as failed.
func (c *Catalog) Admit(now time.Time) []messages.File {
	var out []messages.File
	var later []settledFile // files whose former version is still in work
	for c.waiting.Len() > 0 && c.work.from(c.waiting[0].sight.priority) < MaxInWork*SmallPerPlace {
		s := heap.Pop(&c.waiting).(settledFile)
		x := s.version
		if x.other != s.sight || !s.settled || c.paths[s.sight.info.Path] != x {
			continue // it changed or left meanwhile
		}
		if x.id != 0 && !x.ended {
			later = append(later, s)
			continue
		}
		s.settled = false
		out = append(out, c.newVersion(x, now))
	}
	if c.waiting.Len() == 0 {
		c.waiting = nil
	}
	for _, s := range later {
		heap.Push(&c.waiting, s)
	}
	return out
}

// parts is how much of its place a version in work uses, in parts of 1/SmallPerPlace.
func (x *version) parts() int {
	if x.info.Size <= SmallFile {
		return 1
	}
	return SmallPerPlace
}

// newVersion takes what a path shows into work, as a new version.
func (c *Catalog) newVersion(x *version, now time.Time) messages.File {
	s := x.other
	fresh := &version{info: s.info, id: c.next, generation: x.generation + 1, sum: s.sum, priority: s.priority}
	c.next++
	c.work.add(fresh, fresh.parts())
	c.paths[s.info.Path] = fresh
	c.byID[fresh.id] = fresh
	f := messages.File{
		ID: fresh.id, Info: fresh.info, Generation: fresh.generation, Fingerprint: fresh.sum,
		Base: messages.Base(fresh.info.Path), State: messages.FileRunning,
		Cursor: messages.Cursor{Line: 1}, Started: now, Steering: messages.Steering{Priority: s.priority},
	}
	if s.unfit != "" {
		f.State, f.Reason = messages.FileFailed, s.unfit
	}
	return f
}
