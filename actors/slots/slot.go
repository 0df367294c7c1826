package slots

import (
	"time"

	"kafka-master/messages"
)

// slot is one chunk at the worker.
type slot struct {
	batchID   string
	partition int32 // that its message was sent to
	offset    int64 // of that message, UnknownOffset until known
	sent      bool  // its message was written, or may have been
	begun     bool  // progress was seen, or a heartbeat listed it as running
	listed    bool  // the last heartbeat listed it
	missed    int   // heartbeats in a row that should have listed it
	doubted   bool  // the worker seems not to hold it
	gone      bool  // taken back, but its message may still be read
	vanished  bool  // its message is not in its partition (any more)
	quiet     bool  // reported as a chunk without progress
	copies    int   // how often it was sent again to a classic worker
	// interrupted is how often a classic worker announced itself again after it had begun it
	interrupted int
	unread      int // how often it did so before it had begun it

	waitsFrom  time.Time // start of the time within which it has to begin
	assignedAt time.Time // or when it was found in the stored state
	beganAt    time.Time // when it last began
	progressAt time.Time // when it began, or last showed progress
	passedAt   time.Time // when its group was first seen to have passed it
}

// begin notes that the chunk shows work.
func (x *slot) begin(now time.Time) { x.begun, x.beganAt = true, now }

// Slot is the place of one chunk at a worker, until something else is done with its Slots. It
// may be that of a chunk that has none.
type Slot struct {
	of *Slots
	*slot
}

// Held reports whether the chunk has a slot.
func (x Slot) Held() bool { return x.slot != nil }

// Partition returns the partition that the chunk's message was or will be sent to.
func (x Slot) Partition() (partition int32) {
	if x.Held() {
		partition = x.partition
	}
	return partition
}

// Waits reports whether the chunk waits at the worker, as far as is known, in the partition
// that it reads.
func (x Slot) Waits() bool {
	return x.Held() && !x.begun && !x.gone && x.partition == x.of.partition
}

// Restore notes what a stored state says of the chunk. Heartbeats, the group or the start
// deadline show whether the worker holds it. One that is gone was taken back, but its
// message may still be read.
func (x Slot) Restore(partition int32, offset int64, gone bool) {
	x.sent, x.partition, x.offset, x.gone = true, partition, offset, gone
}

// Sent notes that the chunk's message was written, or may have been.
func (x Slot) Sent(offset int64, now time.Time) {
	if x.Held() {
		x.sent, x.offset, x.waitsFrom = true, offset, now
	}
}

// Drop frees the slot of a chunk that is not at the worker.
func (x Slot) Drop(now time.Time) {
	if x.Held() {
		x.of.remove(x.slot, now)
	}
}

// Return frees the slot of a chunk that the worker gave back unbegun as it was asked to.
// That says nothing about the worker's pace.
func (x Slot) Return(now time.Time) {
	if x.Held() {
		x.of.finish(x.slot, now)
	}
}

// Finish frees the slot of a chunk whose result was judged.
func (x Slot) Finish(done bool, now time.Time) {
	s := x.of
	native := s.kind == messages.Native
	if native { // its results are not passed to Hear
		s.heardAt = now
	}
	x.Return(now)
	if !x.Held() || !native || s.prefetch >= 0 {
		return
	}
	if done {
		s.pace.done(now)
	} else {
		s.pace.failed()
	}
	s.setDepth()
}
