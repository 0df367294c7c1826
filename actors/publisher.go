package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// publisher publishes the state of an actor to the view: at once when the view asks for it,
// otherwise soon after a change, at most once every viewEvery. An actor that does not change
// sends nothing.
type publisher struct {
	view   *actor.PID // nil publishes nothing
	source source
	term   messages.Term
	due    alarm
	last   time.Time // time of the last publication
	glance uint64    // number of the last glance
}

// soon schedules a publication after a change.
func (p *publisher) soon(ctx actor.Context) {
	if p.view != nil && p.due.timer == nil {
		p.due.set(ctx, max(0, viewEvery-time.Since(p.last)))
	}
}

// publish sends the actor's state.
func (p *publisher) publish(ctx actor.Context, problems []messages.Problem, body any) {
	if p.view == nil {
		return
	}
	p.due.stop()
	p.last = time.Now()
	ctx.Send(p.view, &published{source: p.source, term: p.term, from: ctx.Self(), glance: p.glance, problems: problems, body: body})
}
