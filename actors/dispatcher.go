package actors

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// dispatcher pairs chunks with free workers and alone judges results. Its ledger
// is the one owner of what is open. It talks to neither Kafka nor the store
// itself: its writes go to persistence in order, and what waits for a write (an
// assignment before it may be sent) is a notice of that write.
type dispatcher struct {
	log         *slog.Logger
	term        messages.Term
	deployment  string // random id of what the state store holds
	persistence *actor.PID
	owner       *actor.PID

	led      *ledger
	batch    int
	planners map[messages.FileID]*planning
	plans    uint64 // how many plans were begun; each one's number is its epoch
	offers   map[messages.WorkerID]*offering
	free     []*offering // workers with a free slot, longest waiting first
	ahead    []*offering // workers that take a chunk ahead
	slots    int         // that are offered, roughly: what to cut ahead for
	after    []notice    // of the next write
	draining bool
	tick     alarm
	audited  time.Time // when the figures of the files were compared last
	moved    time.Time // when work moved last: progress was seen, or there was nothing to do
	seenDone int64     // items done at the last look
	runs     runs      // of the last minutes
	breaker  breaker
	stalled  map[string]stall // chunks without progress, by batch id
	problems problems
	pub      publisher
}

// offering is what a free-worker offers.
type offering struct {
	offer
	given           int
	credits         int // verdicts of this epoch that raised the offer
	inFree, inAhead bool
}

type (
	// adopt gives the dispatcher a file to work on, with its planner.
	adopt struct {
		file    messages.File
		planner *actor.PID
		known   bool // the ledger has it already: it was restored
	}
	// offer tells how many chunks a free-worker takes. The numbers are
	// cumulative counts of assignments since the epoch began, so a repeated or
	// late offer does no harm.
	offer struct {
		worker messages.WorkerID
		pid    *actor.PID
		epoch  uint64
		upTo   int  // into free slots
		ahead  int  // into the queue of the worker, >= upTo
		depth  int  // chunks that are queued at the worker when no more fit
		refill bool // a judged result frees a slot at once
		limit  int  // the most live attempts that the worker may have; 0 is no limit
		seen   int  // credited verdicts of this epoch that the numbers hold already
	}
	// withdraw ends an epoch: the worker takes nothing more.
	withdraw struct {
		worker messages.WorkerID
		epoch  uint64
		under  string // only of a free-worker whose name begins so
	}
	// assigned is a committed assignment for a free-worker.
	assigned struct {
		assignment
		epoch uint64
	}
	// judge asks for a verdict on a final progress message.
	judge struct {
		signal messages.Signal
		reply  *actor.PID // gets judged
		unfit  bool       // the worker says that it can do none now
		ack    receipt
	}
	// judged is the verdict.
	judged struct {
		batchID  string
		verdict  verdict
		credited bool // the dispatcher counts the slot as free already
	}
	// begun says that an attempt shows progress.
	begun struct {
		worker  messages.WorkerID
		batchID string
	}
	// giveBack ends an attempt without a result.
	giveBack struct {
		worker  messages.WorkerID
		batchID string
		how     ending
		reason  string
	}
	// giveUp says that a chunk cannot be sent, whoever takes it.
	giveUp struct {
		worker  messages.WorkerID
		batchID string
		err     error
	}
	// workerLost takes everything back that a worker holds.
	workerLost struct {
		worker messages.WorkerID
		how    ending
		reason string
	}
	// useBatchSize changes the batch size of what was not assigned yet.
	useBatchSize struct{ items int }
	// fileChanged says that a file in work is not what it was.
	fileChanged struct {
		id     messages.FileID
		state  messages.FileState
		reason string
	}
	// fileSeen carries what a listing shows of a file; a zero time changes nothing.
	fileSeen struct {
		id      messages.FileID
		left    time.Time // time when it left the folder
		modTime time.Time
	}
	// forgetFile drops a file that left long ago.
	forgetFile struct{ id messages.FileID }
)

