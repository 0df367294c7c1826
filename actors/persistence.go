package actors

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/infra/failpoint"
	"kafka-master/messages"
)

// persistence is the only write path to the store. It commits in groups: while one commit
// is in flight, further writes wait for the next one. The writes of one sender are
// committed in the order in which they were sent, and the newest value of a key wins.
type persistence struct {
	store Store
	log   *slog.Logger
	owner *actor.PID

	term    messages.Term
	number  uint64 // number of the last acknowledged batch
	open    bool   // a term has begun and is not fenced
	pending pendingWrites
	flying  *flight
	waiting []*actor.PID // actors that asked for flushed
	retry   alarm
	pause   backoff
	quietAt time.Time // time of the last commit, or of the beginning of the term
	idle    alarm     // commits the marks when nothing else is written
	cancel  context.CancelFunc
	ctx     context.Context
	away    transitionLog
	mirror  *mirror        // state of this master's last term, nil when another master has led since
	audit   messages.Audit // changes that people made, those that are pending included
}

// flight is the commit in flight.
type flight struct {
	batch messages.Batch
	after []notice
}

type (
	// beginTerm starts a term from the state that was loaded.
	beginTerm struct {
		term messages.Term
		snap messages.Snapshot
	}
	// otherTerm reports that another master has led this term.
	otherTerm struct{ term messages.Term }
	// askAcked asks for the number of the last batch that the store acknowledged.
	askAcked struct{}
	// refill asks for the state to be restored into an empty store. The answer is
	// refilled.
	refill struct{}
	// write asks for the writes of a batch to be committed. The notices are sent once they
	// are. A change that a person made has an entry for the audit, which is committed with
	// it.
	write struct {
		term  messages.Term
		batch messages.Batch
		audit *messages.AuditEntry // nil for all others
		after []notice
	}
	// mark reports positions that may be stored later: where the last acknowledged sends
	// end, and which worker messages were handled. They are committed with the next batch,
	// or by themselves when nothing was committed for markDelay. If the leader ends before,
	// the next one reads some messages again.
	mark struct {
		term messages.Term
		at   []messages.Position
	}
	// notice is a message that is sent after a commit.
	notice struct {
		to  *actor.PID
		msg any
	}
	// flushed asks for the same message as an answer once nothing is pending.
	flushed struct{}

	committed struct {
		id  string // id of the batch
		err error
	}
)

const (
	commitTimeout = 5 * time.Second
	// markDelay is how long marks wait for other writes, and so bounds how often an idle
	// master commits them.
	markDelay = time.Second
	// restoreTimeout bounds a whole restore, which takes some ten seconds per million
	// records. The store bounds its single calls.
	restoreTimeout = 10 * time.Minute
)

func newPersistence(store Store, log *slog.Logger, owner *actor.PID) actor.Actor {
	return &persistence{
		store: store, log: log, owner: owner, pause: backoff{min: 20 * time.Millisecond, max: 2 * time.Second},
		away: transitionLog{failed: "state cannot be written, work pauses", recovered: "state can be written again"},
	}
}

// Receive implements actor.Actor.
func (p *persistence) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.ctx, p.cancel = context.WithCancel(context.Background())
	case *actor.Stopping:
		p.cancel()
		p.retry.stop()
		p.idle.stop()
	case *beginTerm:
		p.term, p.number, p.open = m.term, m.snap.Number, true
		p.mirror = newMirror(m.term, m.snap)
		p.audit = messages.DecodeAudit(m.snap.Values[messages.ValueAudit])
		p.pending, p.flying, p.quietAt = pendingWrites{}, nil, time.Now()
		p.next(ctx)
		p.retry.stop()
		p.pause.reset()
	case *write:
		p.onWrite(ctx, m)
	case *mark:
		if m.term == p.term && p.open {
			p.pending.addMarks(m.at)
			p.next(ctx)
		}
	case *committed:
		p.onCommitted(ctx, m)
	case *otherTerm:
		if p.mirror != nil && p.mirror.term.Older(m.term) {
			p.mirror = nil
		}
	case messages.QueryAudit:
		p.onQueryAudit(ctx)
	case *askAcked:
		ctx.Respond(&ackedUpTo{term: p.term, number: p.number})
	case *refill:
		p.onRefill(ctx)
	case *flushed:
		p.waiting = append(p.waiting, ctx.Sender())
		p.next(ctx)
	case *rang:
		switch {
		case p.idle.rings(m):
			p.next(ctx)
		case p.retry.rings(m) && p.flying != nil:
			p.commit(ctx)
		}
	default:
		unknown(ctx)
	}
}

