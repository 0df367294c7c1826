package actors

import (
	"container/heap"
	"time"

	"kafka-master/messages"
)

const (
	// maxRetried is how many chunks of a file may wait since their worker asked to do
	// them later: what keeps workers from their work (a full disk) must not hand out
	// the whole file, each chunk a stored record. With many workers it is twice their
	// number.
	maxRetried = 64
	// maxReturned is the same for chunks that came back for any reason. Failed ones
	// end by themselves, so there may be many more of them.
	maxReturned = 4096
	// maxLooks is how many chunks are looked at for a worker that shall not get the
	// first ones.
	maxLooks = 8
)

// queue holds the chunks of a file that are to be handed out again: those that are
// ready, by index, and those that are held back, by time. No operation costs more
// than the logarithm of its length.
type queue struct {
	ready   entryHeap
	held    entryHeap
	retried int // of those that wait, chunks that a worker asked to do later
}

func newQueue() queue {
	return queue{
		ready: entryHeap{before: func(a, b *entry) bool { return a.ID.Index < b.ID.Index }},
		held:  entryHeap{before: func(a, b *entry) bool { return a.after.Before(b.after) }},
	}
}

func (q *queue) len() int { return len(q.ready.list) + len(q.held.list) }

// full reports whether enough chunks wait for no new one to be handed out.
func (q *queue) full(workers int) bool {
	return q.retried >= max(maxRetried, 2*workers) || q.len() >= max(maxReturned, 2*workers)
}

// put adds a chunk, which may be held back until a time.
func (q *queue) put(e *entry, now time.Time) {
	if e.retries > 0 {
		q.retried++
	}
	if now.Before(e.after) {
		heap.Push(&q.held, e)
	} else {
		heap.Push(&q.ready, e)
	}
}

// drop takes a chunk out.
func (q *queue) drop(e *entry) {
	if e.in == nil {
		return
	}
	heap.Remove(e.in, e.at)
	if e.retries > 0 {
		q.retried--
	}
}

// wake makes ready what was held back until now.
func (q *queue) wake(now time.Time) {
	for len(q.held.list) > 0 && !now.Before(q.held.list[0].after) {
		heap.Push(&q.ready, heap.Pop(&q.held))
	}
}

// next takes out the first of the ready chunks that the worker may have; nil when
// none of those that are looked at is.
func (q *queue) next(w messages.WorkerID, others bool, now time.Time) (found *entry) {
	var passed [maxLooks]*entry
	n := 0
	for n < maxLooks && len(q.ready.list) > 0 {
		e := heap.Pop(&q.ready).(*entry)
		if !others || !e.avoids(w, now) {
			found = e
			break
		}
		passed[n] = e
		n++
	}
	for _, e := range passed[:n] {
		heap.Push(&q.ready, e)
	}
	if found != nil && found.retries > 0 {
		q.retried--
	}
	return found
}

// empty takes everything out.
func (q *queue) empty() []*entry {
	all := append(q.ready.list, q.held.list...)
	for _, e := range all {
		e.in = nil
	}
	*q = newQueue()
	return all
}

// avoids reports whether the chunk waits for another worker than the one that had it
// last, which could not do it.
func (e *entry) avoids(w messages.WorkerID, now time.Time) bool {
	return (e.Failures > 0 || e.idle > 0 || e.retries > 0) && e.Worker == w && now.Sub(e.since) < otherFirst
}

// entryHeap is a heap of chunks that knows the place of each.
type entryHeap struct {
	list   []*entry
	before func(a, b *entry) bool
}

// Len implements heap.Interface.
func (h *entryHeap) Len() int { return len(h.list) }

// Less implements heap.Interface.
func (h *entryHeap) Less(i, j int) bool { return h.before(h.list[i], h.list[j]) }

// Swap implements heap.Interface.
func (h *entryHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].at, h.list[j].at = i, j
}

// Push implements heap.Interface.
func (h *entryHeap) Push(x any) {
	e := x.(*entry)
	e.in, e.at = h, len(h.list)
	h.list = append(h.list, e)
}

// Pop implements heap.Interface.
func (h *entryHeap) Pop() any {
	last := len(h.list) - 1
	e := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	e.in = nil
	return e
}
