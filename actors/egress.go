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

// egress produces the chunks to Kafka. One request is in flight per leading broker. Records
// that arrive meanwhile go into the next one, those of all its partitions together. egress
// outlives a term: it finishes the request in flight and drops the sends of lower terms.
type egress struct {
	bus   Producer
	log   *slog.Logger
	owner *actor.PID
	store *actor.PID // persistence, which keeps the send marks

	ctx     context.Context
	cancel  context.CancelFunc
	term    messages.Term
	trusted time.Time            // end of the trust in the term's lease
	queues  map[int32]*sendQueue // by leader; that of NoLeader holds records without one
	// withheld are partitions that are not written in this term, with the reason.
	withheld map[place]error
	waiting  []*actor.PID // actors that asked for flushed
	marks    marker       // ends of the acknowledged sends
	away     transitionLog
}

// sendQueue holds the sends to one broker.
type sendQueue struct {
	leader  int32
	ready   []*waiting
	flying  []*waiting
	retry   alarm
	pause   backoff
	failing error // error of the last request, nil when it succeeded
	trouble bool  // a send failed and waits here that is not quiet
}

// waiting is a send that is not over.
type waiting struct {
	*send
	failed error // why the last try surely did not write it
}

type (
	// send asks for a record to be produced. The answer is sent.
	send struct {
		term   messages.Term
		record messages.Record // its value belongs to egress
		reply  *actor.PID
		tag    string // returned in the answer
		// giveUp is the deadline after which a record that surely was not written is
		// answered with its error. Zero means that it is retried until the term ends.
		giveUp time.Time
		quiet  bool // failures are not reported to the owner
	}
	// trustTerm extends the trust in the lease of a term. Nothing is sent, and no merge begins,
	// after its end, because another master may lead by then.
	trustTerm struct {
		term  messages.Term
		until time.Time
	}
	// useTerm begins a term. What older terms still want to send is dropped.
	useTerm struct{ term messages.Term }
	// withhold keeps a term from writing to partitions whose tail it could not read. They
	// count as partitions without a leader, and their send marks stay where they are.
	withhold struct {
		term       messages.Term
		topic      string
		partitions messages.PartitionErrors
	}

	// produced is the outcome of a request.
	produced struct {
		leader   int32
		outcomes []messages.Produced
	}
)

const (
	produceTimeout = 10 * time.Second
	// trustPause is the wait for a renewal of the lease, or for another term.
	trustPause = 100 * time.Millisecond
	// maxRequestBytes bounds a produce request. Brokers refuse more than 100 MiB, and a
	// smaller request returns sooner.
	maxRequestBytes = 1 << 20
	// enoughRecords is the number of records from which on a request has at most half of that:
	// shared by so many, its cost is small, and what is in flight is in memory.
	enoughRecords = 16
)

func newEgress(bus Producer, log *slog.Logger, owner, store *actor.PID) actor.Actor {
	return &egress{bus: bus, log: log, owner: owner, store: store, queues: map[int32]*sendQueue{}, marks: newMarker(),
		away: transitionLog{failed: "Kafka cannot be written, chunks wait", recovered: "Kafka can be written again"}}
}

// Receive implements actor.Actor.
func (e *egress) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		e.ctx, e.cancel = context.WithCancel(context.Background())
	case *actor.Stopping:
		e.cancel()
		e.marks.due.stop()
		for _, q := range e.queues {
			q.retry.stop()
		}
	case *useTerm:
		e.useTerm(ctx, m.term)
	case *withhold:
		e.withhold(m)
	case *trustTerm:
		if e.term.Older(m.term) { // the sends of an older term must not use this lease
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
		if e.marks.due.rings(m) {
			e.marks.send(ctx, e.store, e.term)
			return
		}
		for _, q := range e.queues {
			if q.retry.rings(m) {
				e.retryQueue(ctx, q)
				return
			}
		}
	default:
		unknown(ctx)
	}
}

// useTerm begins a term and drops the sends of older ones, whose senders are gone.
func (e *egress) useTerm(ctx actor.Context, term messages.Term) {
	if term != e.term {
		e.withheld = nil
		clear(e.marks.at) // of the former term
	}
	e.term = term
	for _, q := range e.queues {
		q.ready = e.ofTerm(q.ready)
	}
	e.clearIdle(ctx)
}

// withhold replaces the partitions that are withheld in this term.
func (e *egress) withhold(m *withhold) {
	if m.term != e.term {
		return
	}
	e.withheld = map[place]error{}
	for p, err := range m.partitions {
		e.withheld[place{m.topic, p}] = fmt.Errorf("%w: the tail of the partition could not be read: %w", messages.ErrNotWritten, err)
	}
}

// leader returns the broker that a record goes to.
func (e *egress) leader(r messages.Record) int32 {
	if e.withheld[place{r.Topic, r.Partition}] != nil {
		return messages.NoLeader
	}
	return e.bus.Leader(r.Topic, r.Partition)
}

