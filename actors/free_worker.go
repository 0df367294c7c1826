package actors

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// freeWorker hands chunks over to one worker: it offers the worker's slots to
// the dispatcher, sends what was assigned and committed, watches the start, and
// frees a slot when the dispatcher has judged its result.
type freeWorker struct {
	workerDeps
	worker messages.Worker
	takes  bool
	slots  slots

	epoch    uint64
	received int // assignments of this epoch
	credited int // verdicts of this epoch that the dispatcher credited
	offered  offer
	rereads  []assignment // ranges to be read again, the first one is under way
	watch    alarm
	moved    alarm
	// announced is when a classic worker said "new" last with chunks elsewhere.
	announced time.Time
	peek      alarm     // for the next look at the group
	stalls    alarm     // for the next look for chunks without progress
	working   bool      // as it was reported last
	blocked   []int32   // partitions of this worker that cannot be written now
	moving    time.Time // when the dispatcher was told last that its chunk goes on
	asked     bool      // a look waits for ingress to have read everything
	cancel    context.CancelFunc
	ctx       context.Context
}

// workerDeps are the neighbours and settings that fleet, supervisors and free-workers
// share.
type workerDeps struct {
	term        messages.Term
	deployment  string // random id of what the state store holds
	cfg         Config
	files       Files
	dispatcher  *actor.PID
	persistence *actor.PID
	egress      *actor.PID
	ingress     *actor.PID
	group       *actor.PID
	owner       *actor.PID // the coordinator
}

type (
	// setWorker tells the free-worker what its supervisor knows.
	setWorker struct {
		worker messages.Worker
		takes  bool        // chunks may be sent
		fresh  bool        // what it held is gone: forget it
		lost   *workerLost // passed on to the dispatcher behind the withdrawal
	}
	// beat is a heartbeat of the worker.
	beat struct {
		signal   messages.Signal
		draining bool
	}
	// work is a progress message of the worker.
	work struct{ signal messages.Signal }
	// reannounced says that a classic worker announced itself anew.
	reannounced struct{ partitions []int32 }
	// load tells the supervisor what the worker holds.
	load struct {
		held  []string
		since []time.Time // of each of them
		free  bool
		// working and silent are about the chunk that a classic worker began:
		// whether it shows progress still.
		working, silent bool
	}
	// vanished tells the supervisor that a classic worker left its group.
	vanished struct{ reason string }
	// silent tells the supervisor that a classic worker owes a sign of life.
	silent struct{ reason string }

	loaded struct {
		batchID string
		lines   []byte
		err     error
	}
)

// movedWait is how long a chunk of a classic worker that announced itself with
// other partitions may still end: its final message travels in another topic.
const movedWait = 2 * time.Second

func newFreeWorker(deps workerDeps, w messages.Worker, held []holding) actor.Actor {
	f := &freeWorker{workerDeps: deps}
	f.use(w)
	for _, h := range held {
		x := f.slots.add(h.assignment, time.Now())
		x.sent = true // it may have been: heartbeats, the group or the deadline tell
		x.partition, x.offset, x.gone = h.partition, h.offset, h.gone
	}
	return f
}

func (f *freeWorker) use(w messages.Worker) {
	f.worker = w
	f.slots.kind, f.slots.capacity, f.slots.timeout = w.Kind, max(1, w.Capacity), f.cfg.WorkerTimeout
	f.slots.prefetch = f.cfg.Prefetch
	if f.cfg.Prefetch == PrefetchAuto {
		f.slots.prefetch = f.slots.pace.depth()
	}
	f.slots.moveTo(f.partition())
	if w.Kind == messages.Classic {
		f.slots.capacity, f.slots.prefetch, f.slots.classic.mine = 1, 0, w.Partitions
	}
}

