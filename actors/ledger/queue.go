package ledger

import (
	"container/heap"
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// maxRetried is how many chunks of a file may wait because they were put off: what
	// keeps workers from their work (a full disk) must not hand out the whole file, each
	// chunk a stored record. With many workers it is twice their number.
	maxRetried = 64
	// maxReturned is the same for chunks that came back for any reason. Failed ones
	// end by themselves, so there may be many more of them.
	maxReturned = 4096
	// maxTried is how many chunks are tried for a worker that shall not get the first
	// ones.
	maxTried = 8
	// otherFirst is how long a chunk that an attempt failed waits for another worker
	// than the one of that attempt.
	otherFirst = 5 * time.Second
)

// queue holds the chunks of a file that are to be handed out again: those that are
// ready, in the order of the file, and those that are held back, by time; besides, by time,
// those that are to be halved first. No operation costs more than the logarithm of its
// length.
type queue struct {
	ready   entryHeap
	held    entryHeap
	toHalve entryHeap
	retried int // number of waiting chunks that were put off
}

func newQueue() queue {
	byTime := func(a, b *entry) bool { return a.notUntil.Before(b.notUntil) }
	return queue{
		ready:   entryHeap{before: func(a, b *entry) bool { return a.Offset < b.Offset }},
		held:    entryHeap{before: byTime},
		toHalve: entryHeap{before: byTime},
	}
}

func (q *queue) len() int { return len(q.ready.list) + len(q.held.list) + len(q.toHalve.list) }

// full reports whether so many chunks wait that no new one is handed out.
func (q *queue) full(workers int) bool {
	return q.retried >= max(maxRetried, 2*workers) || q.len() >= max(maxReturned, 2*workers)
}

// put adds a chunk, which is held back until the time in it.
func (q *queue) put(e *entry, now time.Time) {
	if e.retries > 0 {
		q.retried++
	}
	switch {
	case e.toHalve:
		heap.Push(&q.toHalve, e)
	case now.Before(e.notUntil):
		heap.Push(&q.held, e)
	default:
		heap.Push(&q.ready, e)
	}
}

// drop removes a chunk, if it waits.
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
	for len(q.held.list) > 0 && !now.Before(q.held.list[0].notUntil) {
		heap.Push(&q.ready, heap.Pop(&q.held))
	}
}

// next removes and returns the first of the ready chunks that the worker may have; nil
// when none of those that are tried is. others reports whether other workers are there,
// for which a chunk that this one could not do waits.
func (q *queue) next(w messages.WorkerID, others bool, now time.Time) (found *entry) {
	var passed [maxTried]*entry
	n := 0
	for n < maxTried && len(q.ready.list) > 0 {
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

// empty removes and returns all chunks.
func (q *queue) empty() []*entry {
	all := slices.Concat(q.ready.list, q.held.list, q.toHalve.list)
	for _, e := range all {
		e.in = nil
	}
	*q = newQueue()
	return all
}

// avoids reports whether the chunk waits for another worker than the one that had it
// last and could not do it.
func (e *entry) avoids(w messages.WorkerID, now time.Time) bool {
	return (e.Failures > 0 || e.idle > 0 || e.retries > 0) && e.Worker == w && now.Sub(e.since) < otherFirst
}

// entryHeap is a heap of chunks. Each chunk knows its index in it.
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
