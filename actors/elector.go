package actors

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// elector holds the lease: it takes it, renews it, and says when it is gone. It
// also says once a second that this master lives, on Kafka and in the store.
type elector struct {
	electorDeps

	process string // a random id of this process

	ctx     context.Context
	cancel  context.CancelFunc
	tick    alarm
	term    messages.Term // that this master led last
	current messages.Term // the newest that it knows of
	leads   bool
	trusted time.Time // the lease is believed until then
	busy    bool
	empty   time.Time // since when the store is seen to be empty
	init    bool      // nobody put a state into the empty store: begin one
	shown   time.Time // when this master said last that it lives
	saying  bool
	taken   time.Time  // since when another process has this master's id
	resign  *actor.PID // asked for a release
	pause   backoff
	failing bool
	// How this master relates to the state that it stands by for.
	kinship   kinship
	stood     bool // another master led since this one did
	comparing bool
	doubted   string    // files that the leader names, none of which is here
	doubtedAt time.Time // since when
	others    time.Time // when another master had the lease last
	nextLook  time.Time
	// deployment is the random id of the state, empty until it is known.
	deployment string
	// unrestored is why the last try to put the state back failed.
	unrestored error
}

// electorDeps is what the master gives to the elector.
type electorDeps struct {
	cfg         Config
	lease       Lease
	bus         Producer
	files       Files // may be nil: then only settings are compared
	log         *slog.Logger
	owner       *actor.PID
	persistence *actor.PID
	egress      *actor.PID
}

type (
	// elected tells the owner that this master leads.
	elected struct{ term messages.Term }
	// deposed tells the owner that it does not lead any more.
	deposed struct{ term messages.Term }
	// standing tells the owner that another master leads.
	standing struct {
		term   messages.Term
		leader messages.Leader
	}
	// stepDown asks for another term; the answer is elected.
	stepDown struct{ term messages.Term }
	// release asks for the lease to be given back; the answer is the same.
	release struct{}
	// namesake tells the owner that another process runs under this master's id.
	namesake struct{}

	acquired struct {
		state messages.LeaseState
		began time.Time
		err   error
	}
	renewed struct {
		number, acked uint64
		began         time.Time
		err           error
	}
	released struct{}
	said     struct {
		mine bool
		err  error
	}
)

const (
	// watchEvery is how often a standby looks whether the lease is free: at once
	// when its end is known, else a leader that stops would be missed that long.
	watchEvery = 200 * time.Millisecond
	// emptyWait is how long an empty store waits for a leader who knows what was
	// in it: that one renews its lease in less.
	emptyWait = 2 * renewEvery
	// namesakeWait is how long another process may have this master's id: that of
	// one that was killed ends with its lease.
	namesakeWait = leaseTTL + 2*time.Second
)

func newElector(deps electorDeps) actor.Actor {
	return &elector{electorDeps: deps, pause: backoff{min: 100 * time.Millisecond, max: 2 * time.Second}, process: rand.Text()}
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
		if e.tick.rings(m) {
			e.step(ctx)
		}
	case *acquired:
		e.onAcquired(ctx, m)
	case *ackedUpTo:
		e.renew(ctx, m)
	case *renewed:
		e.onRenewed(ctx, m)
	case *refilled:
		e.onRefilled(ctx, m)
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
		e.onSaid(ctx, m)
	case *compared:
		e.onCompared(ctx, m)
	case *knownDeployment:
		e.deployment = m.id
	default:
		unknown(ctx)
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
	if !e.leads && !e.mayTakeOver() {
		e.compare(ctx)
		e.tick.set(ctx, watchEvery)
		return
	}
	e.busy = true
	if e.leads {
		ctx.Request(e.persistence, &askAcked{}) // then renew
		return
	}
	e.acquire(ctx)
}

func (e *elector) acquire(ctx actor.Context) {
	began, parent, lease := time.Now(), e.ctx, e.lease
	claim := messages.Claim{Holder: rand.Text(), Init: e.init, Leader: messages.Leader{MasterID: e.cfg.MasterID, API: e.cfg.API}}
	run(ctx, func() any {
		out := &acquired{began: began}
		out.err = within(parent, leaseTTL-leaseMargin, func(c context.Context) (err error) {
			out.state, err = lease.Acquire(c, claim, leaseTTL)
			return err
		})
		return out
	})
}

func (e *elector) onAcquired(ctx actor.Context, m *acquired) {
	e.busy = false
	e.report(ctx, m.err)
	if e.resign != nil {
		e.term, e.leads = m.state.Term, m.err == nil && m.state.Taken
		e.giveUp(ctx) // it came too late: nobody wants it
		return
	}
	switch {
	case m.err != nil:
	case m.state.Restoring: // whoever claimed it may die: then begin to wait again
		e.init, e.empty = false, time.Time{}
		e.tick.set(ctx, watchEvery)
	case m.state.Empty:
		e.onEmpty(ctx)
	case m.state.Taken:
		e.lead(ctx, m)
	default:
		e.standBy(ctx, m.state)
	}
}