func (p *persistence) onWrite(ctx actor.Context, m *write) {
	if m.term != p.term || !p.open {
		return // a late write of an ended term, whose sender is gone
	}
	p.pending.add(m.batch)
	p.pending.after = append(p.pending.after, m.after...)
	if m.audit != nil {
		p.audit = p.audit.With(*m.audit)
		p.pending.add(messages.Batch{Values: []messages.Value{{Name: messages.ValueAudit, Value: p.audit.EncodeRecord()}}})
	}
	p.next(ctx)
}

// onQueryAudit answers with the changes that are committed: others may be lost with this
// leader.
func (p *persistence) onQueryAudit(ctx actor.Context) {
	if !p.open || p.mirror == nil {
		ctx.Respond(unavailable("another master may lead by now"))
		return
	}
	ctx.Respond(messages.DecodeAudit(p.mirror.values[messages.ValueAudit]))
}

// next starts the next commit, unless one is in flight.
func (p *persistence) next(ctx actor.Context) {
	if p.flying != nil {
		return
	}
	if p.pending.empty() && !p.marksDue(ctx) {
		p.pending.notify(ctx)
		for _, to := range p.waiting {
			ctx.Send(to, &flushed{})
		}
		p.waiting = nil
		return
	}
	batch := p.pending.batch()
	batch.Number, batch.ID = p.number+1, rand.Text()
	p.flying = &flight{batch: batch, after: p.pending.after}
	p.pending = pendingWrites{}
	p.commit(ctx)
}

// marksDue reports whether the marks are committed without other writes. If it is too early
// for that, it sets the alarm.
func (p *persistence) marksDue(ctx actor.Context) bool {
	if len(p.pending.marks) == 0 {
		return false
	}
	wait := markDelay - time.Since(p.quietAt)
	if wait <= 0 || len(p.waiting) > 0 {
		return true
	}
	if p.idle.timer == nil {
		p.idle.set(ctx, wait)
	}
	return false
}

func (p *persistence) commit(ctx actor.Context) {
	term, batch, store := p.term, p.flying.batch, p.store
	call(ctx, p.ctx, commitTimeout, func(c context.Context) any {
		failpoint.Pass("before a commit")
		err := store.Commit(c, term, batch)
		failpoint.Pass("after a commit")
		return &committed{id: batch.ID, err: err}
	})
}

func (p *persistence) onCommitted(ctx actor.Context, m *committed) {
	if p.flying == nil || p.flying.batch.ID != m.id || !p.open {
		return
	}
	switch {
	case m.err == nil:
		p.reportStore(ctx, nil)
		p.number = p.flying.batch.Number
		if p.mirror != nil {
			p.mirror.apply(p.flying.batch)
		}
		after := p.flying.after
		p.flying, p.quietAt = nil, time.Now()
		p.pause.reset()
		for _, n := range after {
			ctx.Send(n.to, n.msg)
		}
		p.next(ctx)
	case errors.Is(m.err, messages.ErrFenced):
		// The notices are never sent: what waits for this commit must not happen.
		p.open, p.flying, p.pending = false, nil, pendingWrites{}
		ctx.Send(p.owner, &fenced{term: p.term})
		p.next(ctx)
	default:
		p.reportStore(ctx, m.err)
		p.retry.set(ctx, p.pause.next())
	}
}

// onRefill restores the state as it was after the last acknowledged commit. Later writes
// are lost together with their notices; what caused them is read again from Kafka.
func (p *persistence) onRefill(ctx actor.Context) {
	if p.mirror == nil {
		ctx.Respond(&refilled{})
		return
	}
	term, snap, parent, store, to := p.mirror.term, p.mirror.snapshot(), p.ctx, p.store, ctx.Sender()
	root := ctx.ActorSystem().Root
	beside(ctx, func() {
		c, cancel := context.WithTimeout(parent, restoreTimeout)
		defer cancel()
		root.Send(to, &refilled{known: true, err: store.Restore(c, term, snap)})
	})
}

// reportStore reports to the owner whether the store can be written.
func (p *persistence) reportStore(ctx actor.Context, err error) {
	if p.away.record(p.log, err) {
		ctx.Send(p.owner, &storeState{err: err})
	}
}
