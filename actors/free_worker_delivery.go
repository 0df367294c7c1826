package actors

import (
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

const (
	// undeliveredAfter is how long a chunk waits to be written to its partition
	// before it goes back, for a worker whose partition can be written.
	undeliveredAfter = 5 * time.Second
	// reachEvery is how long one try to write to such a partition waits in egress.
	reachEvery = 10 * time.Second
	// probeTag and reachTag mark the answers to probes; no batch id is like them.
	probeTag, reachTag = "-probe-", "-reach-"
)

// blocked tells the supervisor that a partition of its worker cannot be written, or
// can again when the reason is empty.
type blocked struct {
	partition int32
	reason    string
}

// send sends a chunk whose range has to be read again.
func (f *freeWorker) send(ctx actor.Context, a assignment) {
	if f.rereads = append(f.rereads, a); len(f.rereads) == 1 {
		f.reread(ctx)
	}
}

// reread reads the first of the ranges that wait, one at a time, so that chunks
// are sent in the order in which they were assigned.
func (f *freeWorker) reread(ctx actor.Context) {
	parent, files, a := f.ctx, f.files, f.rereads[0]
	run(ctx, func() any {
		lines, err := readAgain(parent, files, a.file, a.chunk)
		return &loaded{batchID: a.batchID, lines: lines, err: err}
	})
}

func (f *freeWorker) onLoaded(ctx actor.Context, m *loaded) {
	if f.rereads = f.rereads[1:]; len(f.rereads) > 0 {
		f.reread(ctx)
	}
	x := f.slots.find(m.batchID)
	if x == nil {
		return
	}
	switch {
	case m.err == nil:
		ctx.Send(f.owner, &readTried{id: x.chunk.ID.File, at: x.chunk.Offset})
		x.lines = m.lines
		f.produce(ctx, x)
		return
	case errors.Is(m.err, cutter.ErrOtherBytes):
		ctx.Send(f.dispatcher, &giveUp{worker: f.worker.ID, batchID: m.batchID, err: m.err})
	default:
		if errors.Is(m.err, messages.ErrFileChanged) {
			ctx.Send(f.owner, &fileSuspect{id: x.chunk.ID.File, at: x.chunk.Offset, err: m.err})
		} else {
			ctx.Send(f.owner, &readTried{id: x.chunk.ID.File, at: x.chunk.Offset, err: m.err})
		}
		f.giveBack(ctx, m.batchID, endRetry, "its range cannot be read: "+m.err.Error())
	}
	f.drop(ctx, x)
}

func (f *freeWorker) produce(ctx actor.Context, x *slot) {
	value := messages.AppendChunk(make([]byte, 0, len(x.lines)+x.chunk.Items*2+512), messages.ChunkHeader{
		Worker: f.worker.ID, BatchID: x.batchID, Deployment: f.deployment, Incarnation: f.worker.Incarnation, Term: f.term.Number, Attempt: x.attempt,
		File: x.file.Path, Generation: x.generation, FirstLine: x.chunk.FirstLine,
		Range: x.chunk.Range(),
	}, x.lines)
	x.lines = nil
	ctx.Send(f.egress, &send{term: f.term, reply: ctx.Self(), tag: x.batchID, giveUp: time.Now().Add(undeliveredAfter), record: messages.Record{
		Topic: f.cfg.ChunkTopic, Partition: x.partition, Key: []byte(f.worker.ID), Value: value,
	}})
}

func (f *freeWorker) onSent(ctx actor.Context, m *sent, now time.Time) {
	switch m.tag {
	case probeTag:
		if m.err == nil {
			f.slots.ends(m.partition, m.offset)
		}
		return
	case reachTag:
		f.onReached(ctx, m)
		return
	}
	x := f.slots.find(m.tag)
	switch {
	case x == nil:
		return
	case errors.Is(m.err, messages.ErrNotWritten):
		f.block(ctx, x, m.err)
	case m.err == nil || !errors.Is(m.err, messages.ErrRefused):
		x.sent, x.offset, x.waiting = true, m.offset, now
		return
	case errors.Is(m.err, messages.ErrTooLarge):
		ctx.Send(f.dispatcher, &giveUp{worker: f.worker.ID, batchID: m.tag, err: m.err})
	default:
		f.giveBack(ctx, m.tag, endRetry, m.err.Error())
	}
	f.drop(ctx, x)
}

// block gives a chunk back that surely was not written. What the worker offered is
// void before the chunk is ready again, and it offers nothing more until its
// partition can be written.
func (f *freeWorker) block(ctx actor.Context, x *slot, err error) {
	if f.takes && x.partition == f.partition() {
		f.withdraw(ctx)
		f.takes = false
	}
	f.giveBack(ctx, x.batchID, endUnsent, "it cannot be written to the worker's partition: "+err.Error())
	if !slices.Contains(f.blocked, x.partition) {
		f.blocked = append(f.blocked, x.partition)
		ctx.Send(ctx.Parent(), &blocked{partition: x.partition, reason: err.Error()})
		f.reach(ctx, x.partition)
	}
}

// reach tries to write to a blocked partition.
func (f *freeWorker) reach(ctx actor.Context, partition int32) {
	ctx.Send(f.egress, f.probeTo(ctx, partition, reachTag))
}

func (f *freeWorker) probeTo(ctx actor.Context, partition int32, tag string) *send {
	return &send{term: f.term, reply: ctx.Self(), tag: tag, quiet: true, giveUp: time.Now().Add(reachEvery), record: messages.Record{
		Topic: f.cfg.ChunkTopic, Partition: partition, Key: []byte(probeTag), Value: []byte(probeValue),
	}}
}

func (f *freeWorker) onReached(ctx actor.Context, m *sent) {
	n := slices.Index(f.blocked, m.partition)
	switch {
	case n < 0:
	case errors.Is(m.err, messages.ErrNotWritten) && m.partition == f.partition():
		f.reach(ctx, m.partition)
	default: // it can be written, or the worker reads another one now
		f.blocked = slices.Delete(f.blocked, n, n+1)
		ctx.Send(ctx.Parent(), &blocked{partition: m.partition})
	}
}

// probe asks where the partition ends when a native worker has not come to a message
// that it should have read long ago.
func (f *freeWorker) probe(ctx actor.Context, now time.Time) {
	if partition, due := f.slots.probeDue(now); due {
		ctx.Send(f.egress, f.probeTo(ctx, partition, probeTag))
	}
}