// size is about how many chunks the worker holds when it is busy; it is 0 before
// the first offer.
func (o *offer) size() int {
	if o.pid == nil {
		return 0
	}
	return o.ahead - o.upTo + 1
}

// queued is how many chunks wait at the worker.
func (o *offering) queued() int { return o.depth - (o.ahead - o.given) }

func newDispatcher(d dispatcher, snap messages.Snapshot, past tail, maxAttempts int) actor.Actor {
	d.led = newLedger(d.term, maxAttempts)
	d.led.restore(snap, time.Now())
	d.led.unread = len(past.unread) > 0
	for _, s := range past.sends {
		d.led.noteSend(s.batchID)
	}
	d.planners = map[messages.FileID]*planning{}
	d.offers = map[messages.WorkerID]*offering{}
	d.problems, d.breaker, d.stalled = problems{}, newBreaker(), map[string]stall{}
	return &d
}

// tickEvery is how often chunks that wait for a time are looked at.
const tickEvery = time.Second

// Receive implements actor.Actor.
func (d *dispatcher) Receive(ctx actor.Context) {
	now := time.Now()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		d.tick.set(ctx, tickEvery)
		d.audited = now
		d.tellLosses(now)
		d.publish(ctx)
	case *actor.Stopping:
		d.tick.stop()
		d.pub.due.stop()
		return
	case *planned:
		if p := d.planners[m.file]; p != nil && p.epoch == m.epoch {
			p.size = len(m.cut.Text)
			d.led.plan(m.file, m.cut, now)
		}
	case *planEnd:
		d.onPlanEnd(ctx, m, now)
	case *offer:
		d.onOffer(m)
	case *withdraw:
		if o := d.offers[m.worker]; o != nil && o.epoch <= m.epoch && strings.HasPrefix(o.pid.Id, m.under) {
			d.slots -= o.size()
			delete(d.offers, m.worker)
			d.breaker.takes(m.worker, false)
		}
	case *judge:
		d.onJudge(ctx, m, now)
		d.match(now)
		d.flush(ctx)
		d.pub.soon(ctx)
		m.ack.give(ctx)
		return
	case *begun:
		d.moved = now
		if e := d.led.started(m.worker, m.batchID); e != nil && e.began.IsZero() {
			e.began = now
		}
		return
	case *giveBack:
		d.onGiveBack(m, now)
	case *giveUp:
		d.onGiveUp(m, now)
	case *quiet:
		d.onQuiet(m, now)
	case *workerLost:
		d.breaker.forget(m.worker)
		if n := d.led.lost(m.worker, m.how, m.reason, now); n > 0 {
			d.log.Info("chunks taken back", "worker_id", m.worker, "chunks", n, "reason", m.reason)
		}
	case *adopt:
		d.onAdopt(ctx, m, now)
	case *useBatchSize:
		d.onBatchSize(ctx, m)
	case *fileChanged:
		d.led.change(m.id, m.state, m.reason, now)
	case *fileSeen:
		d.led.update(m.id, m.left, m.modTime)
	case *forgetFile:
		d.led.forget(m.id)
	case *glance:
		d.pub.glance = m.number
		d.publish(ctx)
		return
	case *drain:
		d.draining = true
		ctx.Respond(&drain{})
	case *rang:
		switch {
		case d.pub.due.is(m):
			d.publish(ctx)
			return
		case d.tick.is(m):
			d.tick.set(ctx, tickEvery)
			d.look(now)
			d.tryPaused(now)
		}
	default:
		unknown(ctx)
		return
	}
	d.match(now)
	d.flush(ctx)
	d.pub.soon(ctx)
}

// publish sends what changed to the view and to the owner.
func (d *dispatcher) publish(ctx actor.Context) {
	d.tellQuiet(time.Now())
	changes := d.led.changes()
	ctx.Send(d.owner, changes)
	d.pub.publish(ctx, d.problems.list(), changes)
}

