package actors

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

const (
	// undeliveredAfter is how long a chunk waits to be written to its partition
	// before it goes back, for a worker whose partition can be written.
	undeliveredAfter = 5 * time.Second
	// reachEvery is how long one try to write to a blocked partition waits in egress.
	reachEvery = 10 * time.Second
	// probeTag and reachTag mark the answers to probes; no batch id is like them.
	probeTag, reachTag = "-probe-", "-reach-"
	// recallTag is the same for recalls.
	recallTag = "-recall-"
	// probeValue is a message for nobody: a worker passes it over and commits.
	probeValue = `{"id":"-probe-","batchId":"probe","data":[]}`
)

// send sends a chunk whose range has to be read again.
func (f *freeWorker) send(ctx actor.Context, a ledger.Assignment) {
	if f.rereads = append(f.rereads, a); len(f.rereads) == 1 {
		f.readNext(ctx)
	}
}

// readNext reads the first of the ranges that wait, one at a time, so that chunks are
// sent in the order in which they were assigned.
func (f *freeWorker) readNext(ctx actor.Context) {
	if f.ctx == nil {
		f.ctx, f.cancel = context.WithCancel(context.Background())
	}
	parent, files, a := f.ctx, f.files, f.rereads[0]
	run(ctx, func() any {
		c, err := readAgain(parent, files, a.File, a.Chunk)
		if len(a.Positions) > 0 {
			c.Text = messages.PickItems(c.Text, a.Positions)
		}
		return &loaded{batchID: a.BatchID, lines: c.Text, gaps: c.Gaps, err: err}
	})
}

func (f *freeWorker) onLoaded(ctx actor.Context, m *loaded) {
	a := f.rereads[0]
	if f.rereads = f.rereads[1:]; len(f.rereads) > 0 {
		f.readNext(ctx)
	}
	slot := f.slots.At(m.batchID)
	if !slot.Held() {
		return
	}
	id, at := a.Chunk.ID.File, a.Chunk.Offset
	switch {
	case m.err == nil:
		ctx.Send(f.intake, &readTried{id: id, at: at})
		a.Text, a.Gaps = m.lines, m.gaps
		f.produce(ctx, a, slot.Partition())
		return
	case errors.Is(m.err, cutter.ErrOtherBytes):
		ctx.Send(f.dispatcher, &giveUp{worker: f.worker.ID, batchID: m.batchID, err: m.err})
	case errors.Is(m.err, messages.ErrFileChanged):
		ctx.Send(f.intake, &fileSuspect{id: id, at: at, err: m.err})
		f.giveBack(ctx, m.batchID, ledger.EndRetry, "its range cannot be read: "+m.err.Error())
	default:
		ctx.Send(f.intake, &readTried{id: id, at: at, err: m.err})
		f.giveBack(ctx, m.batchID, ledger.EndRetry, "its range cannot be read: "+m.err.Error())
	}
	f.drop(ctx, m.batchID)
}

// produce sends a chunk with its lines, whose memory is free afterwards: another attempt reads
// them again.
func (f *freeWorker) produce(ctx actor.Context, a ledger.Assignment, partition int32) {
	var lines int64
	if a.Chunk.Lines != int64(a.Chunk.Items) {
		lines = a.Chunk.Lines
	}
	memory := buffersOf(ctx.ActorSystem())
	value := messages.AppendChunk(memory.get(len(a.Text)+a.Chunk.Items*2+512), messages.ChunkHeader{
		Worker: f.worker.ID, BatchID: a.BatchID, Deployment: f.deployment, Incarnation: f.worker.Incarnation, Term: f.term.Number, Attempt: a.Attempt,
		File: a.File.Path, Generation: a.Generation, FirstLine: a.Chunk.FirstLine, Lines: lines, Gaps: a.Gaps,
		Range: a.Chunk.Range(), Retry: a.Chunk.ID.Retry, Positions: a.Positions,
	}, a.Text)
	memory.put(a.Text)
	ctx.Send(f.egress, &send{term: f.term, reply: ctx.Self(), tag: a.BatchID, giveUp: time.Now().Add(undeliveredAfter), record: messages.Record{
		Topic: f.cfg.ChunkTopic, Partition: partition, Key: []byte(f.worker.ID), Value: value,
	}})
}

