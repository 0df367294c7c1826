package slots

import (
	"hash/maphash"
	"slices"
	"time"

	"kafka-master/messages"
)

// Slots is what one worker holds: which chunks were sent to it, which it works on, and
// how many more it takes.
type Slots struct {
	kind       messages.WorkerKind
	draining   bool          // it begins nothing that its heartbeats do not list
	timeout    time.Duration // WORKER_TIMEOUT
	stallAfter time.Duration // how long a chunk shows no progress before that is reported
	partition  int32         // that chunks are sent to, -1 without any
	prefetch   int           // chunks queued ahead at a native worker; negative: as its pace asks for
	capacity   int           // chunks that it works on at once
	depth      int           // chunks queued ahead; 0 for a classic worker
	pace       pace
	list       []*slot      // oldest first
	ended      []endedChunk // chunks that ended lately
	seed       maphash.Seed // of their hashes
	foreign    int          // chunks that it works on and that are not in list
	heardAt    time.Time    // time of the last progress message
	working    bool         // result of the last Load
	judgedAt   time.Time    // time of the last Judge
	stallAt    time.Time    // time of the next check for chunks without progress, zero while none has begun

	native  nativeState
	classic *classicState // nil for a worker that was never a classic one
}

const (
	// unknownWait is how long a send of unknown offset is believed to be on its way
	// when no heartbeat lists it.
	unknownWait = 30 * time.Second
	// untriedCapacity is how many chunks a worker gets before its first progress,
	// whatever capacity it announces.
	untriedCapacity = 64
)

// New returns the slots of a worker that holds nothing. timeout is how long a chunk may wait
// and a busy classic worker be silent, stallAfter how long a chunk shows no progress before it is
// reported as stalled; prefetch is how many chunks are queued ahead at a native worker, and
// below 0 as many as its pace asks for.
func New(timeout, stallAfter time.Duration, prefetch int) *Slots {
	return &Slots{seed: maphash.MakeSeed(), timeout: timeout, stallAfter: stallAfter, prefetch: prefetch, capacity: 1}
}

// Change is what changed about the worker itself.
type Change struct {
	Draining  bool // it begins nothing that its heartbeats do not list
	Fresh     bool // its process is gone, and what it held with it
	Announced bool // a classic worker announced itself: it works on nothing now
}

// Follow takes over what is known of the worker.
func (s *Slots) Follow(w messages.Worker, c Change, now time.Time) {
	s.kind, s.draining = w.Kind, c.Draining
	partition := int32(-1)
	if len(w.Partitions) > 0 {
		partition = w.Partitions[0]
	}
	if s.partition != partition {
		s.partition, s.native.next = partition, 0
	}
	s.capacity = max(1, w.Capacity)
	if w.Kind == messages.Classic {
		s.beClassic()
		s.capacity, s.classic.mine = 1, w.Partitions
	}
	s.setDepth()
	if c.Fresh {
		s.forget()
	}
	if c.Announced && w.Kind == messages.Classic {
		s.reannounce(w.Partitions, now)
	}
}

// setDepth sets how many chunks are queued ahead at the worker.
func (s *Slots) setDepth() {
	switch {
	case s.kind == messages.Classic:
		s.depth = 0
	case s.prefetch < 0:
		s.depth = s.pace.depth()
	default:
		s.depth = s.prefetch
	}
}

// Add takes a slot for a chunk, at the end of the queue.
func (s *Slots) Add(batchID string, length int64, now time.Time) Slot {
	if len(s.list) == 0 {
		s.judgedAt = now
	}
	x := &slot{batchID: batchID, partition: s.partition, offset: messages.UnknownOffset, waitsFrom: now, assignedAt: now}
	s.list = append(s.list, x)
	s.pace.holds(true, now)
	s.pace.sized(length)
	return Slot{s, x}
}

// At returns the slot of a chunk.
func (s *Slots) At(batchID string) Slot { return Slot{s, s.find(batchID)} }

func (s *Slots) find(batchID string) *slot {
	for _, x := range s.list {
		if x.batchID == batchID {
			return x
		}
	}
	return nil
}

