package slots

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// A classic worker reports little: what became of a chunk that was sent to it is
// concluded from its consumer group. A slot is an open send. It stays until the chunk's
// own final progress, or until the group shows that its message will not be read (any
// more).

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
	// ProbeEvery is the silence after which an open send is probed, and the
	// pause between two probes.
	ProbeEvery = 5 * time.Second
	// judgeEvery is how often what the group shows is judged while the worker holds
	// chunks.
	judgeEvery = 250 * time.Millisecond
	// movedWait is how long a chunk of a worker that announced itself with other
	// partitions may still end: its final message travels in another topic.
	movedWait = 2 * time.Second
	// maxCopies is how often an attempt is sent before it is given back.
	maxCopies = 3
	// maxInterrupted is how often a worker may begin an attempt and announce itself again
	// before it has ended it. Then the chunk is what ends its process, which reads it again
	// after every start, as long as it stays a member of the group.
	maxInterrupted = 2
	// maxUnread is the same for a worker that announces itself again before any progress: a
	// first item that ends it leaves none. Rebalances do that to a worker as well, so it is
	// lost only if it has not begun within its timeout either.
	maxUnread = 5
	// keepPast is how many finished sends are remembered: a worker that lost its
	// partitions before it committed runs them again.
	keepPast = 16
)

// classicState is what the slots of a classic worker know of its group.
type classicState struct {
	group       Group
	reached     []int64       // committed offsets as they were known last
	mine        []int32       // partitions that the worker announced last
	stableSince time.Time     // zero while the group is not Stable
	past        []*slot       // sends that finished lately
	signs       int           // progress messages of the attempt in work
	longest     time.Duration // longest gap between two of them
	probedAt    time.Time     // time of the last probe
	announcedAt time.Time     // when the worker announced itself with chunks elsewhere; zero when that is judged
}

// beClassic makes room for what only the slots of a classic worker know.
func (s *Slots) beClassic() {
	if s.classic == nil {
		s.classic = &classicState{}
	}
}

// Group takes over the state of the group.
func (s *Slots) Group(v Group, now time.Time) {
	s.beClassic()
	s.classic.group = v
	s.remade(v.Committed, now)
	switch {
	case !v.Stable:
		s.classic.stableSince = time.Time{}
	case s.classic.stableSince.IsZero():
		s.classic.stableSince = now
		for _, x := range s.list { // the start deadline runs only while the group is Stable
			if !x.begun {
				x.waitsFrom = now
			}
		}
	}
}

// remade finds sends whose partition was made again, which a committed offset that went
// back shows: what lay there will not be read, nor will the group ever commit beyond
// it. Where the message is, if anywhere, is not known any more.
func (s *Slots) remade(committed []int64, now time.Time) {
	if len(committed) == 0 {
		return // the group could not be asked
	}
	wentBack := func(x *slot) bool {
		p := int(x.partition)
		return x.offset != messages.UnknownOffset && p < len(committed) && p < len(s.classic.reached) && committed[p] < s.classic.reached[p]
	}
	for _, x := range s.list {
		if wentBack(x) {
			x.offset, x.waitsFrom = messages.UnknownOffset, now
		}
	}
	s.classic.past = slices.DeleteFunc(s.classic.past, wentBack)
	s.classic.reached = committed
}

// passed reports whether the group's committed offset is beyond the message:
// nobody will read it (any more).
func (s *Slots) passed(x *slot) bool {
	c := s.classic.group.Committed
	return x.offset != messages.UnknownOffset && int(x.partition) < len(c) && c[x.partition] > x.offset
}

// receipt reports whether a worker committed the message. What the master itself
// committed for the empty group is none.
func (s *Slots) receipt(x *slot) bool {
	v := s.classic.group
	return s.passed(x) && (int(x.partition) >= len(v.Own) || v.Committed[x.partition] > v.Own[x.partition])
}

// elsewhere reports whether the partition that the message lies in is surely
// another worker's.
func (s *Slots) elsewhere(x *slot) bool {
	return s.classic.group.Stable && !slices.Contains(s.classic.mine, x.partition)
}

