package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/infra/failpoint"
	"kafka-master/messages"
)

// egress produces to Kafka. One request is in flight per leading broker; what
// becomes ready meanwhile goes into the next one, all partitions together. It
// outlives a term: it finishes what is in flight and refuses lower terms.
type egress struct {
	bus   Producer
	log   *slog.Logger
	owner *actor.PID // is told whether Kafka can be written
	store *actor.PID // persistence: is told where sends lie

	ctx     context.Context
	cancel  context.CancelFunc
	term    messages.Term
	trusted time.Time            // the term's lease is believed until then
	queues  map[int32]*sendQueue // by leader; NoLeader holds what has no leader yet
	// withheld are partitions that nothing is written to in this term, with the reason.
	withheld map[place]error
	waiting  []*actor.PID // asked for flushed
	away     transitionLog
}

// sendQueue is what waits for one broker.
type sendQueue struct {
	leader  int32
	ready   []*waiting
	flying  []*waiting
	again   alarm
	pause   backoff
	failing error // of its last request, nil when that ended well
	trouble bool  // something that waits here failed, and that is no quiet matter
}

// waiting is a send that is not over.
type waiting struct {
	*send
	failed error // how it surely was not written last
}

type (
	// send asks for a record to be produced; the answer is sent.
	send struct {
		term   messages.Term
		record messages.Record
		reply  *actor.PID
		tag    string // comes back in the answer
		// giveUp is when a record that surely was not written is answered as such;
		// zero is never: it is tried until the term ends.
		giveUp time.Time
		// quiet says that it is no trouble when the record cannot be written.
		quiet bool
	}
	// sent is how a send ended: err is nil, or wraps ErrMaybeWritten, ErrRefused
	// or, after giveUp, ErrNotWritten.
	sent struct {
		tag       string
		partition int32
		offset    int64
		err       error
	}
	// trustTerm says how long the lease of a term is believed: nothing is sent
	// later, since another master may lead by then.
	trustTerm struct {
		term  messages.Term
		until time.Time
	}
	// useTerm lets egress drop what an older term still wants to send.
	useTerm struct{ term messages.Term }
	// withhold keeps a term from writing to partitions whose tail it has not read: to
	// their workers they are partitions without a leader, whose mark does not move.
	withhold struct {
		term       messages.Term
		topic      string
		partitions messages.PartitionErrors
	}
	// busState tells the owner that Kafka cannot be written, or can again.
	busState struct{ err error }

	produced struct {
		leader   int32
		outcomes []messages.Produced
	}
)

const (
	produceTimeout = 10 * time.Second
	// trustPause is the wait for the lease to be renewed, or for a new term.
	trustPause = 100 * time.Millisecond
	// maxRequestBytes bounds one produce request; brokers refuse more than
	// 100 MiB, and a smaller one comes back sooner.
	maxRequestBytes = 4 << 20
)

func newEgress(bus Producer, log *slog.Logger, owner, store *actor.PID) actor.Actor {
	return &egress{bus: bus, log: log, owner: owner, store: store, queues: map[int32]*sendQueue{},
		away: transitionLog{failed: "Kafka cannot be written, chunks wait", recovered: "Kafka can be written again"}}
}

// Receive implements actor.Actor.
func (e *egress) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		e.ctx, e.cancel = context.WithCancel(context.Background())
	case *actor.Stopping:
		e.cancel()
		for _, q := range e.queues {
			q.again.stop()
		}
	case *useTerm:
		e.useTerm(ctx, m.term)
	case *withhold:
		e.withhold(m)
	case *trustTerm:
		if e.term.Older(m.term) { // what an older term left must not go out under this lease
			e.useTerm(ctx, m.term)
		}
		e.trusted = m.until
	case *send:
		e.onSend(ctx, m)
	case *produced:
		e.onProduced(ctx, m)
	case *flushed:
		e.waiting = append(e.waiting, ctx.Sender())
		e.answerFlushed(ctx)
	case *rang:
		for _, q := range e.queues {
			if q.again.rings(m) {
				e.wake(ctx, q)
				return
			}
		}
	default:
		unknown(ctx)
	}
}

// useTerm drops what older terms still want to send: nobody waits for the answers.
func (e *egress) useTerm(ctx actor.Context, term messages.Term) {
	if term != e.term {
		e.withheld = nil
	}
	e.term = term
	for _, q := range e.queues {
		q.ready = e.fresh(q.ready)
	}
	e.rest(ctx)
}

func (e *egress) withhold(m *withhold) {
	if m.term != e.term {
		return
	}
	e.withheld = map[place]error{}
	for p, err := range m.partitions {
		e.withheld[place{m.topic, p}] = fmt.Errorf("%w: what was sent there before cannot be read: %w", messages.ErrNotWritten, err)
	}
}

// leader is the broker that a record goes to.
func (e *egress) leader(r messages.Record) int32 {
	if e.withheld[place{r.Topic, r.Partition}] != nil {
		return messages.NoLeader
	}
	return e.bus.Leader(r.Topic, r.Partition)
}

// rest ends the trouble of queues that have nothing more to send: nothing would
// clear it there.
func (e *egress) rest(ctx actor.Context) {
	idle := true
	for _, q := range e.queues {
		if len(q.ready)+len(q.flying) > 0 {
			idle = false
		} else {
			q.failing, q.trouble = nil, false
		}
	}
	if idle && e.away.failing {
		e.report(ctx, nil)
	}
}

func (e *egress) fresh(list []*waiting) []*waiting {
	var kept []*waiting
	for _, s := range list {
		if !s.term.Older(e.term) {
			kept = append(kept, s)
		}
	}
	return kept
}

