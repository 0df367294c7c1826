package actors

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// dispatcher pairs chunks with free workers and alone judges results. Its ledger is the
// only record of what is open. It talks to neither Kafka nor the store itself: its writes
// go to persistence in order, and what waits for a write (an assignment before it may be
// sent) is a notice of that write.
type dispatcher struct {
	dispatcherDeps

	ledger     *ledger.Ledger
	batch      int // items of a chunk
	planners   map[messages.FileID]*planning
	plans      uint64                           // number of plans that were begun; the epoch of the last one
	takers     map[messages.WorkerID]*actor.PID // free-workers that made the current offers
	after      []notice                         // of the next write
	audit      *messages.AuditEntry             // of the next write, nil when no person caused it
	values     []messages.Value                 // of the next write
	dispatch   messages.Dispatch
	opens      alarm // when hand-outs may go on
	receipts   receipts
	verdict    *verdict // on the result that is judged, until it was sent
	draining   bool
	tick       alarm
	moved      time.Time // time of the last progress, or when there was nothing to do
	restsSince time.Time // since when nothing runs
	seenDone   int64     // items done at the last tick
	runs       runs
	problems   problems
	pub        publisher
	ctx        context.Context
	cancel     context.CancelFunc
}

// dispatcherDeps is what the term gives to the dispatcher.
type dispatcherDeps struct {
	log         *slog.Logger
	term        messages.Term
	deployment  string // random id of the stored state
	persistence *actor.PID
	owner       *actor.PID
	view        *actor.PID
	files       Files
	rules       ledger.Rules
}

func newDispatcher(deps dispatcherDeps, batch int, snap messages.Snapshot, past tail) actor.Actor {
	sent := ledger.Sent{Unread: len(past.unread) > 0}
	for _, s := range past.sends {
		sent.BatchIDs = append(sent.BatchIDs, s.batchID)
	}
	d := &dispatcher{
		dispatcherDeps: deps, batch: batch, ledger: ledger.New(deps.rules, snap, sent, time.Now()),
		planners: map[messages.FileID]*planning{}, takers: map[messages.WorkerID]*actor.PID{}, problems: problems{},
		pub: publisher{view: deps.view, source: sourceDispatcher, term: deps.term},
	}
	d.useStored(snap.Values[messages.ValueDispatch], time.Now())
	return d
}

// tickEvery is how often chunks that wait for a time are handed out.
const tickEvery = time.Second

// Receive implements actor.Actor.
func (d *dispatcher) Receive(ctx actor.Context) {
	now := time.Now()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		d.ctx, d.cancel = context.WithCancel(context.Background())
		d.tick.set(ctx, tickEvery)
		d.watch(now)
		d.publish(ctx, now)
	case *actor.Stopping:
		d.cancel()
		d.tick.stop()
		d.opens.stop()
		d.pub.due.stop()
		d.receipts.due.stop()
		return
	case *planned, *planEnd, *adopt, *useBatchSize, *fileChanged, *fileSeen, *fileUnread, *fileMerged, *forgetFile:
		d.onFile(ctx, m, now)
	case *offer, *withdraw, *giveBack, *giveUp, *quiet, *nobody, *workerLost:
		d.onWorker(m, now)
	case *askTries:
		ctx.Respond(&messages.WorkerDetail{WorkerStatus: m.status, Attempts: d.ledger.Workers().Tries(m.status.ID)})
		return
	case *recallAll:
		for list := range slices.Chunk(d.ledger.Workers().RecallAll(m.worker, now), messages.MaxRecalled) {
			ctx.Send(m.to, &recall{batchIDs: list})
		}
		return
	case *judge:
		d.onJudge(ctx, m, now)
		d.handOn(ctx, now)
		d.receipts.add(ctx, m.ack)
		return
	case *reopen:
		d.onReopen(m, now)
	case messages.DiscardLetters:
		d.onDiscard(ctx, m, now)
	case messages.CancelFile:
		d.onCancel(ctx, m, now)
	case messages.AcknowledgeFile:
		d.onAcknowledge(ctx, m, now)
	case messages.SetDispatch:
		d.onSetDispatch(ctx, m, now)
	case messages.SetFile:
		d.onSetFile(ctx, m, now)
	case *halved:
		d.onHalved(ctx, m, now)
	case *begun:
		d.moved = now
		d.ledger.Attempts().Begin(m.worker, m.batchID, now)
		return
	case messages.QueryBooks:
		ctx.Respond(d.books(m.ID))
		return
	case messages.QueryChunks:
		ctx.Respond(d.chunks(m, now))
		return
	case *glance:
		d.pub.glance = m.number
		d.publish(ctx, now)
		return
	case *drain:
		d.draining = true
		d.receipts.send(ctx)
		ctx.Respond(&drain{})
	case *rang:
		switch {
		case d.pub.due.rings(m):
			d.publish(ctx, now)
			return
		case d.receipts.due.rings(m):
			d.receipts.send(ctx)
			return
		case d.opens.rings(m):
		}
		if d.tick.rings(m) {
			d.tick.set(ctx, tickEvery)
			d.ledger.Tick(now)
			d.backup(now)
			d.watch(now)
		}
	default:
		unknown(ctx)
		return
	}
	d.handOn(ctx, now)
}