// clearIdle clears the errors of queues that have nothing more to send, because no further
// request would clear them.
func (e *egress) clearIdle(ctx actor.Context) {
	idle := true
	for _, q := range e.queues {
		if len(q.ready)+len(q.flying) > 0 {
			idle = false
		} else {
			q.failing, q.trouble = nil, false
		}
	}
	if idle && e.away.failing {
		e.reportKafka(ctx, nil)
	}
}

// ofTerm returns the sends that are not of an older term.
func (e *egress) ofTerm(list []*waiting) []*waiting {
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
		return // its sender is gone with its term
	}
	q := e.queue(e.leader(m.record))
	q.ready = append(q.ready, &waiting{send: m})
	e.next(ctx, q)
}

// unwritten returns why a send could not be written before its deadline: its last try
// surely did not write it, or it waits behind others that fail. It returns nil when the
// send waits on.
func (s *waiting) unwritten(q *sendQueue, now time.Time) error {
	switch {
	case s.giveUp.IsZero() || now.Before(s.giveUp):
		return nil
	case s.failed != nil:
		return s.failed
	case q.failing != nil:
		return fmt.Errorf("%w: it waits behind others that fail: %s", messages.ErrNotWritten, q.failing)
	}
	return nil
}

// retryQueue sends again after a pause. Leaders may have moved meanwhile.
func (e *egress) retryQueue(ctx actor.Context, q *sendQueue) {
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
	e.clearIdle(ctx)
	e.answerFlushed(ctx)
}

// next sends the next request of a queue, unless one is in flight or the queue pauses.
func (e *egress) next(ctx actor.Context, q *sendQueue) {
	if len(q.flying) > 0 || len(q.ready) == 0 || q.retry.timer != nil {
		return
	}
	if time.Now().After(e.trusted) {
		q.retry.set(ctx, trustPause)
		return
	}
	n, size := 0, 0
	for n < len(q.ready) && fits(n, size+len(q.ready[n].record.Value)) {
		size += len(q.ready[n].record.Value)
		n++
	}
	if q.leader == messages.NoLeader {
		n = 1 // its partitions may have nothing in common
	}
	q.flying = q.ready[:n:n]
	q.ready = append([]*waiting(nil), q.ready[n:]...)
	records := make([]messages.Record, n)
	for i, s := range q.flying {
		records[i] = s.record
	}
	bus, leader := e.bus, q.leader
	if err := e.withheld[place{records[0].Topic, records[0].Partition}]; err != nil { // the request has this record only
		ctx.Send(ctx.Self(), &produced{leader: leader, outcomes: []messages.Produced{{Offset: messages.UnknownOffset, Err: err}}})
		return
	}
	call(ctx, e.ctx, produceTimeout, func(c context.Context) any {
		failpoint.Pass("before a produce")
		outcomes := bus.Produce(c, records)
		failpoint.Pass("after a produce")
		return &produced{leader: leader, outcomes: outcomes}
	})
}

// fits reports whether a request of n records may get another one, which makes it this large.
func fits(n, size int) bool {
	return n == 0 || size <= maxRequestBytes/2 || n < enoughRecords && size <= maxRequestBytes
}

func (e *egress) onProduced(ctx actor.Context, m *produced) {
	q := e.queues[m.leader]
	flying := q.flying
	q.flying = nil
	var unwritten []*waiting
	memory := buffersOf(ctx.ActorSystem())
	var failure, worst error // worst is the error of a send that is not quiet
	for i, s := range flying {
		out := m.outcomes[i]
		if out.Err == nil {
			if s.failed == nil { // no other request has read it
				memory.put(s.record.Value)
			}
			e.marks.at[place{s.record.Topic, s.record.Partition}] = out.Offset + 1
		} else if !errors.Is(out.Err, messages.ErrRefused) {
			failure = out.Err
			if !s.quiet {
				worst = out.Err
			}
		}
		if errors.Is(out.Err, messages.ErrNotWritten) {
			s.failed = out.Err
			unwritten = append(unwritten, s)
		} else if s.reply != nil {
			ctx.Send(s.reply, &sent{tag: s.tag, partition: s.record.Partition, offset: out.Offset, err: out.Err})
		}
	}
	e.marks.soon(ctx, e.store, e.term)
	q.failing, q.trouble = failure, worst != nil
	if failure == nil || worst != nil {
		e.reportKafka(ctx, worst)
	}
	if failure == nil {
		q.pause.reset()
		e.next(ctx, q)
	} else {
		q.ready = append(e.ofTerm(unwritten), q.ready...)
		q.retry.set(ctx, q.pause.next())
	}
	e.answerFlushed(ctx)
}

// reportKafka reports to the owner when a broker cannot be written, and when all can be
// written again.
func (e *egress) reportKafka(ctx actor.Context, err error) {
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

// answerFlushed answers once no request is in flight. Sends that wait for a broker that is
// away do not delay a stop.
func (e *egress) answerFlushed(ctx actor.Context) {
	for _, q := range e.queues {
		if len(q.flying) > 0 || len(q.ready) > 0 && q.retry.timer == nil {
			return
		}
	}
	if len(e.waiting) > 0 {
		e.marks.send(ctx, e.store, e.term)
	}
	for _, to := range e.waiting {
		ctx.Send(to, &flushed{})
	}
	e.waiting = nil
}