func (s *Slots) remove(x *slot, now time.Time) {
	if n := slices.Index(s.list, x); n >= 0 {
		s.list = slices.Delete(s.list, n, n+1)
		if n == 0 && len(s.list) > 0 {
			s.list[0].waitsFrom = now // it is the oldest now: its start is due
		}
		s.pace.holds(len(s.list) > 0, now)
	}
}

// oldest returns the oldest chunk that was not taken back.
func (s *Slots) oldest() *slot {
	for _, x := range s.list {
		if !x.gone {
			return x
		}
	}
	return nil
}

// forget drops what a former process held. A classic worker that comes back to
// partitions which it has not committed reads the messages again.
func (s *Slots) forget() {
	if s.kind == messages.Classic {
		for _, x := range s.list {
			s.keep(x)
		}
	} else if s.classic != nil {
		s.classic.past = nil
	}
	s.list, s.foreign, s.native.next, s.native.probedAt = nil, 0, 0, time.Time{}
}

// Waiting reports whether any chunk waits at the worker: see Slot.Waits.
func (s *Slots) Waiting() bool {
	return slices.ContainsFunc(s.list, func(x *slot) bool { return Slot{s, x}.Waits() })
}

// Room is how many chunks the worker takes. Free and Ahead are negative while it holds
// more than that: each chunk that it ends then only brings them closer to zero.
type Room struct {
	Free   int  // into free slots
	Ahead  int  // in all, its queue included
	Depth  int  // length of its queue
	Limit  int  // the most that it may hold
	Refill bool // a judged result frees a slot at once
}

// Room returns how many more chunks the worker takes.
func (s *Slots) Room() Room {
	held := len(s.list) + s.foreign
	capacity := s.capacity
	if s.heardAt.IsZero() {
		capacity = min(capacity, untriedCapacity)
	}
	limit := s.capacity + s.depth
	return Room{
		Free: capacity - held, Ahead: capacity + s.depth - held,
		Depth: s.depth, Limit: limit, Refill: s.foreign == 0 && len(s.list) <= limit,
	}
}

// Load is what the worker holds and does.
type Load struct {
	Held []messages.HeldChunk
	// Working and Silent are about the chunk that the worker began: whether it still
	// shows progress. A native worker is never silent; its heartbeats are judged instead.
	Working, Silent bool
}

// Load returns what the worker holds and does.
func (s *Slots) Load(now time.Time) Load {
	l := Load{Held: make([]messages.HeldChunk, 0, len(s.list))}
	for _, x := range s.list {
		h := messages.HeldChunk{BatchID: x.batchID, Since: x.assignedAt}
		if x.begun {
			h.Began = x.beganAt
		}
		l.Held = append(l.Held, h)
	}
	l.Working, l.Silent = s.pulse(now)
	s.working = l.Working
	return l
}

// Heard is what a message of the worker changed.
type Heard struct {
	Begun   []string // chunks that show work for the first time
	Resumed string   // chunk that was reported as stalled and shows progress again
	Changed bool     // the room or the load changed
	Doubts  bool     // it seems not to hold some chunks: Judge decides once everything was read
	// Probe asks for a record in the partition Probed; PartitionEnds takes its offset.
	Probe  bool
	Probed int32
}

// Hear takes a progress message or a heartbeat of the worker.
func (s *Slots) Hear(m messages.Signal, now time.Time) Heard {
	if m.Kind == messages.SignalHeartbeat {
		return s.hearHeartbeat(m, now)
	}
	foreign := s.foreign
	x := s.find(m.BatchID)
	var h Heard
	if s.kind == messages.Classic {
		h.Changed = s.classicProgress(x, m, now)
	} else {
		h.Changed = s.nativeProgress(x, now)
	}
	s.heardAt = now
	if h.Changed {
		h.Begun = []string{m.BatchID}
	}
	if x != nil {
		x.progressAt = now
		if x.quiet {
			x.quiet, h.Resumed = false, x.batchID
		}
		s.watchStalls(now)
	}
	h.Changed = h.Changed || s.foreign != foreign
	return h
}

// Excuse starts every deadline again: nobody could hear the worker until now.
func (s *Slots) Excuse(now time.Time) {
	for _, x := range s.list {
		x.waitsFrom, x.progressAt = now, now
	}
}
