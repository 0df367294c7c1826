package worker

import (
	"sync"

	"kafka-master/messages"
)

// inbox is what was read for a worker and not yet dealt with. It keeps a worker
// that is busy, or whose disk does not answer, from holding up the others.
type inbox struct {
	mu sync.Mutex
	// limit is the number of chunks that the desk has room for. A smaller one would
	// give back chunks of a worker that is held up for a moment, although it has room.
	limit   int
	waiting []entry
	open    bool  // the worker takes what comes
	working bool  // a goroutine is at it
	readTo  int64 // the reader's offset, to be noted once all before it was dealt with, or messages.UnknownOffset
}

// entry is a record, or a new position that the records after it belong to.
type entry struct {
	record   messages.Received
	moveTo   *messages.Position
	announce bool // with the jump
}

// room reports whether the inbox is not overfull.
func (b *inbox) room() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) < b.limit
}

// offer takes a record in and never blocks. A worker that shares its partition
// and has no room gives it back; one that has the partition to itself is not read
// for until it has room.
func (w *session) enqueue(record messages.Received, shared bool) {
	if shared && !w.inbox.room() {
		if chunk, ok := w.decode(record); ok {
			w.sendSignal(resultOf(chunk, 0, messages.OutcomeRetry, reasonFull), true)
		}
		return
	}
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, entry{record: record})
	if !w.alone {
		w.startEmptying()
	}
}

// catchUp deals with the records of a worker that is alone in its process in the
// reader's goroutine: nobody else waits for that, and a hand-over costs more than
// many a record.
func (w *session) catchUp() {
	b := &w.inbox
	b.mu.Lock()
	ready := w.claimEmptying()
	b.mu.Unlock()
	if ready {
		w.emptyInbox()
	}
}

// jump goes on at another position, once what came before was dealt with. A new
// partition is announced. A worker that has not begun begins there.
func (w *session) moveTo(to messages.Position, announce bool) {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readTo = messages.UnknownOffset
	if !b.open && len(b.waiting) == 0 {
		w.desk.setPosition(to.Partition, to.Offset)
		return
	}
	b.waiting = append(b.waiting, entry{moveTo: &to, announce: announce})
	w.startEmptying()
}

// arrive goes on at a position.
func (w *session) arriveAt(at messages.Position, announce bool) {
	w.desk.setPosition(at.Partition, at.Offset)
	if announce {
		w.sendStatus(messages.SignalAnnounce)
	}
	w.heartbeatNow()
}

// takeUp begins to deal with what waits. The inbox is locked.
func (w *session) startEmptying() {
	if w.claimEmptying() {
		w.emptier.Go(w.emptyInbox)
	}
}

// ready reports whether the caller is to deal with what waits. The inbox is locked.
func (w *session) claimEmptying() bool {
	b := &w.inbox
	if !b.open || b.working || len(b.waiting) == 0 || w.reading.Err() != nil {
		return false
	}
	b.working = true
	return true
}

// openInbox lets the worker deal with what comes.
func (w *session) openInbox() {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = true
	w.startEmptying()
}

// passed notes how far the reader is.
func (w *session) readUpTo(next int64) {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readTo = next
	w.advance()
}

// notePassed tells the desk the reader's offset when nothing before it waits. The
// inbox is locked.
func (w *session) advance() {
	if b := &w.inbox; b.readTo != messages.UnknownOffset && !b.working && len(b.waiting) == 0 {
		w.desk.setNext(b.readTo)
		b.readTo = messages.UnknownOffset
	}
}

// empty deals with what waits until nothing does, or the worker stops.
func (w *session) emptyInbox() {
	for {
		e, left, ok := w.nextEntry()
		switch {
		case !ok:
			return
		case e.moveTo != nil:
			w.arriveAt(*e.moveTo, e.announce)
		default:
			w.accept(w.reading, e.record)
		}
		if left == w.inbox.limit-1 {
			w.onRoom()
		}
	}
}

// nextEntry takes the oldest entry and returns how many are left.
func (w *session) nextEntry() (e entry, left int, ok bool) {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 || w.reading.Err() != nil {
		b.working = false
		w.advance()
		return entry{}, 0, false
	}
	e = b.waiting[0]
	b.waiting[0] = entry{}
	b.waiting = b.waiting[1:]
	return e, len(b.waiting), true
}