// Receive implements actor.Actor.
func (f *freeWorker) Receive(ctx actor.Context) {
	now := time.Now()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		f.ctx, f.cancel = context.WithCancel(context.Background())
		f.report(ctx)
	case *actor.Stopping:
		f.cancel()
		f.watch.stop()
		f.moved.stop()
		f.peek.stop()
		f.stalls.stop()
		ctx.Send(f.dispatcher, &withdraw{worker: f.worker.ID, epoch: f.epoch})
		return
	case *setWorker:
		f.onSetWorker(ctx, m)
	case *assigned:
		f.onAssigned(ctx, m, now)
	case *loaded:
		f.onLoaded(ctx, m)
	case *sent:
		f.onSent(ctx, m, now)
	case *beat:
		f.onBeat(ctx, m, now)
	case *work:
		f.onWork(ctx, m.signal, now)
	case *groupView:
		f.slots.group(*m, now)
	case *caughtUp:
		f.onCaughtUp(ctx, now)
	case *readsResumed:
		f.slots.excuse(now)
	case *judged:
		f.onJudged(ctx, m, now)
	case *reannounced:
		f.onReannounced(ctx, m, now)
	case *paused:
		ctx.Send(ctx.Parent(), m)
		return
	case *rang:
		f.onRang(ctx, m, now)
	default:
		return
	}
	f.rearm(ctx, now)
}

func (f *freeWorker) onSetWorker(ctx actor.Context, m *setWorker) {
	f.use(m.worker)
	if m.fresh {
		f.slots.forget()
	}
	takes := m.takes && !slices.Contains(f.blocked, f.partition())
	if m.fresh || !takes && f.takes {
		f.withdraw(ctx)
	}
	if m.lost != nil {
		ctx.Send(f.dispatcher, m.lost)
	}
	f.takes = takes
	f.offer(ctx)
	f.report(ctx)
}

// withdraw voids what was offered: the worker takes nothing more in this epoch.
func (f *freeWorker) withdraw(ctx actor.Context) {
	ctx.Send(f.dispatcher, &withdraw{worker: f.worker.ID, epoch: f.epoch})
	f.epoch++
	f.received, f.credited = 0, 0
}

// partition is the one that chunks are sent to, -1 without any.
func (f *freeWorker) partition() int32 {
	if len(f.worker.Partitions) == 0 {
		return -1
	}
	return f.worker.Partitions[0]
}

// offer tells the dispatcher how many chunks the worker takes.
func (f *freeWorker) offer(ctx actor.Context) {
	if !f.takes {
		return
	}
	free, ahead := f.slots.room()
	o := offer{
		worker: f.worker.ID, pid: ctx.Self(), epoch: f.epoch,
		seen: f.credited, upTo: f.received + free, ahead: f.received + ahead, depth: f.slots.prefetch, refill: f.slots.foreign == 0 && len(f.slots.list) <= f.slots.capacity+f.slots.prefetch,
		limit: f.slots.capacity + f.slots.prefetch,
	}
	if o != f.offered {
		f.offered = o
		ctx.Send(f.dispatcher, &o)
	}
}

func (f *freeWorker) report(ctx actor.Context) {
	l := &load{held: make([]string, 0, len(f.slots.list))}
	for _, x := range f.slots.list {
		l.held, l.since = append(l.held, x.batchID), append(l.since, x.since)
	}
	l.working, l.silent = f.slots.pulse(time.Now())
	f.working = l.working
	free, _ := f.slots.room()
	l.free = f.takes && free > 0
	ctx.Send(ctx.Parent(), l)
}

func (f *freeWorker) onAssigned(ctx actor.Context, m *assigned, now time.Time) {
	if m.epoch != f.epoch || !f.takes {
		f.giveBack(ctx, m.batchID, endReturned, "the worker takes nothing now")
		return
	}
	f.received++
	x := f.slots.add(m.assignment, now)
	x.partition = f.partition()
	f.report(ctx)
	if m.lines != nil {
		f.produce(ctx, x)
		return
	}
	f.send(ctx, m.assignment)
}

func (f *freeWorker) onBeat(ctx actor.Context, m *beat, now time.Time) {
	foreign := f.slots.foreign
	begins, doubts := f.slots.heartbeat(m.signal, m.draining, now)
	for _, id := range begins {
		ctx.Send(f.dispatcher, &begun{worker: f.worker.ID, batchID: id})
	}
	if doubts {
		f.ask(ctx)
	}
	f.probe(ctx, now)
	f.offer(ctx)
	if len(begins) > 0 || foreign != f.slots.foreign {
		f.report(ctx)
	}
}

