package ledger

import (
	"container/heap"
	"time"

	"kafka-master/messages"
)

const (
	// halveAfter is how many failures make a chunk of several items be halved. One failure
	// says little of a chunk: its worker may have been killed for another reason.
	halveAfter = 2
	// maxCutting is how many ranges are cut in two at one time.
	maxCutting = 4
	// cutFor is how long a range may be under the knife before it is cut once more.
	cutFor = 5 * time.Minute
	// recutMin is the first pause after a range could not be read, doubled each time up to
	// retryMax.
	recutMin = time.Second
	// maxBlind and blindPerSlot times the slots of all workers is how many chunks of a file
	// are halved without any chunk of it being done. Where everything fails the lines are
	// not the cause, and halving would make a record of every single one.
	maxBlind     = 1000
	blindPerSlot = 20
)

// Halving is a chunk whose range has to be cut in two.
type Halving struct {
	File  messages.FileInfo
	Chunk messages.Chunk
}

// keep enters a chunk that has a record.
func (b *book) keep(e *entry) {
	b.entries[e.ID] = e
	if e.ID.Half == 0 {
		return
	}
	if b.halves == nil {
		b.halves = map[int]map[int]bool{}
	}
	if b.halves[e.ID.Index] == nil {
		b.halves[e.ID.Index] = map[int]bool{}
	}
	b.halves[e.ID.Index][e.ID.Half] = true
}

// drop removes a chunk that has no record any more.
func (b *book) drop(e *entry) {
	delete(b.entries, e.ID)
	if of := b.halves[e.ID.Index]; of != nil {
		if delete(of, e.ID.Half); len(of) == 0 {
			delete(b.halves, e.ID.Index)
		}
	}
}

// divided reports that a chunk without a record is not done although it lies before the
// cursor: it was halved, or the chunk of which it would be a half was not.
func (b *book) divided(id messages.ChunkID) bool {
	for of, ok := id.Halved(); ok; of, ok = of.Halved() {
		if b.entries[of] != nil {
			return true
		}
	}
	number := max(1, id.Half)
	for half := range b.halves[id.Index] {
		for half > number {
			half /= 2
		}
		if half == number {
			return true
		}
	}
	return false
}

// shallHalve reports whether a chunk is to be halved: it has several items and failed
// twice, at two workers where there are two. An attempt that ended before any progress, at
// a worker that was lost or seems to have passed the chunk over, counts as a failure here:
// its first item may have killed the worker. A chunk that was handed out far too often is halved,
// too, rather than given up as a whole. Halving is harmless where the chunk was not the
// cause, so what the failure says of its worker does not matter.
func (l *Ledger) shallHalve(b *book, e *entry, workers int) bool {
	if !l.rules.Bisect || e.Items < 2 || e.ID.Retry > 0 || b.blind >= max(maxBlind, blindPerSlot*l.offers.slots) {
		return false
	}
	return l.usedUp(e) || e.Failures+e.Unbegun >= l.halveAfter() && (workers < 2 || e.severalWorkers())
}

// ableWorkers counts the workers that take chunks and are not paused: what a paused worker
// fails does not count, so nobody waits for it.
func (l *Ledger) ableWorkers() int {
	n := len(l.offers.of)
	for w, t := range l.breaker.trials {
		if l.offers.of[w] != nil && !t.until.IsZero() {
			n--
		}
	}
	return n
}

func (l *Ledger) halveAfter() int { return min(halveAfter, l.rules.MaxAttempts) }

// failsNext reports whether one more failure may end the chunk.
func (l *Ledger) failsNext(e *entry) bool {
	return e.Failures+1 >= l.rules.MaxAttempts || l.rules.Bisect && e.Items > 1 && e.Failures+e.Unbegun+1 >= l.halveAfter()
}

// severalWorkers reports whether two workers failed the chunk or did not begin it. Which
// ones did not begin it is not known after a restart.
func (e *entry) severalWorkers() bool {
	for _, w := range e.notBegunAt {
		if w != e.notBegunAt[0] || len(e.blamed) > 0 && w != e.blamed[0] {
			return true
		}
	}
	return e.Workers >= 2 || e.Unbegun > len(e.notBegunAt)
}

// awaitHalving lets a chunk wait for being halved.
func (l *Ledger) awaitHalving(b *book, e *entry, now time.Time) {
	b.blind++
	e.State, e.toHalve, e.notUntil = messages.ChunkReady, true, now
	b.waiting.put(e, now)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
}

// Halvings returns chunks whose ranges are to be cut in two. Each is to be answered by
// Halve or NotHalved.
func (l *Ledger) Halvings(now time.Time) (out []Halving) {
	for _, b := range l.turns.list {
		for q := &b.waiting.toHalve; l.cutting < maxCutting && len(q.list) > 0 && !now.Before(q.list[0].notUntil); {
			e := q.list[0]
			e.notUntil = now.Add(cutFor)
			heap.Fix(q, 0)
			l.cutting++
			out = append(out, Halving{File: b.Info, Chunk: e.Chunk})
		}
	}
	return out
}

// Halve puts two halves in the place of a chunk. It reports whether the chunk still waited
// for that: it may be done meanwhile by a late result.
func (l *Ledger) Halve(of messages.ChunkID, halves [2]Cut, now time.Time) bool {
	b, e := l.uncut(of)
	if e == nil {
		return false
	}
	b.waiting.drop(e)
	b.drop(e)
	b.open.add(&e.OpenChunk, -1)
	l.trials.forget(e)
	l.out.DropChunks = append(l.out.DropChunks, of)
	b.Halvings++
	for _, c := range halves {
		half := l.enter(b, c)
		half.State, half.since, half.Reason = messages.ChunkReady, now, e.Reason
		b.waiting.put(half, now)
		l.out.Chunks = append(l.out.Chunks, half.OpenChunk)
	}
	l.store(b)
	return true
}

// NotHalved records that the range of a chunk could not be cut in two, for now, or because
// it holds other bytes than were cut.
func (l *Ledger) NotHalved(of messages.ChunkID, otherBytes bool, reason string, now time.Time) {
	b, e := l.uncut(of)
	switch {
	case e == nil:
	case otherBytes:
		l.fail(b, messages.FileChanged, reason, now) // The chunk waits, so it is dead now.
	default:
		e.notUntil = now.Add(min(retryMax, recutMin<<min(e.recuts, 10)))
		e.recuts++
		heap.Fix(e.in, e.at)
	}
}

// uncut ends the cutting of a range and returns its chunk, if it still waits for that.
func (l *Ledger) uncut(of messages.ChunkID) (*book, *entry) {
	l.cutting = max(0, l.cutting-1)
	b := l.files[of.File]
	if b == nil {
		return nil, nil
	}
	if e := b.entries[of]; e != nil && e.in == &b.waiting.toHalve {
		return b, e
	}
	return nil, nil
}
