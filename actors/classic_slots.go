package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// A classic worker says little: what became of a chunk that was sent to it is
// concluded from its consumer group. A slot is an open send: it stays until the
// chunk's own final progress, or until the group shows that its message will not
// be read (any more).

// The times of the rules for classic workers.
const (
	// skippedFor is how long a message must have been passed over without any
	// progress before it is sent again: workers report in bursts of up to 1 s.
	skippedFor = 1500 * time.Millisecond
	// endedFor is how long a worker may have committed a chunk before its final
	// progress is read, which travels in another topic.
	endedFor = 2 * time.Second
	// vanishedFor is how long a worker must be quiet whose member is gone.
	vanishedFor = 3 * time.Second
	// probeEvery is the silence after which an open send is probed, and the
	// pause between two probes.
	probeEvery = 5 * time.Second
	// maxCopies is how often an attempt is sent before it is given back.
	maxCopies = 3
	// keepPast is how many finished sends are remembered: a worker that lost its
	// partitions before it committed runs them again.
	keepPast = 16
)

// classicState is what the slots of a classic worker know of its group.
type classicState struct {
	view    groupView
	reached []int64       // committed offsets as they were known last
	mine    []int32       // partitions that the worker announced last
	stable  time.Time     // since when the group is Stable, zero when it is not
	past    []*slot       // finished lately
	signs   int           // of the attempt in work
	longest time.Duration // gap between two of them
	probed  time.Time
}

// slotMove is what has to be done about a slot.
type slotMove uint8

const (
	moveEnd    slotMove = iota // give the chunk back
	moveResend                 // send the same attempt again
	moveProbe                  // ask its partition for a sign
	moveLost                   // the worker is gone
)

// slotAct is a conclusion from the group.
type slotAct struct {
	slotEnd
	move slotMove
}

// group takes a look at the group in.
func (s *slots) group(v groupView, now time.Time) {
	s.classic.view = v
	s.remade(v.committed, now)
	switch {
	case !v.stable:
		s.classic.stable = time.Time{}
	case s.classic.stable.IsZero():
		s.classic.stable = now
		for _, x := range s.list { // the start deadline runs only while the group is Stable
			if !x.begun {
				x.waiting = now
			}
		}
	}
}

// remade notes sends whose partition was made again, which a committed offset that
// went back tells: what lay there will not be read, nor will the group ever commit
// beyond it. Where the message is, if anywhere, is not known any more.
func (s *slots) remade(committed []int64, now time.Time) {
	if len(committed) == 0 {
		return // the group could not be looked at
	}
	wentBack := func(x *slot) bool {
		p := int(x.partition)
		return x.offset != messages.UnknownOffset && p < len(committed) && p < len(s.classic.reached) && committed[p] < s.classic.reached[p]
	}
	for _, x := range s.list {
		if wentBack(x) {
			x.offset, x.waiting = messages.UnknownOffset, now
		}
	}
	s.classic.past = slices.DeleteFunc(s.classic.past, wentBack)
	s.classic.reached = committed
}

// passed reports whether the group's committed offset is beyond the message:
// nobody will read it (any more).
func (s *slots) passed(x *slot) bool {
	c := s.classic.view.committed
	return x.offset != messages.UnknownOffset && int(x.partition) < len(c) && c[x.partition] > x.offset
}

// receipt reports whether a worker committed the message. What the master itself
// committed for the empty group is none.
func (s *slots) receipt(x *slot) bool {
	v := s.classic.view
	return s.passed(x) && (int(x.partition) >= len(v.own) || v.committed[x.partition] > v.own[x.partition])
}

// elsewhere reports whether the partition that the message lies in is surely
// another worker's.
func (s *slots) elsewhere(x *slot) bool {
	return s.classic.view.stable && !slices.Contains(s.classic.mine, x.partition)
}

// stale reports whether a send of unknown offset cannot be under way any more.
func (s *slots) stale(x *slot, now time.Time) bool {
	since := s.classic.stable
	return x.offset == messages.UnknownOffset && !since.IsZero() && now.Sub(since) >= unknownWait && now.Sub(x.waiting) >= unknownWait
}

// quiet reports whether the worker was silent for longer than d, and for longer
// than its own gaps explain: one slow item is no death.
func (s *slots) quiet(x *slot, d time.Duration, now time.Time) bool {
	limit := max(d, 3*s.classic.longest)
	if s.classic.signs < 3 || !x.begun {
		limit = s.timeout
	}
	return now.Sub(s.lastSign(x)) >= min(limit, s.timeout)
}

// pulse tells whether the worker shows progress with a chunk that it began, or
// does no more.
func (s *slots) pulse(now time.Time) (working, silent bool) {
	x := s.oldest()
	if x == nil && s.foreign > 0 && s.kind == messages.Classic {
		return now.Sub(s.heard) < hangFor, false
	}
	if x == nil || !x.begun {
		return false, false
	}
	silent = s.kind == messages.Classic && s.quiet(x, hangFor, now)
	return !silent, silent
}

func (s *slots) lastSign(x *slot) time.Time {
	if s.heard.After(x.waiting) {
		return s.heard
	}
	return x.waiting
}

// look draws the conclusions from the group.
func (s *slots) look(now time.Time) []slotAct {
	var acts []slotAct
	for _, x := range slices.Clone(s.list) {
		if !x.sent {
			continue
		}
		if x.gone {
			if s.receipt(x) || s.elsewhere(x) || s.stale(x, now) {
				s.remove(x, now)
			}
			continue
		}
		if a, ok := s.judgeLive(x, now); ok {
			acts = append(acts, a)
		}
	}
	if p, ok := s.probe(now); ok {
		acts = append(acts, p)
	}
	return acts
}

