package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// slots is what one worker holds, as pure state: which chunks were sent to it,
// which it works on, and how many more it takes.
type slots struct {
	kind     messages.WorkerKind
	capacity int           // chunks it works on at once
	prefetch int           // chunks queued ahead; 0 for a classic worker
	pace     pace          // of a native worker
	timeout  time.Duration // WORKER_TIMEOUT
	list     []*slot       // oldest first
	reads    int32         // partition that a native worker reads
	next     int64         // offset that the worker reads next, by its last heartbeat
	probed   time.Time     // when the end of its partition was asked for last
	foreign  int           // chunks that its heartbeat lists and that are not in list
	heard    time.Time     // of the last progress
	classic  classicState  // of a classic worker
	over     []endedChunk  // chunks that ended lately, which late heartbeats may list
}

// slot is one chunk at the worker.
type slot struct {
	assignment
	partition int32 // that its message was sent to
	offset    int64 // of its message, UnknownOffset until known
	sent      bool  // the produce ended
	begun     bool  // progress was seen, or a heartbeat listed it as running
	listed    bool  // the last heartbeat listed it
	missed    int   // heartbeats in a row that should have listed it
	doubted   bool  // so many that it is not there
	gone      bool  // taken back, but its message may still be read
	vanished  bool  // its message is not in its partition (any more)
	waiting   time.Time
	since     time.Time // when it was assigned, or a restart found it here
	moved     time.Time // when it was begun, or showed progress last
	quiet     bool      // the dispatcher was told that it shows none
	copies    int       // how often it was sent again to a classic worker
	ended     time.Time // when its group was first seen to have passed it
}

// unknownWait is how long a send of unknown offset is believed to be on its way
// when no heartbeat lists it.
const unknownWait = 30 * time.Second

// untriedCapacity is how many chunks a worker gets before its first progress,
// whatever it says that it can take.
const untriedCapacity = 64

// missedBeats is how many heartbeats in a row must pass over a chunk before it
// counts as not held: its final message travels in another topic and may be read
// after the heartbeat that was sent behind it.
const missedBeats = 2

func (s *slots) find(batchID string) *slot {
	for _, x := range s.list {
		if x.batchID == batchID {
			return x
		}
	}
	return nil
}

func (s *slots) add(a assignment, now time.Time) *slot {
	x := &slot{assignment: a, offset: messages.UnknownOffset, waiting: now, since: now}
	s.list = append(s.list, x)
	s.pace.holds(true, now)
	s.pace.sized(a.chunk.Length)
	return x
}

func (s *slots) remove(x *slot, now time.Time) {
	if n := slices.Index(s.list, x); n >= 0 {
		s.list = slices.Delete(s.list, n, n+1)
		if n == 0 && len(s.list) > 0 {
			s.list[0].waiting = now // it is the oldest now: its start is due
		}
		s.pace.holds(len(s.list) > 0, now)
	}
}

// room returns how many more chunks go into free slots, and how many in all.
func (s *slots) room() (free, ahead int) {
	held := len(s.list) + s.foreign
	capacity := s.capacity
	if s.heard.IsZero() {
		capacity = min(capacity, untriedCapacity)
	}
	return max(0, capacity-held), max(0, capacity+s.prefetch-held)
}

// progress notes a sign of work on the chunk; begun is true for the first.
func (s *slots) progress(batchID string, now time.Time) (begun bool) {
	s.heard = now
	x := s.find(batchID)
	if x == nil {
		return false
	}
	x.moved = now
	if x.begun {
		return false
	}
	x.begun = true
	return true
}

// excuse lets every deadline begin anew: nobody could hear the worker until now.
func (s *slots) excuse(now time.Time) {
	for _, x := range s.list {
		x.waiting, x.moved = now, now
	}
}

// slotEnd is a chunk that the worker turns out not to hold (any more).
type slotEnd struct {
	*slot
	how    ending
	reason string
}

// heartbeat compares what a native worker says to hold with what it was sent.
// doubts is true when there are chunks that it does not hold, unless their final
// progress is still unread (see denied). A draining worker does not begin what it
// does not list.
func (s *slots) heartbeat(m messages.Signal, draining bool, now time.Time) (begun []string, doubts bool) {
	known := 0
	s.reread(m.Next)
	lists := s.mine(m)
	for _, x := range s.list {
		running, listed := lists[x.batchID]
		x.listed = listed
		switch {
		case x.listed:
			known++
			x.missed, x.doubted = 0, false
			if running && !x.begun {
				x.begun, x.moved = true, now
				begun = append(begun, x.batchID)
			}
		case !s.past(x, m.Next, now):
			// It did not come to this message yet.
		default:
			x.missed++
			x.doubted = x.missed >= missedBeats || !x.begun && draining
			doubts = doubts || x.doubted
		}
	}
	s.foreign = max(0, len(m.Running)+len(m.Queued)-known-s.stillListed(m))
	return begun, doubts
}

// mine returns which of its slots' chunks a heartbeat lists, and whether as running.
func (s *slots) mine(m messages.Signal) map[string]bool {
	out := make(map[string]bool, len(s.list))
	held := make(map[string]struct{}, len(s.list))
	for _, x := range s.list {
		held[x.batchID] = struct{}{}
	}
	for _, id := range m.Queued {
		if _, its := held[id]; its {
			out[id] = false
		}
	}
	for _, id := range m.Running {
		if _, its := held[id]; its {
			out[id] = true
		}
	}
	return out
}

