package slots

import (
	"time"

	"kafka-master/messages"
)

// Move is what has to be done about a slot.
type Move uint8

const (
	End     Move = iota // give the chunk back
	Resend              // send the same attempt to the worker's present partition
	Probe               // write a probe to the partition
	Silent              // a classic worker owes a sign of life
	Lost                // a classic worker left its group
	Stalled             // report that the chunk shows no progress
)

// Act is what follows from the state of the slots.
type Act struct {
	Move      Move
	BatchID   string    // for End, Resend and Stalled
	Partition int32     // for Probe
	Started   bool      // for End: the chunk had begun
	Since     time.Time // for Stalled: time of its last progress
	Reason    string
}

// stallEvery is how often chunks without progress are looked for at most.
const stallEvery = time.Second

func (x *slot) end(reason string) Act {
	return Act{Move: End, BatchID: x.batchID, Started: x.begun, Reason: reason}
}

// Due returns when Judge has to be called next; ok is false while nothing is due.
func (s *Slots) Due() (at time.Time, ok bool) {
	at, ok = s.deadline()
	if s.kind == messages.Classic && len(s.list) > 0 {
		at, ok = earlier(at, ok, s.judgedAt.Add(judgeEvery)), true
	}
	if !s.stallAt.IsZero() {
		at, ok = earlier(at, ok, s.stallAt), true
	}
	return at, ok
}

func earlier(at time.Time, ok bool, other time.Time) time.Time {
	if ok && at.Before(other) {
		return at
	}
	return other
}

// Judge draws the conclusions from silence, from heartbeats and from the group. It is
// called after everything was read that the worker sent. changed is true when the room
// or the load changed.
func (s *Slots) Judge(now time.Time) (acts []Act, changed bool) {
	held, foreign := len(s.list), s.foreign
	s.judgedAt = now
	acts = s.overdue(now)
	if s.kind == messages.Classic {
		acts = append(acts, s.giveMoved(now)...)
		acts = append(acts, s.judgeGroup(now)...)
	} else {
		acts = append(acts, s.denied(now)...)
	}
	acts = append(acts, s.stalled(now)...)
	working, _ := s.pulse(now)
	return acts, len(s.list) != held || s.foreign != foreign || working != s.working
}

// deadline is when the oldest chunk is overdue; the others wait for it. A chunk that
// heartbeats list is never overdue, and no classic worker begins one while its group is
// not Stable.
func (s *Slots) deadline() (at time.Time, ok bool) {
	x := s.oldest()
	if x == nil && s.kind == messages.Classic && s.foreign > 0 {
		return s.heardAt.Add(s.timeout), true
	}
	if x == nil || !x.sent || x.listed || s.kind == messages.Classic && !x.begun && !s.classic.group.Stable {
		return time.Time{}, false
	}
	return s.lastSign(x).Add(s.timeout), true
}

// overdue judges the oldest chunk when it waits for too long. It stays in its slot,
// since its message may still be read; its result then is late.
func (s *Slots) overdue(now time.Time) []Act {
	at, ok := s.deadline()
	if !ok || now.Before(at) {
		return nil
	}
	x := s.oldest()
	switch {
	case x == nil: // only work that the books do not know: it ended somehow
		s.foreign = 0
		return nil
	case s.kind == messages.Classic && x.begun:
		s.heardAt = now // the supervisor decides
		return []Act{{Move: Silent, Reason: "no sign of life for " + s.timeout.String()}}
	}
	x.gone = true
	return []Act{x.end("no progress for " + s.timeout.String())}
}

// lastSign is when the worker was heard last, or the time to begin the chunk started.
func (s *Slots) lastSign(x *slot) time.Time {
	if s.heardAt.After(x.waitsFrom) {
		return s.heardAt
	}
	return x.waitsFrom
}

// watchStalls sets the next check for chunks without progress, unless one is set: a check
// that comes too early costs nothing.
func (s *Slots) watchStalls(now time.Time) {
	if s.stallAt.IsZero() {
		if x := s.quietest(); x != nil {
			s.stallAt = now.Add(max(stallEvery, s.stallAfter-now.Sub(x.progressAt)))
		}
	}
}

// quietest returns the chunk in work that has shown no progress for the longest time, of
// those that were not reported for that.
func (s *Slots) quietest() (found *slot) {
	for _, x := range s.list {
		if x.begun && !x.gone && !x.quiet && (found == nil || x.progressAt.Before(found.progressAt)) {
			found = x
		}
	}
	return found
}

// stalled returns the chunks in work that show no progress.
func (s *Slots) stalled(now time.Time) (acts []Act) {
	if s.stallAt.IsZero() || now.Before(s.stallAt) {
		return nil
	}
	for _, x := range s.list {
		if x.begun && !x.gone && !x.quiet && now.Sub(x.progressAt) >= s.stallAfter {
			x.quiet = true
			acts = append(acts, Act{Move: Stalled, BatchID: x.batchID, Since: x.progressAt})
		}
	}
	s.stallAt = time.Time{}
	s.watchStalls(now)
	return acts
}
