package actors

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// elector holds the lease: it takes it, renews it, and says when it is gone. It
// also says once a second on Kafka that this master lives.
type elector struct {
	cfg   Config
	lease Lease
	bus   Producer
	log   *slog.Logger
	owner *actor.PID

	ctx     context.Context
	cancel  context.CancelFunc
	tick    alarm
	term    messages.Term
	leads   bool
	trusted time.Time // the lease is believed until then
	busy    bool
	saying  bool
	resign  *actor.PID // asked for a release
	pause   backoff
	failing bool
}

type (
	// elected tells the owner that this master leads.
	elected struct{ term messages.Term }
	// deposed tells the owner that it does not lead any more.
	deposed struct{ term messages.Term }
	// standing tells the owner that another master leads.
	standing struct{}
	// stepDown asks for another term; the answer is elected.
	stepDown struct{ term messages.Term }
	// release asks for the lease to be given back; the answer is the same.
	release struct{}

	acquired struct {
		term  messages.Term
		ok    bool
		began time.Time
		err   error
	}
	renewed struct {
		began time.Time
		err   error
	}
	released struct{}
	said     struct{}
)

func newElector(e elector) actor.Actor {
	e.pause = backoff{min: 100 * time.Millisecond, max: 2 * time.Second}
	return &e
}

// Receive implements actor.Actor.
func (e *elector) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		e.ctx, e.cancel = context.WithCancel(context.Background())
		e.step(ctx)
	case *actor.Stopping:
		e.cancel()
		e.tick.stop()
	case *rang:
		if e.tick.is(m) {
			e.step(ctx)
		}
	case *acquired:
		e.onAcquired(ctx, m)
	case *renewed:
		e.onRenewed(ctx, m)
	case *stepDown:
		if m.term == e.term && e.leads {
			e.giveUp(ctx)
			e.tick.set(ctx, e.pause.next())
		}
	case *release:
		e.onRelease(ctx)
	case *released:
		if e.resign != nil {
			ctx.Send(e.resign, &release{})
		}
	case *said:
		e.saying = false
	}
}

// step takes or renews the lease.
func (e *elector) step(ctx actor.Context) {
	if e.resign != nil {
		return
	}
	e.say(ctx)
	e.tick.set(ctx, renewEvery)
	if e.leads && time.Now().After(e.trusted) {
		e.depose(ctx, "the lease could not be renewed in time")
	}
	if e.busy {
		return
	}
	e.busy = true
	began, parent, lease, term := time.Now(), e.ctx, e.lease, e.term
	if e.leads {
		run(ctx, func() any {
			err := within(parent, leaseTTL-leaseMargin, "renew the lease", func(c context.Context) error {
				_, err := lease.Renew(c, term, leaseTTL)
				return err
			})
			return &renewed{began: began, err: err}
		})
		return
	}
	holder := randomID()
	run(ctx, func() any {
		out := &acquired{began: began}
		out.err = within(parent, leaseTTL-leaseMargin, "take the lease", func(c context.Context) (err error) {
			out.term, out.ok, err = lease.Acquire(c, holder, leaseTTL)
			return err
		})
		return out
	})
}

func (e *elector) onAcquired(ctx actor.Context, m *acquired) {
	e.busy = false
	e.report(ctx, m.err)
	if e.resign != nil {
		e.term, e.leads = m.term, m.err == nil && m.ok
		e.giveUp(ctx) // it came too late: nobody wants it
		return
	}
	if m.err != nil {
		return
	}
	if !m.ok {
		ctx.Send(e.owner, &standing{})
		return
	}
	e.term, e.leads, e.trusted = m.term, true, m.began.Add(leaseTTL-leaseMargin)
	e.pause.reset()
	e.log.Info("this master leads", "term", m.term.Number)
	ctx.Send(e.owner, &elected{term: m.term})
}

func (e *elector) onRenewed(ctx actor.Context, m *renewed) {
	e.busy = false
	e.report(ctx, m.err)
	if e.resign != nil {
		e.giveUp(ctx)
		return
	}
	switch {
	case m.err == nil:
		e.trusted = m.began.Add(leaseTTL - leaseMargin)
	case errors.Is(m.err, messages.ErrFenced) && e.leads:
		e.depose(ctx, "another master has the lease")
	}
}

func (e *elector) depose(ctx actor.Context, reason string) {
	e.leads = false
	e.log.Warn("this master does not lead any more", "term", e.term.Number, "reason", reason)
	ctx.Send(e.owner, &deposed{term: e.term})
}

func (e *elector) onRelease(ctx actor.Context) {
	e.resign = ctx.Sender()
	e.tick.stop()
	if !e.busy { // else when the call in flight has ended
		e.giveUp(ctx)
	}
}

// giveUp gives the lease back, if this master has it, so that nobody waits for
// its end.
func (e *elector) giveUp(ctx actor.Context) {
	parent, lease, term, leads, log := e.ctx, e.lease, e.term, e.leads, e.log
	e.leads = false
	run(ctx, func() any {
		if leads {
			err := within(parent, time.Second, "release the lease", func(c context.Context) error { return lease.Release(c, term) })
			if err != nil {
				log.Info("the lease ends by itself", "err", err)
			}
		}
		return &released{}
	})
}

// say produces the master's heartbeat; one that cannot be sent is skipped.
func (e *elector) say(ctx actor.Context) {
	if e.saying {
		return
	}
	e.saying = true
	role := "standby"
	if e.leads {
		role = "leader"
	}
	value := messages.MasterHeartbeat{
		MasterID: e.cfg.MasterID, Role: role, Term: e.term.Number, API: e.cfg.API, TS: time.Now().UTC().Format(time.RFC3339Nano),
	}.Encode()
	record := messages.Record{Topic: e.cfg.HeartbeatTopic, Key: []byte(e.cfg.MasterID), Value: value}
	parent, bus := e.ctx, e.bus
	run(ctx, func() any {
		if bus.Leader(record.Topic, 0) != messages.NoLeader {
			c, cancel := context.WithTimeout(parent, 2*time.Second)
			defer cancel()
			bus.Produce(c, []messages.Record{record})
		}
		return &said{}
	})
}

func (e *elector) report(ctx actor.Context, err error) {
	if errors.Is(err, messages.ErrFenced) {
		err = nil
	}
	if (err != nil) != e.failing {
		e.failing = err != nil
		if err != nil {
			e.log.Warn("the state store does not answer", "err", err)
		}
		ctx.Send(e.owner, &storeState{err: err})
	}
}
