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

// elector acquires and renews the lease, and reports when it is lost. Once a second it
// also sends the heartbeat of this master, to Kafka and to the store.
type elector struct {
	electorDeps

	process string // random id of this process
	started time.Time
	roster  roster

	ctx     context.Context
	cancel  context.CancelFunc
	tick    alarm
	term    messages.Term // last term that this master led
	current messages.Term // newest term that it knows of
	leads   bool
	trusted time.Time  // end of the trust in the lease
	busy    bool       // a call about the lease is in flight
	emptyAt time.Time  // first sight of an empty store, zero while it holds a state
	init    bool       // nobody restored the empty store: begin a new state
	resign  *actor.PID // who asked for a release, nil before
	pause   backoff
	failing bool // the store failed last
	// asideUntil is until when this master leaves the lease to others, because it stepped down.
	asideUntil time.Time
	backEnds   []messages.BackEnd // which systems this master reaches
	unsent     error              // why the last heartbeat could not be produced
	unsentAt   time.Time          // since when that is so

	heartbeatAt time.Time // time of the last heartbeat
	beating     bool      // a heartbeat is in flight
	namesakeAt  time.Time // first sight of another process under this master's id

	// What follows relates this master to the state that it stands by for.
	kinship       kinship
	stoodBy       bool // another master has led since this one did
	comparing     bool
	compareAt     time.Time // time of the next comparison
	doubted       string    // files that the leader names, none of which is here
	doubtedAt     time.Time // first sight of that
	otherLeaderAt time.Time // last sight of another master with the lease

	deployment string // random id of the state, empty until it is known
	unrestored error  // why the last try to restore the state failed
}

// electorDeps is what the master gives to the elector.
type electorDeps struct {
	cfg         Config
	lease       Lease
	bus         Producer
	in          Consumer
	files       Files // nil compares settings only
	log         *slog.Logger
	owner       *actor.PID
	persistence *actor.PID
	egress      *actor.PID
}

type (
	// stepDown asks for another term. The answer is elected.
	stepDown struct{ term messages.Term }
	// standAside asks for the lease to be released and to be left to other masters for
	// standAsideFor, unless nobody takes it meanwhile.
	standAside struct{ term messages.Term }
	// release asks for the lease to be released. The answer is the same message.
	release struct{}

	// ackedUpTo is the answer to askAcked.
	ackedUpTo struct {
		term   messages.Term // term of the batch: the former one until a state is loaded
		number uint64
	}
	// refilled is the answer to refill.
	refilled struct {
		known bool // this master has a state to restore
		err   error
	}

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
	// heartbeatSent reports whether the store still has this master's id for this process.
	heartbeatSent struct {
		mine   bool
		err    error
		unsent error // why it was not produced
	}
)

const (
	// watchEvery is the pause between two tries of a standby to acquire the lease. It
	// tries earlier when it knows the end of the lease.
	watchEvery = 200 * time.Millisecond
	// emptyWait is how long an empty store is left to a leader that can restore it, which
	// renews its lease in less than that.
	emptyWait = 2 * renewEvery
	// standAsideFor is how long a master that stepped down leaves the lease to others. Those
	// who stand by try to take it several times within that time.
	standAsideFor = 5 * time.Second
	// namesakeWait is how long another process may have this master's id. The id of a
	// process that was killed expires earlier, with its lease.
	namesakeWait = leaseTTL + 2*time.Second
)

func newElector(deps electorDeps) actor.Actor {
	return &elector{electorDeps: deps, pause: backoff{min: 100 * time.Millisecond, max: 2 * time.Second}, process: rand.Text(), started: time.Now()}
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
			e.releaseLease(ctx)
			e.tick.set(ctx, e.pause.next())
		}
	case *standAside:
		if m.term == e.term && e.leads {
			e.releaseLease(ctx)
			e.asideUntil = time.Now().Add(standAsideFor)
			e.tick.set(ctx, watchEvery)
		}
	case *askRoster:
		e.onAskRoster(ctx, m)
	case *rosterRead:
		e.onRosterRead(ctx, m)
	case *backEnds:
		e.backEnds = m.list
	case *release:
		e.onRelease(ctx)
	case *released:
		if e.resign != nil {
			ctx.Send(e.resign, &release{})
		}
	case *heartbeatSent:
		e.onHeartbeatSent(ctx, m)
	case *compared:
		e.onCompared(ctx, m)
	case *knownDeployment:
		e.deployment = m.id
	default:
		unknown(ctx)
	}
}

// step acquires or renews the lease.
func (e *elector) step(ctx actor.Context) {
	if e.resign != nil {
		return
	}
	e.sendHeartbeat(ctx)
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
		ctx.Request(e.persistence, &askAcked{}) // the answer renews the lease
		return
	}
	e.acquire(ctx)
}

func (e *elector) acquire(ctx actor.Context) {
	began, lease := time.Now(), e.lease
	claim := messages.Claim{Holder: rand.Text(), Init: e.init, Look: time.Now().Before(e.asideUntil), Leader: messages.Leader{MasterID: e.cfg.MasterID, API: e.cfg.API}}
	call(ctx, e.ctx, leaseTTL-leaseMargin, func(c context.Context) any {
		state, err := lease.Acquire(c, claim, leaseTTL)
		return &acquired{began: began, state: state, err: err}
	})
}

