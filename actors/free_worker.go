package actors

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// freeWorker hands chunks over to one worker: it offers the worker's slots to the
// dispatcher, sends what was assigned and committed, watches the start, and frees a slot
// when the dispatcher has judged its result.
type freeWorker struct {
	*workerDeps
	worker messages.Worker
	takes  bool // chunks may be sent
	slots  *slots.Slots
	live   map[string]ledger.Assignment // chunks at the worker, without their lines; nil while it is idle

	epoch    uint64
	received int // assignments of this epoch
	credited int // verdicts of this epoch that the dispatcher credited
	offered  ledger.Offer
	rereads  []ledger.Assignment // ranges to be read again, the first one is under way
	blocked  []int32             // partitions of this worker that cannot be written now
	movedAt  time.Time           // when the dispatcher was last sent a begun
	judging  alarm               // for the next judgement of the slots
	asked    bool                // a judgement waits for ingress to have read everything
	proven   bool                // a native worker ended a chunk that it was given
	reportAt time.Time           // time of the last report
	reports  alarm               // for a report that is put off
	drained  bool                // a person drained the worker
	recalls  alarm               // for the next recall of what waits at a drained worker
	ctx      context.Context     // of the reading of ranges, nil before the first one
	cancel   context.CancelFunc
}

// workerDeps are the neighbours and settings that fleet, supervisors and free-workers
// share. They do not change: all of a fleet point to one.
type workerDeps struct {
	term        messages.Term
	deployment  string // random id of what the state store holds
	cfg         Config
	files       Files
	dispatcher  *actor.PID
	persistence *actor.PID
	egress      *actor.PID
	ingress     *actor.PID // against the flow: a silence is judged only when ingress has read everything
	group       *actor.PID // the actor of the classic workers' group, which evicts the members of lost workers
	intake      *actor.PID
	crowd       *crowd // starts supervisors and free-workers
}

type (
	// setWorker is what the supervisor knows of the worker.
	setWorker struct {
		worker messages.Worker
		takes  bool // chunks may be sent
		change slots.Change
		lost   *workerLost // passed on to the dispatcher behind the withdrawal
		// drained has the worker give back what it has not begun.
		drained bool
	}
	// spoken is a progress message or a heartbeat of the worker.
	spoken struct{ signal messages.Signal }
	// assigned is a committed assignment.
	assigned struct {
		ledger.Assignment
		epoch  uint64
		judged *judged // the verdict whose slot it takes, nil without one
	}
	// recall asks for chunks back that the worker has not begun, or, with stop, whatever it
	// does with them.
	recall struct {
		batchIDs []string
		stop     bool
	}
	// judged is the verdict on a result of the worker.
	judged struct {
		batchID  string
		verdict  ledger.Verdict
		credited bool   // the dispatcher counts the slot as free already
		epoch    uint64 // of the offer that it counts for
	}
	// paused reports that the worker gets no chunks for a while because it could do none;
	// an empty reason ends that. It is passed on to the supervisor.
	paused struct {
		until  time.Time
		reason string
	}

	// sent is the outcome of a send: err is nil, or wraps ErrMaybeWritten, ErrRefused or,
	// after giveUp, ErrNotWritten.
	sent struct {
		tag       string
		partition int32
		offset    int64
		err       error
	}

	// loaded is what was read of a range again.
	loaded struct {
		batchID string
		lines   []byte
		gaps    []messages.Gap
		err     error
	}
)

// beginsEvery is how often the dispatcher hears at most that a chunk goes on, so that it
// knows that work does not stand still.
const beginsEvery = 30 * time.Second

func newFreeWorker(deps *workerDeps, w messages.Worker, held []holding) actor.Actor {
	now := time.Now()
	f := &freeWorker{workerDeps: deps, worker: w, slots: slots.New(deps.cfg.WorkerTimeout, ledger.QuietAfter, deps.cfg.Prefetch)}
	f.slots.Follow(w, slots.Change{}, now)
	for _, h := range held {
		f.slots.Add(h.BatchID, h.Chunk.Length, now).Restore(h.partition, h.offset, h.gone)
		if !h.gone {
			f.keep(h.Assignment)
		}
	}
	return f
}

// reportEvery is how often the load of a native worker is reported at most while it gets and
// ends chunks: people see it, and nothing else of a native worker depends on it.
const reportEvery = 100 * time.Millisecond