func (f *freeWorker) onSent(ctx actor.Context, m *sent, now time.Time) {
	switch m.tag {
	case probeTag:
		if m.err == nil {
			f.slots.PartitionEnds(m.partition, m.offset)
		}
		return
	case reachTag:
		f.onReached(ctx, m)
		return
	case recallTag:
		return // A recall that is lost does no harm.
	}
	slot := f.slots.At(m.tag)
	switch {
	case !slot.Held():
		return
	case errors.Is(m.err, messages.ErrNotWritten):
		f.block(ctx, m.tag, slot.Partition(), m.err)
	case m.err == nil || !errors.Is(m.err, messages.ErrRefused):
		slot.Sent(m.offset, now)
		return
	case errors.Is(m.err, messages.ErrTooLarge):
		ctx.Send(f.dispatcher, &giveUp{worker: f.worker.ID, batchID: m.tag, err: m.err})
	default:
		f.giveBack(ctx, m.tag, ledger.EndRetry, m.err.Error())
	}
	f.drop(ctx, m.tag)
}

// block gives back a chunk that surely was not written. What the worker offered is void
// before the chunk is ready again, and it offers nothing more until its partition can be
// written.
func (f *freeWorker) block(ctx actor.Context, batchID string, partition int32, err error) {
	if f.takes && partition == f.partition() {
		f.withdraw(ctx)
		f.takes = false
	}
	f.giveBack(ctx, batchID, ledger.EndUnsent, "it cannot be written to the worker's partition: "+err.Error())
	if !slices.Contains(f.blocked, partition) {
		f.blocked = append(f.blocked, partition)
		ctx.Send(ctx.Parent(), &blocked{partition: partition, reason: err.Error()})
		f.reach(ctx, partition)
	}
}

// recallQueued has everything recalled that waits at a drained worker. It is repeated until
// nothing waits, since a recall and its answer may be lost.
func (f *freeWorker) recallQueued(ctx actor.Context) {
	f.recalls.stop()
	if f.drained && f.worker.Recalls && f.slots.Waiting() {
		ctx.Send(f.dispatcher, &recallAll{worker: f.worker.ID, to: ctx.Self()})
		f.recalls.set(ctx, ledger.RecallTimeout)
	}
}

// onRecall sends the worker a recall, behind the chunks that it lists. Nothing changes
// before the worker answers.
func (f *freeWorker) onRecall(ctx actor.Context, m *recall) {
	var ids []string
	for _, id := range m.batchIDs {
		if x := f.slots.At(id); x.Waits() || m.stop && x.Held() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	value := messages.Recall{Worker: f.worker.ID, Deployment: f.deployment, Incarnation: f.worker.Incarnation.String(), BatchIDs: ids, Stop: m.stop}.Encode()
	ctx.Send(f.egress, &send{term: f.term, reply: ctx.Self(), tag: recallTag, quiet: true, giveUp: time.Now().Add(undeliveredAfter), record: messages.Record{
		Topic: f.cfg.ChunkTopic, Partition: f.partition(), Key: []byte(f.worker.ID), Value: value,
	}})
}

// reach tries to write to a blocked partition.
func (f *freeWorker) reach(ctx actor.Context, partition int32) {
	ctx.Send(f.egress, f.probeTo(ctx, partition, reachTag))
}

// probeTo is a probe whose offset, or failure, comes back.
func (f *freeWorker) probeTo(ctx actor.Context, partition int32, tag string) *send {
	m := probeRecord(f.term, f.cfg.ChunkTopic, partition)
	m.reply, m.tag, m.quiet, m.giveUp = ctx.Self(), tag, true, time.Now().Add(reachEvery)
	return m
}

// probeRecord is a probe that nobody waits for.
func probeRecord(term messages.Term, topic string, partition int32) *send {
	return &send{term: term, record: messages.Record{Topic: topic, Partition: partition, Key: []byte(probeTag), Value: []byte(probeValue)}}
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