// judgeLive judges the chunk that the worker is believed to have.
func (s *slots) judgeLive(x *slot, now time.Time) (slotAct, bool) {
	switch {
	case s.vanished(x, now):
		return slotAct{slotEnd{slot: x, reason: "its group member is gone"}, moveLost}, true
	case x.begun:
		if !s.receipt(x) {
			x.ended = time.Time{}
			return slotAct{}, false
		}
		if x.ended.IsZero() {
			x.ended = now
		}
		if now.Sub(x.ended) >= endedFor && s.quiet(x, endedFor, now) {
			s.remove(x, now)
			return slotAct{slotEnd{x, endSilent, "the worker ended it without completing it"}, moveEnd}, true
		}
	case s.elsewhere(x):
		return s.again(x, now)
	case s.passed(x):
		if x.ended.IsZero() {
			x.ended = now
		}
		if now.Sub(x.ended) >= skippedFor && now.Sub(s.lastSign(x)) >= skippedFor {
			return s.again(x, now)
		}
	case s.stale(x, now):
		s.remove(x, now)
		return slotAct{slotEnd{x, endUnstarted, "it is not known to have been written"}, moveEnd}, true
	}
	return slotAct{}, false
}

// again sends the attempt once more, to where the worker reads now; without such
// a place, or after too many copies, it is given back.
func (s *slots) again(x *slot, now time.Time) (slotAct, bool) {
	if len(s.classic.mine) == 0 || x.copies+1 >= maxCopies {
		s.remove(x, now)
		return slotAct{slotEnd{x, endUnstarted, "the worker passed it over"}, moveEnd}, true
	}
	if ok, _ := s.classic.view.admits(s.classic.mine); !ok {
		return slotAct{}, false // when the gate opens again
	}
	x.copies++
	x.partition, x.offset, x.sent, x.ended, x.waiting = s.classic.mine[0], messages.UnknownOffset, false, time.Time{}, now
	return slotAct{slotEnd{slot: x, reason: "the worker passed it over"}, moveResend}, true
}

// vanished reports whether the worker of a live chunk left its group. One whose
// partitions another worker announced since has no list and no member. Nobody is
// evicted for one slow item, so few signs are enough here.
func (s *slots) vanished(x *slot, now time.Time) bool {
	v := s.classic.view
	if !v.settled || len(s.classic.mine) > 0 && v.member(s.classic.mine) {
		return false
	}
	return now.Sub(s.lastSign(x)) >= min(max(vanishedFor, 3*s.classic.longest), s.timeout)
}

// probe asks for a sign of an idle worker: it commits beyond a probe, and so
// tells that it will not read what lies before it.
func (s *slots) probe(now time.Time) (slotAct, bool) {
	if len(s.list) == 0 || !s.classic.view.stable {
		return slotAct{}, false
	}
	x := s.list[0]
	if !x.sent || now.Sub(s.lastSign(x)) < probeEvery || now.Sub(s.classic.probed) < probeEvery || s.elsewhere(x) {
		return slotAct{}, false
	}
	s.classic.probed = now
	return slotAct{slotEnd{slot: x}, moveProbe}, true
}

// classicProgress takes a progress message in. begun is true for an attempt's
// first.
func (s *slots) classicProgress(m messages.Signal, now time.Time) (begun bool) {
	x := s.find(m.BatchID)
	if x == nil || x.gone {
		// Work that the books do not know, or know as ended: a repeated run, a
		// former leader's chunk. The worker is busy until it ends.
		s.foreign = 1
		if m.Final() {
			s.foreign = 0
		}
	} else if x.begun {
		s.classic.longest = max(s.classic.longest, now.Sub(s.heard))
		s.classic.signs++
	} else {
		begun, x.begun = true, true
		s.classic.signs, s.classic.longest = 1, 0
	}
	if s.heard = now; x != nil {
		x.moved = now
	}
	return begun
}

// finish closes the send whose final progress was read, and remembers it.
func (s *slots) finish(x *slot, now time.Time) {
	s.close(x, now)
	if s.kind == messages.Classic {
		s.keep(x)
	}
}

// forget drops what a lost worker held. Should it come back to partitions that it
// has not committed, it will read the messages again.
func (s *slots) forget() {
	if s.kind == messages.Classic {
		for _, x := range s.list {
			s.keep(x)
		}
	} else {
		s.classic.past = nil
	}
	s.list, s.foreign, s.next, s.probed = nil, 0, 0, time.Time{}
}

// keep remembers a send that a classic worker may read again.
func (s *slots) keep(x *slot) {
	if x.offset == messages.UnknownOffset {
		return
	}
	s.classic.past = append(s.classic.past, x)
	if len(s.classic.past) > keepPast {
		s.classic.past = s.classic.past[1:]
	}
}

// reannounce takes a classic worker's "new" in: it is not working right now, and
// will read again what lies uncommitted in its partitions. moved are chunks that
// it will not run, unless their final progress is still on its way.
func (s *slots) reannounce(partitions []int32, now time.Time) (moved []*slot) {
	s.classic.mine, s.foreign, s.heard = partitions, 0, now
	s.classic.signs, s.classic.longest = 0, 0
	for _, x := range s.list {
		x.ended = time.Time{}
		if slices.Contains(partitions, x.partition) && !s.passed(x) {
			x.begun, x.waiting = false, now
		} else if !x.gone {
			moved = append(moved, x)
		}
	}
	past := s.classic.past
	s.classic.past = nil
	for _, x := range past {
		if slices.Contains(partitions, x.partition) && !s.passed(x) {
			x.gone, x.waiting = true, now
			s.list = append(s.list, x)
		}
	}
	return moved
}