// keep remembers an assignment, in case that it has to be sent again.
func (f *freeWorker) keep(a ledger.Assignment) {
	a.Text, a.Gaps = nil, nil
	if f.live == nil {
		f.live = map[string]ledger.Assignment{}
	}
	f.live[a.BatchID] = a
}

// Receive implements actor.Actor.
func (f *freeWorker) Receive(ctx actor.Context) {
	now := time.Now()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		f.report(ctx)
	case *actor.Stopping:
		if f.cancel != nil {
			f.cancel()
		}
		f.judging.stop()
		f.reports.stop()
		f.recalls.stop()
		ctx.Send(f.dispatcher, &withdraw{worker: f.worker.ID, epoch: f.epoch})
		return
	case *setWorker:
		f.onSetWorker(ctx, m, now)
	case *assigned:
		f.onAssigned(ctx, m, now)
	case *loaded:
		f.onLoaded(ctx, m)
	case *sent:
		f.onSent(ctx, m, now)
	case *spoken:
		f.onSpoken(ctx, m.signal, now)
	case *slots.Group:
		f.slots.Group(*m, now)
	case *caughtUp:
		f.onCaughtUp(ctx, now)
	case *readsResumed:
		f.slots.Excuse(now)
	case *judged:
		f.onJudged(ctx, m, now)
	case *recall:
		f.onRecall(ctx, m)
	case *paused:
		ctx.Send(ctx.Parent(), m)
		return
	case *rang:
		switch {
		case f.judging.rings(m):
			if at, ok := f.slots.Due(); ok && !now.Before(at) {
				f.ask(ctx)
			}
		case f.reports.rings(m):
			f.report(ctx)
		case f.recalls.rings(m):
			f.recallQueued(ctx)
		}
	default:
		unknown(ctx)
		return
	}
	f.rearm(ctx)
}