func (d *dispatcher) onOffer(m *offer) {
	o := d.offers[m.worker]
	switch {
	case o == nil:
		o = &offering{}
		d.offers[m.worker] = o
		d.breaker.takes(m.worker, true)
	case o.epoch > m.epoch:
		return
	case o.epoch < m.epoch:
		o.given, o.credits = 0, 0
	}
	d.slots += m.size() - o.size()
	o.offer = *m
	o.upTo += o.credits - m.seen
	o.ahead += o.credits - m.seen
	d.enqueue(o)
}

func (d *dispatcher) enqueue(o *offering) {
	if d.holds(o.worker) {
		return // tryPaused does it
	}
	if o.given < o.upTo && !o.inFree {
		o.inFree = true
		d.free = d.append(d.free, o)
	}
	if o.given < o.ahead && !o.inAhead {
		o.inAhead = true
		d.ahead = d.append(d.ahead, o)
	}
}

// append adds an offer to a queue. Offers that ended meanwhile are swept out
// before they outnumber the others: with no work to do nothing else takes them.
func (d *dispatcher) append(queue []*offering, o *offering) []*offering {
	if len(queue) > 2*len(d.offers)+16 {
		queue = slices.DeleteFunc(queue, func(x *offering) bool { return d.offers[x.worker] != x })
	}
	return append(queue, o)
}

// match pairs workers and chunks until one of them runs out. When nothing more comes
// after the chunks that wait, the queues at the workers get shorter: what waits here
// goes to whoever is free first.
func (d *dispatcher) match(now time.Time) {
	d.led.workers = len(d.offers)
	if d.draining {
		return
	}
	var passed []*offering // cannot take any chunk now
	left, last := d.led.backlog()
	for d.led.ready(now) {
		o, ahead := d.nextOffer()
		if o == nil {
			break
		}
		if o.limit > 0 && len(d.led.held[o.worker]) >= o.limit {
			passed = append(passed, o) // a slot was counted as free twice
			continue
		}
		if ahead && last && o.queued() >= max(1, left/len(d.offers)) {
			passed = append(passed, o)
			break // The others have about as many, and every event looks at the next one.
		}
		left--
		a, ok := d.led.pick(o.worker, len(d.offers) > 1, ahead, now)
		if !ok {
			passed = append(passed, o)
			continue
		}
		o.given++
		d.after = append(d.after, notice{to: o.pid, msg: &assigned{assignment: a, epoch: o.epoch}})
		d.enqueue(o)
	}
	for _, o := range passed {
		d.enqueue(o)
	}
}

// nextOffer takes the next worker with a free slot; without one, the next that
// takes a chunk ahead.
func (d *dispatcher) nextOffer() (o *offering, ahead bool) {
	for len(d.free) > 0 {
		o := d.free[0]
		d.free = d.free[1:]
		if o.inFree = false; o.given < o.upTo && d.offers[o.worker] == o && !d.holds(o.worker) {
			return o, false
		}
	}
	for len(d.ahead) > 0 {
		o := d.ahead[0]
		d.ahead = d.ahead[1:]
		if o.inAhead = false; o.given < o.ahead && d.offers[o.worker] == o && !d.holds(o.worker) {
			return o, true
		}
	}
	return nil, false
}

// flush hands the writes on, tells who waits for them, and raises credits.
func (d *dispatcher) flush(ctx actor.Context) {
	batch, ended := d.led.take()
	d.tellDead()
	for _, f := range ended {
		delete(d.planners, f.ID)
		d.after = append(d.after, notice{to: d.owner, msg: &fileEnded{file: f}})
	}
	if !batch.Empty() || len(d.after) > 0 {
		ctx.Send(d.persistence, &write{term: d.term, batch: batch, after: d.after})
		d.after = nil
	}
	if d.draining {
		return
	}
	d.grant(ctx)
}