// stale reports whether a send of unknown offset cannot be under way any more.
func (s *Slots) stale(x *slot, now time.Time) bool {
	since := s.classic.stableSince
	return x.offset == messages.UnknownOffset && !since.IsZero() && now.Sub(since) >= unknownWait && now.Sub(x.waitsFrom) >= unknownWait
}

// silentFor reports whether the worker was silent for longer than d, and for longer
// than its own gaps explain: one slow item is no death.
func (s *Slots) silentFor(x *slot, d time.Duration, now time.Time) bool {
	limit := max(d, 3*s.classic.longest)
	if s.classic.signs < 3 || !x.begun {
		limit = s.timeout
	}
	return now.Sub(s.lastSign(x)) >= min(limit, s.timeout)
}

// pulse reports whether the worker shows progress with a chunk that it began, or shows
// none any more.
func (s *Slots) pulse(now time.Time) (working, silent bool) {
	x := s.oldest()
	if x == nil && s.foreign > 0 && s.kind == messages.Classic {
		return now.Sub(s.heardAt) < hangFor, false
	}
	if x == nil || !x.begun {
		return false, false
	}
	silent = s.kind == messages.Classic && s.silentFor(x, hangFor, now)
	return !silent, silent
}

// judgeGroup draws the conclusions from the group.
func (s *Slots) judgeGroup(now time.Time) (acts []Act) {
	for _, x := range slices.Clone(s.list) {
		switch {
		case !x.sent:
		case x.gone:
			if s.receipt(x) || s.elsewhere(x) || s.stale(x, now) {
				s.remove(x, now)
			}
		default:
			acts = append(acts, s.judgeLive(x, now)...)
		}
	}
	return append(acts, s.probe(now)...)
}

// judgeLive judges a chunk that the worker is believed to have.
func (s *Slots) judgeLive(x *slot, now time.Time) []Act {
	switch {
	case x.interrupted >= maxInterrupted, x.unread >= maxUnread && now.Sub(x.assignedAt) >= s.timeout:
		return []Act{{Move: Lost, Reason: "it started again and again while it had the chunk"}}
	case s.vanished(x, now):
		return []Act{{Move: Lost, Reason: "its group member is gone"}}
	case x.begun:
		return s.judgeBegun(x, now)
	case s.elsewhere(x):
		return s.resend(x, now)
	case s.passed(x):
		if x.passedAt.IsZero() {
			x.passedAt = now
		}
		if now.Sub(x.passedAt) >= skippedFor && now.Sub(s.lastSign(x)) >= skippedFor {
			return s.resend(x, now)
		}
	case s.stale(x, now):
		s.remove(x, now)
		return []Act{x.end("it is not known to have been written")}
	}
	return nil
}

// judgeBegun judges a chunk that the worker began.
func (s *Slots) judgeBegun(x *slot, now time.Time) []Act {
	if !s.receipt(x) {
		x.passedAt = time.Time{}
		return nil
	}
	if x.passedAt.IsZero() {
		x.passedAt = now
	}
	if now.Sub(x.passedAt) < endedFor || !s.silentFor(x, endedFor, now) {
		return nil
	}
	s.remove(x, now)
	return []Act{x.end("the worker ended it without completing it")}
}

// resend sends the attempt once more, to where the worker reads now; without such a
// place, or after too many copies, it is given back.
func (s *Slots) resend(x *slot, now time.Time) []Act {
	const reason = "the worker passed it over"
	if len(s.classic.mine) == 0 || x.copies+1 >= maxCopies {
		s.remove(x, now)
		return []Act{x.end(reason)}
	}
	if ok, _ := s.classic.group.Admits(s.classic.mine); !ok {
		return nil // until chunks may be sent to the worker again
	}
	x.copies++
	x.partition, x.offset, x.sent, x.passedAt, x.waitsFrom = s.classic.mine[0], messages.UnknownOffset, false, time.Time{}, now
	return []Act{{Move: Resend, BatchID: x.batchID, Reason: reason}}
}