func (f *freeWorker) onSetWorker(ctx actor.Context, m *setWorker, now time.Time) {
	f.worker = m.worker
	f.slots.Follow(m.worker, m.change, now)
	if m.change.Fresh {
		clear(f.live)
	}
	takes := m.takes && !slices.Contains(f.blocked, f.partition())
	if m.change.Fresh || !takes && f.takes {
		f.withdraw(ctx)
	}
	if m.lost != nil {
		ctx.Send(f.dispatcher, m.lost)
	}
	f.takes, f.drained = takes, m.drained
	if !f.drained || f.recalls.timer == nil {
		f.recallQueued(ctx) // behind the withdrawal
	}
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

// offer sends the dispatcher how many chunks the worker takes, when that changed.
func (f *freeWorker) offer(ctx actor.Context) {
	if !f.takes {
		return
	}
	r := f.slots.Room()
	o := ledger.Offer{
		Worker: f.worker.ID, Epoch: f.epoch, UpTo: f.received + r.Free, Ahead: f.received + r.Ahead,
		Depth: r.Depth, Refill: r.Refill, Recalls: f.worker.Recalls, Backup: f.cfg.Backup.includes(f.worker.Kind), Limit: r.Limit, Seen: f.credited,
	}
	if o != f.offered {
		f.offered = o
		ctx.Send(f.dispatcher, &offer{Offer: o, pid: ctx.Self()})
	}
}

// report sends the supervisor what the worker holds.
func (f *freeWorker) report(ctx actor.Context) {
	f.reports.stop()
	f.reportAt = time.Now()
	ctx.Send(ctx.Parent(), &load{Load: f.slots.Load(f.reportAt), free: f.takes && f.slots.Room().Free > 0, proven: f.proven})
}

// reportSoon reports what changed with a chunk: at once for a classic worker, whose group is
// judged by it, and otherwise once for many changes.
func (f *freeWorker) reportSoon(ctx actor.Context) {
	wait := reportEvery - time.Since(f.reportAt)
	switch {
	case f.worker.Kind == messages.Classic || wait <= 0:
		f.report(ctx)
	case f.reports.timer == nil:
		f.reports.set(ctx, wait)
	}
}

func (f *freeWorker) onAssigned(ctx actor.Context, m *assigned, now time.Time) {
	if m.judged != nil {
		f.onJudged(ctx, m.judged, now)
	}
	if m.epoch != f.epoch || !f.takes {
		f.giveBack(ctx, m.BatchID, ledger.EndReturned, "the worker takes nothing now")
		return
	}
	f.received++
	f.keep(m.Assignment)
	partition := f.slots.Add(m.BatchID, m.Chunk.Length, now).Partition()
	f.reportSoon(ctx)
	if m.Text != nil {
		f.produce(ctx, m.Assignment, partition)
		return
	}
	f.send(ctx, m.Assignment)
}

func (f *freeWorker) onSpoken(ctx actor.Context, s messages.Signal, now time.Time) {
	h := f.slots.Hear(s, now)
	if s.Kind == messages.SignalHeartbeat && len(f.live) == 0 {
		f.live = nil // thousands of idle workers would keep one each
	}
	if h.Resumed != "" {
		ctx.Send(f.dispatcher, &quiet{worker: f.worker.ID, batchID: h.Resumed})
	}
	if s.Kind == messages.SignalProgress && len(h.Begun) == 0 && now.Sub(f.movedAt) >= beginsEvery {
		h.Begun = []string{s.BatchID}
	}
	for _, id := range h.Begun {
		f.movedAt = now
		ctx.Send(f.dispatcher, &begun{worker: f.worker.ID, batchID: id})
	}
	if h.Doubts {
		f.ask(ctx)
	}
	if h.Probe {
		ctx.Send(f.egress, f.probeTo(ctx, h.Probed, probeTag))
	}
	f.offer(ctx)
	if h.Changed {
		f.reportSoon(ctx)
	}
}

// ask has ingress report when everything was read that is there now: what the group
// shows, what a heartbeat does not list, and a chunk that does not start are judged only
// then. The answer comes by way of the supervisor, behind the worker's messages.
func (f *freeWorker) ask(ctx actor.Context) {
	if !f.asked {
		f.asked = true
		ctx.Send(f.ingress, &askCaughtUp{supervisor: ctx.Parent(), forFreeWorker: true})
	}
}

// onCaughtUp judges the slots.
func (f *freeWorker) onCaughtUp(ctx actor.Context, now time.Time) {
	f.asked = false
	acts, changed := f.slots.Judge(now)
	for _, a := range acts {
		switch a.Move {
		case slots.End:
			how := ledger.EndUnstarted
			if a.Started {
				how = ledger.EndSilent
			}
			f.giveBack(ctx, a.BatchID, how, a.Reason)
		case slots.Resend:
			f.send(ctx, f.live[a.BatchID])
		case slots.Probe:
			ctx.Send(f.egress, probeRecord(f.term, f.cfg.ChunkTopic, a.Partition))
		case slots.Stalled:
			ctx.Send(f.dispatcher, &quiet{worker: f.worker.ID, batchID: a.BatchID, since: a.Since})
		case slots.Silent:
			ctx.Send(ctx.Parent(), &silent{reason: a.Reason})
		case slots.Lost:
			ctx.Send(ctx.Parent(), &vanished{reason: a.Reason})
			return
		}
	}
	if changed {
		f.offer(ctx)
		f.report(ctx)
	}
}

func (f *freeWorker) onJudged(ctx actor.Context, m *judged, now time.Time) {
	if m.credited && m.epoch == f.epoch {
		f.credited++
		f.offered.UpTo++
		f.offered.Ahead++
		f.offered.Seen++
	}
	x := f.slots.At(m.batchID)
	if m.verdict == ledger.VerdictRecalled {
		x.Return(now)
	} else {
		x.Finish(m.verdict == ledger.VerdictDone, now)
	}
	delete(f.live, m.batchID)
	f.offer(ctx)
	if x.Held() {
		f.proven = f.proven || f.worker.Kind == messages.Native
		f.reportSoon(ctx)
	}
}

func (f *freeWorker) giveBack(ctx actor.Context, batchID string, how ledger.Ending, reason string) {
	delete(f.live, batchID)
	ctx.Send(f.dispatcher, &giveBack{worker: f.worker.ID, batchID: batchID, how: how, reason: reason})
}

// drop frees the slot of a chunk that is not at the worker.
func (f *freeWorker) drop(ctx actor.Context, batchID string) {
	delete(f.live, batchID)
	f.slots.At(batchID).Drop(time.Now())
	f.offer(ctx)
	f.reportSoon(ctx)
}

// rearm has the slots judged in time. The alarm may ring before that, because it is not
// touched when a chunk ends.
func (f *freeWorker) rearm(ctx actor.Context) {
	if at, ok := f.slots.Due(); ok && !f.asked {
		f.judging.by(ctx, at)
	}
}
