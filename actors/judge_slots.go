package actors

import (
	"time"

	"kafka-master/messages"
)

// slotMove is what has to be done about a slot.
type slotMove uint8

const (
	moveEnd     slotMove = iota // give the chunk back
	moveResend                  // send the same attempt to the worker's present partition
	moveProbe                   // write a probe to the partition
	moveSilent                  // a classic worker owes a sign of life
	moveLost                    // a classic worker left its group
	moveStalled                 // report that the chunk shows no progress
)

// slotAct is what follows from the state of the slots.
type slotAct struct {
	Move      slotMove
	BatchID   string    // for End, Resend and Stalled
	Partition int32     // for Probe
	Started   bool      // for End: the chunk had begun
	Since     time.Time // for Stalled: time of its last progress
	Reason    string
}

const (
	// stallAfter is how long a chunk shows no progress before that is reported. Whether
	// it is too long depends on the other chunks of its file.
	stallAfter = time.Minute
	// stallEvery is how often that is reported.
	stallEvery = 10 * time.Second
)

func (x *slot) end(reason string) slotAct {
	return slotAct{Move: moveEnd, BatchID: x.batchID, Started: x.begun, Reason: reason}
}

// Due returns when Judge has to be called next; ok is false while nothing is due.
func (s *slots) Due() (at time.Time, ok bool) {
	at, ok = s.deadline()
	if s.kind == messages.Classic && len(s.list) > 0 {
		at, ok = soonest(at, ok, s.judged.Add(judgeEvery))
	}
	if !s.stallAt.IsZero() {
		at, ok = soonest(at, ok, s.stallAt)
	}
	return at, ok
}

func soonest(at time.Time, ok bool, other time.Time) (time.Time, bool) {
	if ok && at.Before(other) {
		return at, true
	}
	return other, true
}

// Judge draws the conclusions from silence, from heartbeats and from the group. It is
// called after everything was read that the worker sent. changed is true when the room
// or the load changed.
func (s *slots) Judge(now time.Time) (acts []slotAct, changed bool) {
	held, foreign := len(s.list), s.foreign
	s.judged = now
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
func (s *slots) deadline() (at time.Time, ok bool) {
	x := s.oldest()
	if x == nil && s.kind == messages.Classic && s.foreign > 0 {
		return s.heard.Add(s.timeout), true
	}
	if x == nil || !x.sent || x.listed || s.kind == messages.Classic && !x.begun && !s.classic.group.stable {
		return time.Time{}, false
	}
	return s.lastSign(x).Add(s.timeout), true
}

// overdue judges the oldest chunk when it waits for too long. It stays in its slot,
// since its message may still be read; its result then is late.
func (s *slots) overdue(now time.Time) []slotAct {
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
		s.heard = now // the supervisor decides
		return []slotAct{{Move: moveSilent, Reason: "no sign of life for " + s.timeout.String()}}
	}
	x.gone = true
	return []slotAct{x.end("no progress for " + s.timeout.String())}
}

// lastSign is when the worker was heard last, or the time to begin the chunk started.
func (s *slots) lastSign(x *slot) time.Time {
	if s.heard.After(x.waiting) {
		return s.heard
	}
	return x.waiting
}

// watchStalls sets when chunks without progress are looked for, unless that is set: a
// check that comes too early costs nothing.
func (s *slots) watchStalls(now time.Time) {
	if s.stallAt.IsZero() {
		if x := s.quietest(); x != nil {
			s.stallAt = now.Add(max(stallEvery, stallAfter-now.Sub(x.moved)))
		}
	}
}

// quietest returns the chunk in work that has shown no progress for the longest time.
func (s *slots) quietest() (found *slot) {
	for _, x := range s.list {
		if x.begun && !x.gone && (found == nil || x.moved.Before(found.moved)) {
			found = x
		}
	}
	return found
}

// stalled returns the chunks in work that show no progress.
func (s *slots) stalled(now time.Time) (acts []slotAct) {
	if s.stallAt.IsZero() || now.Before(s.stallAt) {
		return nil
	}
	for _, x := range s.list {
		if x.begun && !x.gone && now.Sub(x.moved) >= stallAfter {
			x.quiet = true
			acts = append(acts, slotAct{Move: moveStalled, BatchID: x.batchID, Since: x.moved})
		}
	}
	s.stallAt = time.Time{}
	s.watchStalls(now)
	return acts
}