func (e *egress) queue(leader int32) *sendQueue {
	q := e.queues[leader]
	if q == nil {
		q = &sendQueue{leader: leader, pause: backoff{min: 20 * time.Millisecond, max: kafkaPause}}
		e.queues[leader] = q
	}
	return q
}

func (e *egress) onSend(ctx actor.Context, m *send) {
	if m.term.Older(e.term) {
		return // of a leader that was deposed: nobody waits for the answer
	}
	q := e.queue(e.leader(m.record))
	q.ready = append(q.ready, &waiting{send: m})
	e.next(ctx, q)
}

// unwritten is why a send that waits for too long could not be written, nil when it
// waits on. It was tried and surely not written, or waits behind one that fails.
func (s *waiting) unwritten(q *sendQueue, now time.Time) error {
	switch {
	case s.giveUp.IsZero() || now.Before(s.giveUp):
		return nil
	case s.failed != nil:
		return s.failed
	case q.failing != nil:
		return fmt.Errorf("%w: it waits behind others: %s", messages.ErrNotWritten, q.failing)
	}
	return nil
}

// wake tries a queue again after a pause; leaders may have moved meanwhile.
func (e *egress) wake(ctx actor.Context, q *sendQueue) {
	ready, now := q.ready, time.Now()
	q.ready, q.trouble = nil, false
	touched := map[*sendQueue]bool{q: true}
	for _, s := range ready {
		if err := s.unwritten(q, now); err != nil {
			ctx.Send(s.reply, &sent{tag: s.tag, partition: s.record.Partition, offset: messages.UnknownOffset, err: err})
			continue
		}
		to := e.queue(e.leader(s.record))
		to.ready = append(to.ready, s)
		to.trouble = to.trouble || s.failed != nil && !s.quiet
		touched[to] = true
	}
	for to := range touched {
		e.next(ctx, to)
	}
	e.rest(ctx)
	e.answerFlushed(ctx)
}

// next sends the next request of a queue, unless one is in flight or it pauses.
func (e *egress) next(ctx actor.Context, q *sendQueue) {
	if len(q.flying) > 0 || len(q.ready) == 0 || q.again.timer != nil {
		return
	}
	if time.Now().After(e.trusted) {
		q.again.set(ctx, trustPause)
		return
	}
	n, size := 0, 0
	for n < len(q.ready) && (n == 0 || size+len(q.ready[n].record.Value) <= maxRequestBytes) {
		size += len(q.ready[n].record.Value)
		n++
	}
	if q.leader == messages.NoLeader {
		n = 1 // its partition is not known yet: it waits alone
	}
	q.flying = q.ready[:n:n]
	q.ready = append([]*waiting(nil), q.ready[n:]...)
	records := make([]messages.Record, n)
	for i, s := range q.flying {
		records[i] = s.record
	}
	bus, parent, leader := e.bus, e.ctx, q.leader
	if err := e.withheld[place{records[0].Topic, records[0].Partition}]; err != nil { // it is the only one
		ctx.Send(ctx.Self(), &produced{leader: leader, outcomes: []messages.Produced{{Offset: messages.UnknownOffset, Err: err}}})
		return
	}
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, produceTimeout)
		defer cancel()
		failpoint.Pass("before a produce")
		outcomes := bus.Produce(c, records)
		failpoint.Pass("after a produce")
		return &produced{leader: leader, outcomes: outcomes}
	})
}

func (e *egress) onProduced(ctx actor.Context, m *produced) {
	q := e.queues[m.leader]
	flying := q.flying
	q.flying = nil
	var again []*waiting
	var failure, worst error // worst is of a send that is not quiet
	marks := mark{term: e.term}
	for i, s := range flying {
		out := m.outcomes[i]
		if out.Err == nil {
			marks.at = append(marks.at, messages.Position{Topic: s.record.Topic, Partition: s.record.Partition, Offset: out.Offset + 1})
		} else if !errors.Is(out.Err, messages.ErrRefused) {
			failure = out.Err
			if !s.quiet {
				worst = out.Err
			}
		}
		if errors.Is(out.Err, messages.ErrNotWritten) {
			s.failed = out.Err
			again = append(again, s)
		} else if s.reply != nil {
			ctx.Send(s.reply, &sent{tag: s.tag, partition: s.record.Partition, offset: out.Offset, err: out.Err})
		}
	}
	if len(marks.at) > 0 {
		ctx.Send(e.store, &marks)
	}
	q.failing, q.trouble = failure, worst != nil
	if failure == nil || worst != nil {
		e.report(ctx, worst)
	}
	if failure == nil {
		q.pause.reset()
		e.next(ctx, q)
	} else {
		q.ready = append(e.fresh(again), q.ready...)
		q.again.set(ctx, q.pause.next())
	}
	e.answerFlushed(ctx)
}

// report tells the owner when a broker cannot be written, and when all can again.
func (e *egress) report(ctx actor.Context, err error) {
	if err == nil {
		for _, q := range e.queues {
			if q.trouble {
				return
			}
		}
	}
	if e.away.record(e.log, err) {
		ctx.Send(e.owner, &busState{err: err})
	}
}

// answerFlushed answers those who wait until nothing is in flight; what only
// waits for a broker that is away does not hold a stop up.
func (e *egress) answerFlushed(ctx actor.Context) {
	for _, q := range e.queues {
		if len(q.flying) > 0 || len(q.ready) > 0 && q.again.timer == nil {
			return
		}
	}
	for _, to := range e.waiting {
		ctx.Send(to, &flushed{})
	}
	e.waiting = nil
}
