package worker

import (
	"sync"

	"kafka-master/messages"
)

// inbox holds what was read for a worker and not handled yet. It decouples workers
// that share a process: one that is busy, or whose disk does not answer, does not
// delay the others.
type inbox struct {
	mu sync.Mutex
	// limit is the number of chunks that the desk has room for. With a smaller limit
	// a worker that is held up for a moment would give back chunks although it has
	// room for them.
	limit   int
	waiting []entry
	open    bool  // entries may be handled
	working bool  // a goroutine is handling entries
	readTo  int64 // offset that the reader has reached and the desk does not know yet, or messages.UnknownOffset
}

// entry is a record, or a new position for the records that follow it.
type entry struct {
	record   messages.Received
	moveTo   *messages.Position
	announce bool // announce the new position
}

// room reports whether the inbox is below its limit.
func (b *inbox) room() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) < b.limit
}

// enqueue adds a record and never blocks. When the inbox is full, a worker that
// shares its partition gives the chunk back, and ignores a recall. For a worker that has
// its partition to itself, the reader stops reading instead.
func (w *session) enqueue(record messages.Received, shared bool) {
	if shared && !w.inbox.room() {
		if m, ok := w.decode(record); ok && !m.IsRecall() {
			w.sendSignal(resultOf(newChunk(m), 0, messages.OutcomeRetry, reasonFull), true)
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

// catchUp handles the waiting entries in the reader's goroutine. It is for a worker
// that is alone in its process: nobody else waits for the reader, and passing a record
// to another goroutine often costs more than handling it.
func (w *session) catchUp() {
	b := &w.inbox
	b.mu.Lock()
	claimed := w.claimEmptying()
	b.mu.Unlock()
	if claimed {
		w.emptyInbox()
	}
}

// moveTo continues at another position after the waiting entries are handled. A
// worker that has not started begins there.
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

// arriveAt makes a position the current one.
func (w *session) arriveAt(at messages.Position, announce bool) {
	w.desk.setPosition(at.Partition, at.Offset)
	if announce {
		w.sendStatus(messages.SignalAnnounce)
	}
	w.heartbeatNow()
}

// startEmptying handles the waiting entries in a goroutine unless one is at it. The
// inbox is locked.
func (w *session) startEmptying() {
	if w.claimEmptying() {
		w.emptier.Go(w.emptyInbox)
	}
}

// claimEmptying reports whether the caller must call emptyInbox. The inbox is locked.
func (w *session) claimEmptying() bool {
	b := &w.inbox
	if !b.open || b.working || len(b.waiting) == 0 || w.reading.Err() != nil {
		return false
	}
	b.working = true
	return true
}

// openInbox lets the worker handle its entries.
func (w *session) openInbox() {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = true
	w.startEmptying()
}

// readUpTo records the offset that the reader has reached.
func (w *session) readUpTo(next int64) {
	b := &w.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readTo = next
	w.advance()
}

// advance passes the reader's offset to the desk once all records before it are
// handled. The inbox is locked.
func (w *session) advance() {
	if b := &w.inbox; b.readTo != messages.UnknownOffset && !b.working && len(b.waiting) == 0 {
		w.desk.setNext(b.readTo)
		b.readTo = messages.UnknownOffset
	}
}

// emptyInbox handles entries until none is left or the worker stops.
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

// nextEntry removes the oldest entry and returns it with the number of entries left.
// ok is false when there is none or the worker stops.
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
