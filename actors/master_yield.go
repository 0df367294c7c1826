package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// yielding is a leader that gives its lease up because a person wants that. It lets the term
// finish as at a stop, releases the lease, and then waits a moment for the next leader, so
// that the answer can name it.
type yielding struct {
	asker    *actor.PID
	old      messages.Leadership
	released bool
}

const (
	// yieldWithin is how long the term may take to finish. What is not finished then is what
	// a crash leaves to the next leader.
	yieldWithin = 1200 * time.Millisecond
	// yieldAnswer is how long the answer then waits for the next leader.
	yieldAnswer = time.Second
)

func (m *master) onStepDown(ctx actor.Context, q messages.StepDown) {
	switch {
	case m.stopping != nil:
		ctx.Respond(unavailable(whyStopping))
	case m.yield != nil && !m.yield.released:
		ctx.Respond(fmt.Errorf("%w: master %q steps down already", messages.ErrConflict, m.cfg.MasterID))
	case m.leading == nil:
		ctx.Respond(&messages.NotLeader{Leader: m.leader})
	default:
		m.log.Info("this master steps down, as a person wants", "term", m.term.Number, "by", q.By)
		m.yield = &yielding{asker: ctx.Sender(), old: m.leadership()}
		m.step = stopTerm
		ctx.Send(m.persistence, &write{term: m.term, audit: &messages.AuditEntry{
			At: time.Now(), By: q.By, Action: messages.ActionStepDown, Target: m.cfg.MasterID,
		}})
		m.yieldEnds.set(ctx, yieldWithin)
		ctx.Request(m.leading, &drain{})
	}
}

func (m *master) leadership() messages.Leadership {
	return messages.Leadership{Leader: m.leader, Term: m.term.Number}
}

// onYieldEnds ends the wait for the term, or for the next leader.
func (m *master) onYieldEnds(ctx actor.Context) {
	switch {
	case m.yield == nil:
	case m.yield.released:
		m.answerYield(ctx, messages.SteppedDown{Old: m.yield.old, New: messages.Leadership{Term: m.yield.old.Term}})
	default:
		m.resign(ctx)
	}
}

// resign ends the term and leaves the lease to others.
func (m *master) resign(ctx actor.Context) {
	m.forgetFlush()
	m.yield.released = true
	m.yieldEnds.set(ctx, yieldAnswer)
	term := m.term
	m.depose(ctx, term)
	ctx.Send(m.elector, &standAside{term: term})
}

// forgetFlush notes that the answer which the present step waits for is of no use any more.
func (m *master) forgetFlush() {
	if m.step != stopTerm && m.step != stopReleased {
		m.staleFlushes++
	}
	m.step = stopTerm
}

// endYield ends a step-down whose term ended by itself, or whose master stops.
func (m *master) endYield(ctx actor.Context) {
	if m.yield == nil || m.yield.released {
		return
	}
	m.forgetFlush()
	m.answerYield(ctx, unavailable("the term ended before the master could step down"))
}

// answerYield answers the person who wanted the leader to step down.
func (m *master) answerYield(ctx actor.Context, answer any) {
	m.yieldEnds.stop()
	if m.yield.asker != nil {
		ctx.Send(m.yield.asker, answer)
	}
	m.yield = nil
}

// ledNow answers a step-down with the master that leads after it.
func (m *master) ledNow(ctx actor.Context) {
	if m.yield != nil && m.yield.released && m.leader.MasterID != "" {
		m.answerYield(ctx, messages.SteppedDown{Old: m.yield.old, New: m.leadership()})
	}
}
