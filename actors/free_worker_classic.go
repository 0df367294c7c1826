package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// peekEvery is how often the group of a busy classic worker is looked at.
const peekEvery = 250 * time.Millisecond

// movingEvery is how often the dispatcher is told at most that a worker's chunk goes
// on, so that it knows that work does not stand still.
const movingEvery = 30 * time.Second

// probeValue is a message for nobody: a worker passes it over and commits.
const probeValue = `{"id":"-probe-","batchId":"probe","data":[]}`

// onWork notes progress.
func (f *freeWorker) onWork(ctx actor.Context, s messages.Signal, now time.Time) {
	foreign := f.slots.foreign
	first := false
	if f.worker.Kind == messages.Classic {
		first = f.slots.classicProgress(s, now)
	} else {
		first = f.slots.progress(s.BatchID, now)
	}
	f.tellMoved(ctx, s.BatchID)
	if first || now.Sub(f.moving) >= movingEvery {
		f.moving = now
		ctx.Send(f.dispatcher, &begun{worker: f.worker.ID, batchID: s.BatchID})
	}
	if first || foreign != f.slots.foreign {
		f.offer(ctx)
		f.report(ctx)
	}
}

// watchGroup arms the next look at the group of a busy classic worker.
func (f *freeWorker) watchGroup(ctx actor.Context) {
	if f.worker.Kind == messages.Classic && len(f.slots.list) > 0 && f.peek.timer == nil && !f.asked {
		f.peek.set(ctx, peekEvery)
	}
}

// look acts on what the group shows.
func (f *freeWorker) look(ctx actor.Context, now time.Time) {
	held := len(f.slots.list)
	for _, a := range f.slots.look(now) {
		switch a.move {
		case moveEnd:
			f.giveBack(ctx, a.batchID, a.how, a.reason)
		case moveResend:
			f.send(ctx, a.assignment)
		case moveProbe:
			ctx.Send(f.egress, &send{term: f.term, record: messages.Record{
				Topic: f.cfg.ChunkTopic, Partition: a.partition, Key: []byte("-probe-"), Value: []byte(probeValue),
			}})
		case moveLost:
			ctx.Send(ctx.Parent(), &vanished{reason: a.reason})
			return
		}
	}
	if working, _ := f.slots.pulse(now); len(f.slots.list) != held || working != f.working {
		f.offer(ctx)
		f.report(ctx)
	}
}

// onReannounced judges what a classic worker held when it said "new".
func (f *freeWorker) onReannounced(ctx actor.Context, m *reannounced, now time.Time) {
	if moved := f.slots.reannounce(m.partitions, now); len(moved) > 0 {
		f.announced = now
		f.moved.set(ctx, movedWait)
	}
	f.offer(ctx)
	f.report(ctx)
}

// giveMoved gives the chunks back that the worker will not run. Progress since its
// announcement says that it does run one: two processes share the id.
func (f *freeWorker) giveMoved(ctx actor.Context) {
	if f.slots.heard.After(f.announced) {
		return
	}
	for _, x := range slices.Clone(f.slots.list) {
		if x.gone || !x.sent || slices.Contains(f.worker.Partitions, x.partition) && !f.slots.passed(x) {
			continue
		}
		f.giveBack(ctx, x.batchID, endUnstarted, "its partition moved to another worker")
		f.drop(ctx, x)
	}
}
