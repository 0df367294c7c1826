package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// publisher is the side of an actor that the view sees: it publishes at once when
// the view asks, and else soon after a change, at most every viewEvery. An actor
// that does not change sends nothing.
type publisher struct {
	view   *actor.PID // nil: nobody looks
	source source
	term   messages.Term
	due    alarm
	last   time.Time // when it published last
	glance uint64    // that it was asked for last
}

// soon notes a change.
func (p *publisher) soon(ctx actor.Context) {
	if p.view != nil && p.due.timer == nil {
		p.due.set(ctx, max(0, viewEvery-time.Since(p.last)))
	}
}

// publish sends the actor's part.
func (p *publisher) publish(ctx actor.Context, problems []messages.Problem, body any) {
	if p.view == nil {
		return
	}
	p.due.stop()
	p.last = time.Now()
	ctx.Send(p.view, &published{source: p.source, term: p.term, from: ctx.Self(), glance: p.glance, problems: problems, body: body})
}
