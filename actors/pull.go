package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// pull lets many questions share one request to the actors that know the answer. It is pure
// state.
type pull struct {
	at      time.Time       // time when the last request was complete
	began   time.Time       // begin of the request in flight, zero when there is none
	number  uint64          // number of that request
	missing map[source]bool // sources that have not answered it
	waiting []inquiry       // questions without an answer
	joined  int             // the first so many of them are answered by the request in flight
}

// inquiry is a question of the API with its asker.
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
	case messages.QueryLetters:
		return x.Fresh
	}
	return false
}

// wait adds a question. It returns false when too many wait already.
func (p *pull) wait(q inquiry) bool {
	if len(p.waiting) >= maxWaiting {
		return false
	}
	p.waiting = append(p.waiting, q)
	return true
}

// start begins a request for all questions that wait.
func (p *pull) start(now time.Time, number uint64) {
	p.number, p.began, p.joined, p.missing = number, now, len(p.waiting), map[source]bool{}
}

// answered records that a source has published after the given glance. It reports whether
// that completes the request.
func (p *pull) answered(s source, glance uint64) bool {
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

// finish ends the request and returns the questions that it answers: those that waited when
// it began, and later ones that accept an older answer.
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

// end gives up the request and returns all questions that wait.
func (p *pull) end() []inquiry { return p.waiting }
