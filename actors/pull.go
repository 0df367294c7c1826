package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// pull lets many questions share one look at the actors that know the answer. It
// is pure state.
type pull struct {
	at      time.Time       // when the last one was complete
	began   time.Time       // when the one under way began, zero when there is none
	number  uint64          // its number
	missing map[source]bool // who has not published since then
	waiting []inquiry       // for the one under way; those from next on for the one after it
	joined  int             // how many of waiting the one under way answers
}

// inquiry is a question of the API and who asked it.
type inquiry struct {
	query messages.Query
	from  *actor.PID
}

// fresh reports whether the answer must be newer than the question.
func (q inquiry) fresh() bool {
	switch x := q.query.(type) {
	case messages.QueryWorkers:
		return x.Fresh
	case messages.QueryOverview:
		return x.Fresh
	case messages.QueryFiles:
		return x.Fresh
	}
	return false
}

// wait adds a question, unless too many wait already.
func (p *pull) wait(q inquiry) bool {
	if len(p.waiting) >= maxWaiting {
		return false
	}
	p.waiting = append(p.waiting, q)
	return true
}

// start begins a pull for all that wait.
func (p *pull) start(now time.Time, number uint64) {
	p.number, p.began, p.joined, p.missing = number, now, len(p.waiting), map[source]bool{}
}

// came notes that a source has published after the given glance, and reports
// whether it was the last.
func (p *pull) came(s source, glance uint64) bool {
	if p.began.IsZero() || !p.missing[s] || glance < p.number {
		return false
	}
	delete(p.missing, s)
	if len(p.missing) > 0 {
		return false
	}
	p.began = time.Time{}
	return true
}

// finish ends the pull and returns what it answers: whoever waited when it began,
// and whoever asked since and takes an answer that was begun before.
func (p *pull) finish(now time.Time) (ready []inquiry) {
	var rest []inquiry
	for i, q := range p.waiting {
		if i < p.joined || !q.fresh() {
			ready = append(ready, q)
		} else {
			rest = append(rest, q)
		}
	}
	p.at, p.began, p.waiting, p.joined = now, time.Time{}, rest, 0
	return ready
}

// end gives up the pull and returns all that waited.
func (p *pull) end() []inquiry { return p.waiting }