func (e *elector) onAcquired(ctx actor.Context, m *acquired) {
	e.busy = false
	e.reportStore(ctx, m.err)
	if e.resign != nil { // it came too late
		e.term, e.leads = m.state.Term, m.err == nil && m.state.Taken
		e.releaseLease(ctx)
		return
	}
	switch {
	case m.err != nil:
	case m.state.Restoring: // the wait starts again, because whoever restores it may die
		e.init, e.emptyAt = false, time.Time{}
		e.tick.set(ctx, watchEvery)
	case m.state.Empty:
		e.onEmpty(ctx)
	case m.state.Free:
		e.tick.set(ctx, watchEvery)
	case m.state.Taken:
		e.lead(ctx, m)
	case m.state.Term == e.term && time.Now().Before(e.asideUntil): // its own, which is not released yet
		e.tick.set(ctx, watchEvery)
	default:
		e.standBy(ctx, m.state)
	}
}

func (e *elector) lead(ctx actor.Context, m *acquired) {
	if e.init && e.current.Number > 0 {
		e.log.Warn("the state store lost everything and no master remembers it: all files of the folder are taken as new")
	}
	e.term, e.current, e.leads, e.init, e.emptyAt = m.state.Term, m.state.Term, true, false, time.Time{}
	e.stoodBy, e.kinship, e.doubted, e.compareAt = false, unknownKin, "", time.Time{}
	e.pause.reset()
	e.trust(ctx, m.began)
	e.log.Info("this master leads", "term", e.term.Number)
	ctx.Send(e.owner, &elected{term: e.term})
}

func (e *elector) standBy(ctx actor.Context, s messages.LeaseState) {
	e.init, e.emptyAt, e.stoodBy, e.otherLeaderAt, e.asideUntil = false, time.Time{}, true, time.Now(), time.Time{}
	e.compare(ctx)
	if s.Term != e.current {
		e.current = s.Term
		ctx.Send(e.persistence, &otherTerm{term: s.Term})
	}
	ctx.Send(e.owner, &standing{term: s.Term, leader: s.Leader})
	e.tick.set(ctx, min(watchEvery, s.Remaining+time.Millisecond))
}

// onEmpty has the state restored by this master. If it knows none, another master may do
// so within emptyWait.
func (e *elector) onEmpty(ctx actor.Context) {
	if e.emptyAt.IsZero() {
		e.emptyAt = time.Now()
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
		e.releaseLease(ctx)
		return
	case m.known && m.err == nil:
		e.log.Warn("the state was restored into the empty store as this master knew it", "term", e.term.Number)
	case errors.Is(m.err, messages.ErrRestoring):
		e.tick.set(ctx, watchEvery)
		return
	case m.known && m.err != nil && !errors.Is(m.err, messages.ErrFilled):
		e.unrestored = fmt.Errorf("restore the state that the store has lost: %w", m.err)
		e.reportStore(ctx, nil)
		return
	case !m.known && time.Since(e.emptyAt) >= emptyWait:
		e.init = true
	case !m.known:
		e.tick.set(ctx, watchEvery)
		return
	}
	e.step(ctx)
}

// renew renews the lease. before is the last batch that the store acknowledged before:
// a smaller number in the answer means that it lost commits.
func (e *elector) renew(ctx actor.Context, before *ackedUpTo) {
	var acked uint64
	if before.term == e.term {
		acked = before.number
	}
	began, lease, term := time.Now(), e.lease, e.term
	call(ctx, e.ctx, leaseTTL-leaseMargin, func(c context.Context) any {
		number, err := lease.Renew(c, term, leaseTTL)
		return &renewed{began: began, acked: acked, number: number, err: err}
	})
}

func (e *elector) onRenewed(ctx actor.Context, m *renewed) {
	e.busy = false
	e.reportStore(ctx, m.err)
	if e.resign != nil {
		e.releaseLease(ctx)
		return
	}
	switch {
	case !e.leads:
	case m.err == nil && m.number < m.acked:
		e.releaseLease(ctx)
		e.depose(ctx, "the store lost its last commits")
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

// trust extends the trust in the lease, which was acquired or renewed by a call that
// began at the given time.
func (e *elector) trust(ctx actor.Context, began time.Time) {
	e.trusted = began.Add(leaseTTL - leaseMargin)
	trust := &trustTerm{term: e.term, until: e.trusted}
	ctx.Send(e.egress, trust)
	ctx.Send(e.owner, trust)
}

// depose ends the term of this master.
func (e *elector) depose(ctx actor.Context, reason string) {
	e.leads = false
	e.log.Warn("this master does not lead any more", "term", e.term.Number, "reason", reason)
	ctx.Send(e.owner, &deposed{term: e.term})
}

func (e *elector) onRelease(ctx actor.Context) {
	e.resign = ctx.Sender()
	e.tick.stop()
	if !e.busy { // otherwise the lease is released when the call in flight has ended
		e.releaseLease(ctx)
	}
}

// releaseLease releases the lease, if this master has it, so that nobody has to wait for
// its end.
func (e *elector) releaseLease(ctx actor.Context) {
	lease, term, leads, log := e.lease, e.term, e.leads, e.log
	e.leads = false
	call(ctx, e.ctx, time.Second, func(c context.Context) any {
		if leads {
			if err := lease.Release(c, term); err != nil {
				log.Info("the lease could not be released and expires by itself", "err", err)
			}
		}
		return &released{}
	})
}

// reportStore reports to the owner when the store begins to fail, and when it works again.
func (e *elector) reportStore(ctx actor.Context, err error) {
	if errors.Is(err, messages.ErrFenced) {
		err = nil
	}
	if err == nil {
		err = e.unrestored // a store that answers but cannot be restored fails, too
	}
	if (err != nil) != e.failing {
		e.failing = err != nil
		if err != nil {
			e.log.Debug("the state store fails", "err", err) // the view logs the problem
		}
		ctx.Send(e.owner, &storeState{err: err})
	}
}