func (e *elector) lead(ctx actor.Context, m *acquired) {
	if e.init && e.current.Number > 0 {
		e.log.Warn("the state store lost everything and no master remembers it: all files of the folder are taken as new")
	}
	e.term, e.current, e.leads, e.init, e.empty = m.state.Term, m.state.Term, true, false, time.Time{}
	e.stood, e.kinship, e.doubted, e.nextLook = false, unknownKin, "", time.Time{}
	e.pause.reset()
	e.trust(ctx, m.began)
	e.log.Info("this master leads", "term", e.term.Number)
	ctx.Send(e.owner, &elected{term: e.term})
}

func (e *elector) standBy(ctx actor.Context, s messages.LeaseState) {
	e.init, e.empty, e.stood, e.others = false, time.Time{}, true, time.Now()
	e.compare(ctx)
	if s.Term != e.current {
		e.current = s.Term
		ctx.Send(e.persistence, &otherTerm{term: s.Term})
	}
	ctx.Send(e.owner, &standing{term: s.Term, leader: s.Leader})
	e.tick.set(ctx, min(watchEvery, s.Remaining+time.Millisecond))
}

// onEmpty lets the state be put back by whoever knows it: this master, or within
// emptyWait another one.
func (e *elector) onEmpty(ctx actor.Context) {
	if e.empty.IsZero() {
		e.empty = time.Now()
		if e.current.Number > 0 {
			e.log.Warn("the state store is empty, although it was not: its data is lost")
		}
	}
	e.busy = true
	ctx.Request(e.persistence, &refill{})
}

func (e *elector) onRefilled(ctx actor.Context, m *refilled) {
	e.busy, e.unrestored = false, nil
	switch {
	case e.resign != nil:
		e.giveUp(ctx)
		return
	case m.known && m.err == nil:
		e.log.Warn("the state was put back into the empty store as this master knew it", "term", e.term.Number)
	case errors.Is(m.err, messages.ErrRestoring):
		e.tick.set(ctx, watchEvery)
		return
	case m.known && m.err != nil && !errors.Is(m.err, messages.ErrFilled):
		e.unrestored = fmt.Errorf("the state, which the store has lost, cannot be put back yet: %w", m.err)
		e.report(ctx, nil)
		return
	case !m.known && time.Since(e.empty) >= emptyWait:
		e.init = true
	case !m.known:
		e.tick.set(ctx, watchEvery)
		return
	}
	e.step(ctx)
}

// renew prolongs the lease; before is what the store acknowledged before.
func (e *elector) renew(ctx actor.Context, before *ackedUpTo) {
	var acked uint64
	if before.term == e.term {
		acked = before.number
	}
	began, parent, lease, term := time.Now(), e.ctx, e.lease, e.term
	run(ctx, func() any {
		out := &renewed{began: began, acked: acked}
		out.err = within(parent, leaseTTL-leaseMargin, func(c context.Context) (err error) {
			out.number, err = lease.Renew(c, term, leaseTTL)
			return err
		})
		return out
	})
}

func (e *elector) onRenewed(ctx actor.Context, m *renewed) {
	e.busy = false
	e.report(ctx, m.err)
	if e.resign != nil {
		e.giveUp(ctx)
		return
	}
	switch {
	case !e.leads:
	case m.err == nil && m.number < m.acked:
		e.depose(ctx, "the store lost its last commits")
		e.leads = true // the lease is given back
		e.giveUp(ctx)
		e.tick.set(ctx, e.pause.next())
	case m.err == nil:
		e.trust(ctx, m.began)
	case errors.Is(m.err, messages.ErrEmpty):
		e.depose(ctx, "the store lost everything")
		e.step(ctx)
	case errors.Is(m.err, messages.ErrFenced):
		e.depose(ctx, "another master has the lease")
		e.step(ctx)
	}
}

// trust notes that the lease was had at a time.
func (e *elector) trust(ctx actor.Context, began time.Time) {
	e.trusted = began.Add(leaseTTL - leaseMargin)
	trust := &trustTerm{term: e.term, until: e.trusted}
	ctx.Send(e.egress, trust)
	ctx.Send(e.owner, trust)
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
			err := within(parent, time.Second, func(c context.Context) error { return lease.Release(c, term) })
			if err != nil {
				log.Info("the lease ends by itself", "err", err)
			}
		}
		return &released{}
	})
}

func (e *elector) report(ctx actor.Context, err error) {
	if errors.Is(err, messages.ErrFenced) {
		err = nil
	}
	if err == nil {
		err = e.unrestored // that it can be asked for the lease is not enough
	}
	if (err != nil) != e.failing {
		e.failing = err != nil
		if err != nil {
			e.log.Debug("the state store does not answer or refuses", "err", err) // the view logs the problem
		}
		ctx.Send(e.owner, &storeState{err: err})
	}
}