// ask lets ingress say when everything was read that is there now: what the
// group shows, what a heartbeat does not list, and a chunk that does not start
// are judged only then. The answer comes by way of the supervisor, behind what the
// worker said.
func (f *freeWorker) ask(ctx actor.Context) {
	if !f.asked {
		f.asked = true
		ctx.Send(f.ingress, &askCaughtUp{supervisor: ctx.Parent(), forFreeWorker: true})
	}
}

// onCaughtUp judges what was in doubt.
func (f *freeWorker) onCaughtUp(ctx actor.Context, now time.Time) {
	f.asked = false
	f.overdue(ctx, now)
	if f.worker.Kind == messages.Classic {
		f.look(ctx, now)
		return
	}
	ended := f.slots.denied(now)
	for _, e := range ended {
		f.giveBack(ctx, e.batchID, e.how, e.reason)
	}
	if len(ended) > 0 {
		f.report(ctx)
		f.offer(ctx)
	}
}

func (f *freeWorker) onJudged(ctx actor.Context, m *judged, now time.Time) {
	if m.credited {
		f.credited++
		f.offered.upTo++
		f.offered.ahead++
		f.offered.seen++
	}
	x := f.slots.find(m.batchID)
	if x == nil {
		f.offer(ctx)
		return
	}
	f.slots.finish(x, now)
	f.keepPace(m.verdict, now)
	f.offer(ctx)
	f.report(ctx)
}

// keepPace sets how many chunks are queued at a native worker.
func (f *freeWorker) keepPace(v verdict, now time.Time) {
	if f.worker.Kind != messages.Native || f.cfg.Prefetch != PrefetchAuto {
		return
	}
	if v == verdictDone {
		f.slots.pace.done(now)
	} else {
		f.slots.pace.failed()
	}
	f.slots.prefetch = f.slots.pace.depth()
}

func (f *freeWorker) onRang(ctx actor.Context, m *rang, now time.Time) {
	switch {
	case f.stalls.is(m):
		f.stalls.stop()
		f.tellQuiet(ctx, now)
	case f.peek.is(m):
		f.peek.stop()
		f.ask(ctx)
	case f.moved.is(m):
		f.giveMoved(ctx)
	case f.watch.is(m):
		f.watch.stop()
		f.ask(ctx)
	}
}

func (f *freeWorker) overdue(ctx actor.Context, now time.Time) {
	x := f.slots.oldest()
	if f.worker.Kind == messages.Classic && x != nil && x.begun {
		if at, ok := f.slots.due(); ok && !now.Before(at) {
			ctx.Send(ctx.Parent(), &silent{reason: "no sign of life for " + f.slots.timeout.String()})
			f.slots.heard = now // asked; the supervisor decides
		}
		return
	}
	if x == nil { // only work that the books do not know: it ended somehow
		if at, ok := f.slots.due(); !ok || now.Before(at) {
			return
		}
		f.slots.foreign = 0
		f.offer(ctx)
		return
	}
	if e, ok := f.slots.overdue(now); ok {
		f.giveBack(ctx, e.batchID, e.how, e.reason)
	}
}

func (f *freeWorker) giveBack(ctx actor.Context, batchID string, how ending, reason string) {
	ctx.Send(f.dispatcher, &giveBack{worker: f.worker.ID, batchID: batchID, how: how, reason: reason})
}

// drop frees the slot of a chunk that is not at the worker.
func (f *freeWorker) drop(ctx actor.Context, x *slot) {
	f.slots.remove(x, time.Now())
	f.offer(ctx)
	f.report(ctx)
}

func (f *freeWorker) rearm(ctx actor.Context, now time.Time) {
	f.watchGroup(ctx)
	f.watchStalls(ctx, now)
	at, ok := f.slots.due()
	if !ok || f.asked {
		f.watch.stop()
		return
	}
	f.watch.set(ctx, at.Sub(now))
}
