package slots

import (
	"hash/maphash"
	"slices"
	"time"

	"kafka-master/messages"
)

// nativeState is what the slots of a native worker know of its reading.
type nativeState struct {
	next     int64     // offset that it reads next, by its last heartbeat
	probedAt time.Time // when the end of its partition was asked for last
}

const (
	// missedBeats is how many heartbeats in a row must pass over a chunk before it
	// counts as not held: its final message travels in another topic and may be read
	// after the heartbeat that was sent behind it.
	missedBeats = 2
	// keepEnded is how many ended chunks are remembered beside as many as the worker
	// can hold twice over.
	keepEnded = 16
	// endedMemory is how long more of them are remembered: a heartbeat travels in
	// another topic, and may be read that much later than what was sent behind it. A
	// fast worker ends hundreds of chunks meanwhile.
	endedMemory = 5 * time.Second
	// maxEnded bounds them.
	maxEnded = 4096
)

// endedChunk is a chunk that ended lately: late heartbeats may still list it. Tens of thousands
// of workers have some each, so its batch id is kept as a hash.
type endedChunk struct {
	hash   uint64
	readAt int64 // when its final message was read, in nanoseconds since 1970
}

func (s *Slots) hearHeartbeat(m messages.Signal, now time.Time) (h Heard) {
	foreign := s.foreign
	h.Begun, h.Doubts = s.heartbeat(m, now)
	h.Changed = len(h.Begun) > 0 || s.foreign != foreign
	h.Probed, h.Probe = s.probeDue(now)
	return h
}

// nativeProgress notes progress and reports whether it is the chunk's first.
func (s *Slots) nativeProgress(x *slot, now time.Time) (first bool) {
	if x == nil || x.begun {
		return false
	}
	x.begin(now)
	return true
}

// heartbeat compares what a native worker lists with what it was sent. doubts is true
// when there are chunks that it does not hold, unless their final progress is still
// unread (see denied). A draining worker does not begin what it does not list.
func (s *Slots) heartbeat(m messages.Signal, now time.Time) (begun []string, doubts bool) {
	known := 0
	s.readsFrom(m.Next)
	lists := s.listed(m)
	for _, x := range s.list {
		running, listed := lists[x.batchID]
		x.listed = listed
		switch {
		case x.listed:
			known++
			x.missed, x.doubted = 0, false
			if running && !x.begun {
				x.begin(now)
				x.progressAt = now
				begun = append(begun, x.batchID)
				s.watchStalls(now)
			}
		case !s.past(x, m.Next, now):
			// The worker has not come to this message yet.
		default:
			x.missed++
			x.doubted = x.missed >= missedBeats || !x.begun && s.draining
			doubts = doubts || x.doubted
		}
	}
	s.foreign = max(0, len(m.Running)+len(m.Queued)-known-s.endedAmong(m))
	if len(s.list)+len(m.Running)+len(m.Queued) == 0 && s.endedBefore(now.Add(-endedMemory)) {
		s.ended = nil // heartbeats are read in order, and those of that time were read by now
	}
	return begun, doubts
}

// listed returns which of the slots' chunks a heartbeat lists, and whether as running.
func (s *Slots) listed(m messages.Signal) map[string]bool {
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

// endedBefore reports whether the chunks that are remembered ended before a time.
func (s *Slots) endedBefore(then time.Time) bool {
	return len(s.ended) == 0 || s.ended[len(s.ended)-1].readAt <= then.UnixNano()
}

// endedAmong counts the chunks in a heartbeat that have ended: their final progress
// travelled in another topic and was read first.
func (s *Slots) endedAmong(m messages.Signal) (n int) {
	if len(s.ended) == 0 || len(m.Running)+len(m.Queued) == 0 {
		return 0
	}
	ended := make(map[uint64]struct{}, len(s.ended))
	for _, x := range s.ended {
		ended[x.hash] = struct{}{}
	}
	for _, list := range [][]string{m.Running, m.Queued} {
		for _, id := range list {
			if _, is := ended[maphash.String(s.seed, id)]; is {
				n++
			}
		}
	}
	return n
}

// past reports whether a heartbeat with this next offset lists the chunk if the worker
// has it: its message was read, or will never be.
func (s *Slots) past(x *slot, next int64, now time.Time) bool {
	switch {
	case !x.sent:
		return false
	case x.vanished || x.partition != s.partition:
		return true
	case next == messages.UnknownOffset: // the heartbeat does not show what was read
		return x.gone
	case x.offset == messages.UnknownOffset:
		return now.Sub(x.waitsFrom) >= unknownWait
	}
	return next > x.offset
}

// readsFrom notes where the worker reads. Going back means that its partition lost its
// records: what lay there was read before, or never will be.
func (s *Slots) readsFrom(next int64) {
	if next == messages.UnknownOffset {
		return
	}
	for _, x := range s.list {
		if next < s.native.next && x.sent && x.offset >= next {
			x.vanished = true
		}
	}
	s.native.next = next
}

// denied takes out the chunks that the worker does not hold, after everything was read
// that it sent before.
func (s *Slots) denied(now time.Time) (acts []Act) {
	for _, x := range slices.Clone(s.list) {
		if !x.doubted {
			continue
		}
		s.remove(x, now)
		if !x.gone {
			acts = append(acts, x.end("the worker does not hold it"))
		}
	}
	return acts
}

// probeDue returns the partition of a message that the worker should have read by now,
// at most every ProbeEvery: the offset of a record that is written there shows whether
// the message is still in front of the worker (see PartitionEnds).
func (s *Slots) probeDue(now time.Time) (partition int32, due bool) {
	if now.Sub(s.native.probedAt) < ProbeEvery {
		return 0, false
	}
	for _, x := range s.list {
		if x.sent && !x.begun && !x.listed && !x.vanished && x.offset != messages.UnknownOffset && now.Sub(x.waitsFrom) >= ProbeEvery && !s.past(x, s.native.next, now) {
			s.native.probedAt = now
			return x.partition, true
		}
	}
	return 0, false
}

// PartitionEnds takes the offset at which the last probe was written: messages that
// were sent before it and were acknowledged at that offset or beyond are lost, since
// the partition ended before them.
func (s *Slots) PartitionEnds(partition int32, offset int64) {
	for _, x := range s.list {
		if x.sent && x.partition == partition && x.offset >= offset && x.waitsFrom.Before(s.native.probedAt) {
			x.vanished = true
		}
	}
}

// close takes out the chunk whose final progress was read.
func (s *Slots) close(x *slot, now time.Time) {
	s.remove(x, now)
	s.ended = append(s.ended, endedChunk{maphash.String(s.seed, x.batchID), now.UnixNano()})
	old, most := 0, len(s.ended)-keepEnded-2*(s.capacity+s.depth)
	for old < most && (now.UnixNano()-s.ended[old].readAt >= int64(endedMemory) || len(s.ended)-old > maxEnded) {
		old++
	}
	s.ended = s.ended[old:]
}