// handOn hands out what is ready, and passes on what changed.
func (d *dispatcher) handOn(ctx actor.Context, now time.Time) {
	d.match(now)
	d.tellVerdict(ctx)
	d.flush(ctx)
	d.recall(ctx, now)
	d.halve(ctx, now)
	d.awaitOpening(ctx, now)
	d.pub.soon(ctx)
}

// match hands chunks out. What is handed out is sent when it is committed.
func (d *dispatcher) match(now time.Time) {
	if d.draining {
		return
	}
	d.handOut(d.ledger.Workers().Match(now))
}

// backup hands out second attempts of chunks that run for long.
func (d *dispatcher) backup(now time.Time) {
	if d.draining {
		return
	}
	d.match(now) // Nothing that waits may be left.
	list := d.ledger.Workers().Backup(now)
	for _, a := range list {
		d.log.Info("slow chunk is run by another worker as well", "worker_id", a.Worker, "batch_id", a.BatchID)
	}
	d.handOut(list)
}

// handOut sends chunks to their workers once that is committed.
func (d *dispatcher) handOut(list []ledger.Assigned) {
	for _, a := range list {
		to := d.takers[a.Worker]
		d.after = append(d.after, notice{to: to, msg: &assigned{Assignment: a.Assignment, epoch: a.Epoch, judged: d.takeVerdict(to)}})
	}
}

// recall asks workers to give back chunks that idle workers would end sooner.
func (d *dispatcher) recall(ctx actor.Context, now time.Time) {
	if d.draining {
		return
	}
	for _, r := range d.ledger.Workers().Recall(now) {
		d.log.Debug("chunks recalled for idle workers", "worker_id", r.Worker, "chunks", len(r.BatchIDs))
		ctx.Send(d.takers[r.Worker], &recall{batchIDs: r.BatchIDs})
	}
}

// flush passes on what changed: the writes, with notices for those who wait for them,
// and the credit of the planners.
func (d *dispatcher) flush(ctx actor.Context) {
	out := d.ledger.Flush()
	d.logEnded(out)
	for _, f := range out.Ended {
		delete(d.planners, f.ID)
		d.after = append(d.after, notice{to: d.owner, msg: &fileEnded{file: f}})
	}
	out.Batch.Values = append(out.Batch.Values, d.values...)
	if !out.Batch.Empty() || len(d.after) > 0 {
		ctx.Send(d.persistence, &write{term: d.term, batch: out.Batch, audit: d.audit, after: d.after})
		d.after, d.audit, d.values = nil, nil, nil
	}
	if !d.draining {
		d.grant(ctx, out.Grants)
	}
}

// maxStalled is how many chunks without progress are shown at their workers.
const maxStalled = 1000

// publish sends what changed to the view and to the owner.
func (d *dispatcher) publish(ctx actor.Context, now time.Time) {
	r := d.ledger.Report(now)
	d.watchQuiet(r.Stalled, now)
	d.watchDispatch(now)
	d.watchFailing(r.Failing, now)
	d.watchTail(r.Tail, now)
	d.watchChanged(r.Changed, now)
	d.watchFailed(r.Failed, now)
	d.watchUnbegun(r.Unbegun, now)
	d.watchResting(r.Resting, r.HandedOut, now)
	part := &fileChanges{counted: r.Totals, readySince: d.ledger.ReadySince(now), dispatch: d.dispatch}
	part.changed, part.forgotten = d.ledger.Files().Changed(now)
	part.stalled = r.Stalled.Long[:min(len(r.Stalled.Long), maxStalled)]
	part.letters, part.settled = d.ledger.Letters().Changed()
	ctx.Send(d.owner, part)
	d.pub.publish(ctx, d.problems.list(), part)
}
