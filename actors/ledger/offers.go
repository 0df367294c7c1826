package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// Offer is how many chunks a worker takes. The numbers are cumulative counts of
// hand-outs since the epoch began, so a repeated or late offer does no harm.
type Offer struct {
	Worker messages.WorkerID
	Epoch  uint64
	UpTo   int  // into free slots
	Ahead  int  // in all, the queue at the worker included
	Depth  int  // length of the queue at the worker when no more chunks fit
	Refill bool // a judged result frees a slot at once
	// Recalls reports that the worker gives back queued chunks when it is asked to.
	Recalls bool
	Backup  bool // the worker takes part in second attempts of chunks
	Limit   int  // most attempts in flight at the worker; 0 is no limit
	Seen    int  // credited verdicts of this epoch that the numbers include
}

// size is about how many chunks the worker holds when it is busy.
func (o *Offer) size() int { return o.Ahead - o.UpTo + 1 }

// Assigned is a chunk that was handed to a worker, with the epoch of its offer.
type Assigned struct {
	Assignment
	Epoch uint64
}

// offering is the current offer of a worker.
type offering struct {
	Offer
	given           int // hand-outs of this epoch
	credits         int // verdicts of this epoch that raised the offer
	inFree, inAhead bool
}

// queued is how many chunks wait at the worker.
func (o *offering) queued() int { return o.Depth - (o.Ahead - o.given) }

// offers are the workers that take chunks. Free slots and room in the queues of the
// workers are two lists: a chunk goes ahead only while no worker has a free slot.
type offers struct {
	of    map[messages.WorkerID]*offering
	free  []*offering // workers with a free slot, the longest waiting first
	ahead []*offering // workers with room in their queue
	slots int         // sum of the sizes, from which follows how much is cut ahead
	most  int         // chunks that may be queued at all workers together; 0 is no limit
	bytes int64       // length of the chunk that was handed out last
}

// maxAheadBytes bounds the length of the chunks that are queued at all workers together, when
// their number is limited.
const maxAheadBytes = 8 << 20

// upTo is how many chunks a worker gets in all. Each may have an equal share, and at least
// one, of what may be queued at all of them: until they are sent, these chunks are in memory.
// The offer is one of those in force.
func (s *offers) upTo(o *offering) int {
	if s.most == 0 {
		return o.Ahead
	}
	share := min(int64(s.most), maxAheadBytes/max(1, s.bytes)) / int64(len(s.of))
	return min(o.Ahead, o.UpTo+int(max(1, share)))
}

// others is how many workers beside this one take chunks.
func (s *offers) others(w messages.WorkerID) int {
	if s.of[w] != nil {
		return len(s.of) - 1
	}
	return len(s.of)
}

// append adds an offer to a list. Offers that ended meanwhile are removed before they
// outnumber the others: while there is no work nothing else removes them.
func (s *offers) append(list []*offering, o *offering) []*offering {
	if len(list) > 2*len(s.of)+16 {
		list = slices.DeleteFunc(list, func(x *offering) bool { return s.of[x.Worker] != x })
	}
	return append(list, o)
}

// Offer takes the offer of a worker. It reports whether the offer is in force: one of an
// older epoch is not.
func (x Workers) Offer(m Offer, now time.Time) bool {
	l := x.l
	o := l.offers.of[m.Worker]
	switch {
	case o == nil:
		o = &offering{}
		l.offers.of[m.Worker] = o
		l.breaker.setTaking(m.Worker, true)
	case o.Epoch > m.Epoch:
		return false
	default:
		l.offers.slots -= o.size()
		if o.Epoch < m.Epoch {
			o.given, o.credits = 0, 0
		}
	}
	l.offers.slots += m.size()
	o.Offer = m
	o.UpTo += o.credits - m.Seen
	o.Ahead += o.credits - m.Seen
	l.enqueue(o, now)
	return true
}

// Withdraw ends an epoch: the worker takes nothing more. It reports whether the worker
// took chunks in it.
func (x Workers) Withdraw(w messages.WorkerID, epoch uint64) bool {
	l := x.l
	o := l.offers.of[w]
	if o == nil || o.Epoch > epoch {
		return false
	}
	l.offers.slots -= o.size()
	delete(l.offers.of, w)
	l.breaker.setTaking(w, false)
	return true
}

// enqueue lists an offer where it has room. Workers that are paused are listed by Tick
// when their pause is over.
func (l *Ledger) enqueue(o *offering, now time.Time) {
	if o == nil || l.paused(o.Worker, now) {
		return
	}
	if o.given < o.UpTo && !o.inFree {
		o.inFree = true
		l.offers.free = l.offers.append(l.offers.free, o)
	}
	if o.given < l.offers.upTo(o) && !o.inAhead {
		o.inAhead = true
		l.offers.ahead = l.offers.append(l.offers.ahead, o)
	}
}

// paused reports whether a worker gets nothing now.
func (l *Ledger) paused(w messages.WorkerID, now time.Time) bool {
	return len(l.breaker.trials) > 0 && l.breaker.paused(w, len(l.held[w]), now)
}

// credit raises the offer of a worker by the slot that a verdict freed.
func (l *Ledger) credit(w messages.WorkerID, v Verdict, now time.Time) bool {
	o := l.offers.of[w]
	if o == nil || !o.Refill || v != VerdictDone && v != VerdictFailed && v != VerdictRetry && v != VerdictRecalled {
		return false
	}
	o.credits++
	o.UpTo++
	o.Ahead++
	l.enqueue(o, now)
	return true
}

// Match pairs workers and chunks until one of them runs out. When no more chunks follow
// those that wait, the queues at the workers get shorter, so that a chunk goes to the
// worker that is free first.
func (x Workers) Match(now time.Time) (out []Assigned) {
	l := x.l
	var passed []*offering // cannot take any chunk now
	left, last := l.backlog()
	for l.ready(now) {
		o, ahead := l.nextOffer(now)
		if o == nil {
			break
		}
		if o.Limit > 0 && len(l.held[o.Worker]) >= o.Limit {
			passed = append(passed, o) // A slot was counted as free twice.
			continue
		}
		if ahead && last && o.queued() >= max(1, left/len(l.offers.of)) {
			passed = append(passed, o)
			break // The others have about as many, and the next call begins with the next one.
		}
		left--
		a, ok := l.pick(o.Worker, ahead, now)
		if !ok {
			passed = append(passed, o)
			continue
		}
		o.given++
		l.offers.bytes = a.Chunk.Length
		out = append(out, Assigned{Assignment: a, Epoch: o.Epoch})
		l.enqueue(o, now)
	}
	for _, o := range passed {
		l.enqueue(o, now)
	}
	return out
}

// nextOffer takes the next worker with a free slot from the list; without one, the next
// that takes a chunk ahead.
func (l *Ledger) nextOffer(now time.Time) (o *offering, ahead bool) {
	s := &l.offers
	for len(s.free) > 0 {
		o := s.free[0]
		s.free = s.free[1:]
		if o.inFree = false; o.given < o.UpTo && s.of[o.Worker] == o && !l.paused(o.Worker, now) {
			return o, false
		}
	}
	for len(s.ahead) > 0 {
		o := s.ahead[0]
		s.ahead = s.ahead[1:]
		if o.inAhead = false; s.of[o.Worker] == o && o.given < s.upTo(o) && !l.paused(o.Worker, now) {
			return o, true
		}
	}
	return nil, false
}
