package actors

import (
	"github.com/asynkron/protoactor-go/actor"
)

// question waits until everything is read that was in the topics when it was asked.
type question struct {
	askCaughtUp
	// pending are the leaders of which a whole fetch is awaited. The value is true once a
	// fetch has begun after the question.
	pending map[int32]bool
}

func (i *ingress) onAsk(m *askCaughtUp) {
	q := question{askCaughtUp: *m, pending: map[int32]bool{}}
	for leader := range i.byLeader() {
		q.pending[leader] = false
	}
	i.asked = append(i.asked, q)
}

// answerCaughtUp answers the questions for which this fetch was the last one awaited.
func (i *ingress) answerCaughtUp(ctx actor.Context, leader int32) {
	behind := false
	for _, r := range i.at {
		behind = behind || r.end > r.next
	}
	var open []question
	leaders := i.byLeader()
	for _, q := range i.asked {
		for l := range q.pending {
			if _, ok := leaders[l]; !ok {
				delete(q.pending, l) // another broker leads its partitions now
			}
		}
		if q.pending[leader] && !behind {
			delete(q.pending, leader)
		}
		if len(q.pending) > 0 {
			open = append(open, q)
			continue
		}
		ctx.Send(i.fleet, &caughtUp{supervisor: q.supervisor, forFreeWorker: q.forFreeWorker})
	}
	i.asked = open
}

func (i *ingress) answerDrain(ctx actor.Context) {
	if i.draining != nil && len(i.fetching) == 0 && len(i.batches) == 0 {
		i.marks.send(ctx, i.persistence, i.term)
		ctx.Send(i.draining, &drain{})
		i.draining = nil
	}
}