// past reports whether a heartbeat with this next offset should list the chunk if
// the worker has it: its message was read, or will never be.
func (s *slots) past(x *slot, next int64, now time.Time) bool {
	switch {
	case !x.sent:
		return false
	case x.vanished || x.partition != s.reads:
		return true
	case next == messages.UnknownOffset: // it does not say what it has read
		return x.gone
	case x.offset == messages.UnknownOffset:
		return now.Sub(x.waiting) >= unknownWait
	}
	return next > x.offset
}

// probeDue returns the partition of a message that the worker should have read by
// now, at most every probeEvery: a record that is written there tells by its own
// offset whether the message is still in front of the worker (see ends).
func (s *slots) probeDue(now time.Time) (partition int32, due bool) {
	if now.Sub(s.probed) < probeEvery {
		return 0, false
	}
	for _, x := range s.list {
		if x.sent && !x.begun && !x.listed && !x.vanished && x.offset != messages.UnknownOffset && now.Sub(x.waiting) >= probeEvery && !s.past(x, s.next, now) {
			s.probed = now
			return x.partition, true
		}
	}
	return 0, false
}

// ends takes in that the last probe was written at offset: messages that were sent
// before it and were said to lie there or beyond are lost, since the partition ended
// before them.
func (s *slots) ends(partition int32, offset int64) {
	for _, x := range s.list {
		if x.sent && x.partition == partition && x.offset >= offset && x.waiting.Before(s.probed) {
			x.vanished = true
		}
	}
}

// moveTo says which partition the worker reads from now on.
func (s *slots) moveTo(partition int32) {
	if s.reads != partition {
		s.reads, s.next = partition, 0
	}
}

// reread notes where the worker reads. Going back, it says that its partition lost
// its records: what lay there was read before, or never will be.
func (s *slots) reread(next int64) {
	if next == messages.UnknownOffset {
		return
	}
	for _, x := range s.list {
		if next < s.next && x.sent && x.offset >= next {
			x.vanished = true
		}
	}
	s.next = next
}

// denied takes the chunks out that the worker does not hold, after everything was
// read that it said before.
func (s *slots) denied(now time.Time) (ended []slotEnd) {
	for _, x := range slices.Clone(s.list) {
		if !x.doubted {
			continue
		}
		s.remove(x, now)
		if !x.gone {
			ended = append(ended, x.end("the worker does not hold it"))
		}
	}
	return ended
}

// endedChunk is a chunk that a worker ended.
type endedChunk struct {
	batchID string
	at      time.Time // when that was read
}

const (
	// keepOver is how many ended chunks beside those in work are remembered at least.
	keepOver = 16
	// overFor is how long the others are: a heartbeat travels in another topic, and
	// may be read that much later than what was sent behind it. A fast worker ends
	// hundreds of chunks meanwhile.
	overFor = 5 * time.Second
	// maxOver bounds them.
	maxOver = 4096
)

// close takes the chunk out whose final progress was read.
func (s *slots) close(x *slot, now time.Time) {
	s.remove(x, now)
	s.over = append(s.over, endedChunk{x.batchID, now})
	old, most := 0, len(s.over)-keepOver-2*(s.capacity+s.prefetch)
	for old < most && (now.Sub(s.over[old].at) >= overFor || len(s.over)-old > maxOver) {
		old++
	}
	clear(s.over[:old])
	s.over = s.over[old:]
}

// stillListed counts chunks in a heartbeat that have ended: their final progress
// travelled in another topic and was read first.
func (s *slots) stillListed(m messages.Signal) (n int) {
	if len(s.over) == 0 {
		return 0
	}
	over := make(map[string]struct{}, len(s.over))
	for _, x := range s.over {
		over[x.batchID] = struct{}{}
	}
	for _, list := range [][]string{m.Running, m.Queued} {
		for _, id := range list {
			if _, ended := over[id]; ended {
				n++
			}
		}
	}
	return n
}

func (x *slot) end(reason string) slotEnd {
	how := endUnstarted
	if x.begun {
		how = endSilent
	}
	return slotEnd{slot: x, how: how, reason: reason}
}

// due is when overdue has to be asked next; ok is false when nothing is due.
// Only the oldest chunk is awaited: the others wait for it. A chunk that
// heartbeats list is never overdue, and no classic worker begins one while its
// group is not Stable.
func (s *slots) due() (at time.Time, ok bool) {
	x := s.oldest()
	if x == nil && s.kind == messages.Classic && s.foreign > 0 {
		return s.heard.Add(s.timeout), true
	}
	if x == nil || !x.sent || x.listed || s.kind == messages.Classic && !x.begun && !s.classic.view.stable {
		return time.Time{}, false
	}
	at = x.waiting
	if s.heard.After(at) {
		at = s.heard
	}
	return at.Add(s.timeout), true
}

func (s *slots) oldest() *slot {
	for _, x := range s.list {
		if !x.gone {
			return x
		}
	}
	return nil
}

// overdue returns the chunk that waits for too long, if one does. It stays in
// its slot, since its message may still be read; its result then is late.
func (s *slots) overdue(now time.Time) (slotEnd, bool) {
	at, ok := s.due()
	if !ok || now.Before(at) {
		return slotEnd{}, false
	}
	x := s.oldest()
	x.gone = true
	return x.end("no progress for " + s.timeout.String()), true
}