// vanished reports whether the worker of a live chunk left its group. One whose
// partitions another worker announced since has no list and no member. Nobody is
// evicted for one slow item, so few signs are enough here.
func (s *Slots) vanished(x *slot, now time.Time) bool {
	v := s.classic.group
	if !v.Settled || len(s.classic.mine) > 0 && v.Has(s.classic.mine) {
		return false
	}
	return now.Sub(s.lastSign(x)) >= min(max(vanishedFor, 3*s.classic.longest), s.timeout)
}

// probe asks for a sign of an idle worker: by committing beyond a probe it shows that it
// will not read what lies before it.
func (s *Slots) probe(now time.Time) []Act {
	if len(s.list) == 0 || !s.classic.group.Stable {
		return nil
	}
	x := s.list[0]
	if !x.sent || now.Sub(s.lastSign(x)) < ProbeEvery || now.Sub(s.classic.probedAt) < ProbeEvery || s.elsewhere(x) {
		return nil
	}
	s.classic.probedAt = now
	return []Act{{Move: Probe, Partition: x.partition}}
}

// classicProgress notes progress and reports whether it is the chunk's first.
func (s *Slots) classicProgress(x *slot, m messages.Signal, now time.Time) (first bool) {
	switch {
	case x == nil || x.gone:
		// Work that the books do not know, or know as ended: a repeated run, a
		// former leader's chunk. The worker is busy until it ends.
		s.foreign = 1
		if m.Final() {
			s.foreign = 0
		}
	case x.begun:
		s.classic.longest = max(s.classic.longest, now.Sub(s.heardAt))
		s.classic.signs++
	default:
		x.begin(now)
		first = true
		s.classic.signs, s.classic.longest = 1, 0
	}
	return first
}

// finish closes the send whose final progress was read, and remembers it.
func (s *Slots) finish(x *slot, now time.Time) {
	s.close(x, now)
	if s.kind == messages.Classic {
		s.keep(x)
	}
}

// keep remembers a send that a classic worker may read again.
func (s *Slots) keep(x *slot) {
	if x.offset == messages.UnknownOffset {
		return
	}
	s.classic.past = append(s.classic.past, x)
	if len(s.classic.past) > keepPast {
		s.classic.past = s.classic.past[1:]
	}
}

// reannounce takes a classic worker's announcement: it is not working right now, and will
// read again what lies uncommitted in its partitions.
func (s *Slots) reannounce(partitions []int32, now time.Time) {
	s.foreign, s.heardAt = 0, now
	s.classic.signs, s.classic.longest = 0, 0
	for _, x := range s.list {
		x.passedAt = time.Time{}
		if slices.Contains(partitions, x.partition) && !s.passed(x) {
			if x.begun {
				x.interrupted++
			} else {
				x.unread++
			}
			x.begun, x.waitsFrom = false, now
		} else if !x.gone {
			s.classic.announcedAt = now
		}
	}
	past := s.classic.past
	s.classic.past = nil
	for _, x := range past {
		if slices.Contains(partitions, x.partition) && !s.passed(x) {
			x.gone, x.waitsFrom = true, now
			s.list = append(s.list, x)
		}
	}
}

// giveMoved gives back the chunks that the worker will not run since it announced itself
// with other partitions, unless their final progress is still on its way. Progress since
// its announcement means that it does run one: two processes share the id.
func (s *Slots) giveMoved(now time.Time) (acts []Act) {
	announced := s.classic.announcedAt
	if announced.IsZero() || now.Sub(announced) < movedWait {
		return nil
	}
	s.classic.announcedAt = time.Time{}
	if s.heardAt.After(announced) {
		return nil
	}
	for _, x := range slices.Clone(s.list) {
		if x.gone || !x.sent || slices.Contains(s.classic.mine, x.partition) && !s.passed(x) {
			continue
		}
		s.remove(x, now)
		acts = append(acts, Act{Move: End, BatchID: x.batchID, Reason: "its partition moved to another worker"})
	}
	return acts
}
