package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// dispatcherBundle is a dispatcher whose neighbours are probes. Persistence commits
// whatever it is sent, at once.
type dispatcherBundle struct {
	*stage
	pid                                              *actor.PID
	persistence, owner, planner, freeWorker, ingress *probe
}

func stageDispatcher(t *testing.T, snap messages.Snapshot, f func(b *dispatcherBundle)) {
	onStage(t, func(s *stage) {
		b := &dispatcherBundle{stage: s, persistence: s.probe("persistence"), owner: s.probe("owner"), planner: s.probe("planner"), freeWorker: s.probe("free-worker"), ingress: s.probe("ingress")}
		b.persistence.answer = func(ctx actor.Context, msg any) {
			if w, ok := msg.(*write); ok {
				for _, n := range w.after {
					ctx.Send(n.to, n.msg)
				}
			}
		}
		b.pid, _ = s.spawn("dispatcher", func() actor.Actor {
			return newDispatcher(dispatcherDeps{log: s.log, persistence: b.persistence.pid, owner: b.owner.pid, rules: ledger.Rules{MaxAttempts: 3}}, 2, snap, tail{})
		})
		f(b)
	})
}

func (b *dispatcherBundle) adopt(id messages.FileID, chunks int) *planFrom {
	b.tell(b.pid, &adopt{file: testFile(id, chunks), planner: b.planner.pid})
	return expect[*planFrom](b.planner)
}

func (b *dispatcherBundle) plan(p *planFrom, id messages.FileID, from, to int) {
	for i := from; i < to; i++ {
		b.tell(b.pid, &planned{file: id, epoch: p.epoch, cuts: []cutter.Cut{testCut(id, i)}})
	}
}

func (b *dispatcherBundle) offer(w string, upTo, ahead int) {
	b.tell(b.pid, &offer{Offer: ledger.Offer{Worker: messages.WorkerID(w), UpTo: upTo, Ahead: ahead, Refill: true}, pid: b.freeWorker.pid})
}

func TestAssignmentIsCommittedBeforeItIsHandedOn(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		b.persistence.answer = nil // the store is slow
		p := b.adopt(1, 3)
		b.persistence.clear()
		b.plan(p, 1, 0, 1)
		b.offer("w", 1, 1)
		w := expect[*write](b.persistence)
		require.Equal(t, messages.ChunkAssigned, w.batch.Chunks[0].State)
		require.Equal(t, messages.WorkerID("w"), w.batch.Chunks[0].Worker)
		require.Equal(t, 1, w.batch.Files[0].Cursor.Index)
		expectNone[*assigned](b.freeWorker)
		require.Equal(t, b.freeWorker.pid, w.after[0].to)
		require.Equal(t, "f1_chunk_0", w.after[0].msg.(*assigned).BatchID)
	})
}

// The verdict on a native worker's result goes with its next assignment.
func TestVerdictGoesWithTheNextAssignment(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 2)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.freeWorker)
		b.tell(b.pid, &judge{signal: progressOf("w", 1, a.BatchID, 2, 2), reply: b.freeWorker.pid})
		expectNone[*judged](b.freeWorker)
		next := expect[*assigned](b.freeWorker)
		require.Equal(t, &judged{batchID: a.BatchID, verdict: ledger.VerdictDone, credited: true}, next.judged)
		b.tell(b.pid, &judge{signal: progressOf("w", 1, next.BatchID, 2, 2), reply: b.freeWorker.pid})
		require.Equal(t, next.BatchID, expect[*judged](b.freeWorker).batchID, "there is no further one")
	})
}

func TestResultAndNextAssignmentShareAWrite(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.freeWorker)
		b.persistence.clear()
		b.tell(b.pid, &judge{signal: progress("w", a.BatchID, 2, 2), reply: b.freeWorker.pid, ack: receipt{ingress: b.ingress.pid, batch: 9}})
		w := expect[*write](b.persistence)
		require.Equal(t, []messages.ChunkID{{File: 1}}, w.batch.DropChunks)
		require.Equal(t, 1, w.batch.Chunks[0].ID.Index)
		require.True(t, expect[*judged](b.freeWorker).credited)
		require.Equal(t, "f1_chunk_1", expect[*assigned](b.freeWorker).BatchID)
		time.Sleep(receiptDelay)
		require.Equal(t, []acked{{batch: 9, n: 1}}, expect[*ackedBatches](b.ingress).list)
	})
}

// The name of an attempt is given again when a state is lost, or its last commits are,
// perhaps to another range. A result of the former one ends nothing and frees no slot.
func TestResultOfAnotherChunkOfTheSameNameIsDropped(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.freeWorker)
		b.persistence.clear()
		result := func(deployment string, offset int64, hash string) *judge {
			s := progress("w", a.BatchID, 2, 2)
			s.Deployment, s.Offset, s.Hash = deployment, offset, hash
			return &judge{signal: s, reply: b.freeWorker.pid, ack: receipt{ingress: b.ingress.pid, batch: 9}}
		}
		own := a.Chunk.Range()
		for _, former := range []*judge{
			result("former", 0, ""), result("former", own.Offset, own.HashText()),
			result("", own.Offset+1, own.HashText()), result("", own.Offset, "00000000000000ff"),
		} {
			b.tell(b.pid, former)
			time.Sleep(receiptDelay)
			expect[*ackedBatches](b.ingress)
			expectNone[*judged](b.freeWorker)
			expectNone[*write](b.persistence)
		}
		b.tell(b.pid, result("", own.Offset, own.HashText()))
		require.Equal(t, ledger.VerdictDone, expect[*judged](b.freeWorker).verdict)
		next := expect[*assigned](b.freeWorker)
		b.tell(b.pid, &judge{signal: progress("w", next.BatchID, 2, 2), reply: b.freeWorker.pid, ack: receipt{ingress: b.ingress.pid, batch: 10}})
		require.Equal(t, ledger.VerdictDone, expect[*judged](b.freeWorker).verdict, "a worker that says neither is judged as before")
	})
}

func TestFreeSlotsComeBeforeChunksAhead(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 9)
		b.offer("a", 0, 1)
		b.offer("b", 1, 2)
		b.plan(p, 1, 0, 1)
		require.Equal(t, messages.WorkerID("b"), expect[*assigned](b.freeWorker).Worker)
		b.plan(p, 1, 1, 2)
		require.Equal(t, messages.WorkerID("a"), expect[*assigned](b.freeWorker).Worker)
	})
}

func TestStaleOffersGiveNothing(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 9)
		b.offer("w", 1, 1)
		expect[*assigned](b.freeWorker)
		b.offer("w", 1, 1) // a repeated one
		expectNone[*assigned](b.freeWorker)
		b.tell(b.pid, &withdraw{worker: "w", epoch: 0})
		b.tell(b.pid, &offer{Offer: ledger.Offer{Worker: "w", Epoch: 1, UpTo: 1, Ahead: 1}, pid: b.freeWorker.pid})
		require.Equal(t, uint64(1), expect[*assigned](b.freeWorker).epoch)
	})
}

func TestPlannerGetsCreditAsChunksLeave(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 1000)
		upTo := p.upTo
		require.LessOrEqual(t, upTo, 16)
		b.offer("w", 0, 0)
		for i := range 200 {
			for i >= upTo {
				upTo = expect[*grant](b.planner).upTo
				require.LessOrEqual(t, upTo, i+1024)
			}
			b.plan(p, 1, i, i+1)
			b.offer("w", i+1, i+1)
			expect[*assigned](b.freeWorker)
		}
	})
}

func TestBatchSizeChangePlansAgainBehindWhatWasAssigned(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 4)
		b.offer("w", 1, 1)
		b.tell(b.pid, &useBatchSize{items: 7})
		next := expect[*planFrom](b.planner)
		require.Equal(t, 7, next.batch)
		require.Equal(t, 1, next.at.Index)
		b.plan(p, 1, 4, 5) // of the old plan
		b.offer("w", 2, 2)
		require.Equal(t, "f1_chunk_0", expect[*assigned](b.freeWorker).BatchID)
		expectNone[*assigned](b.freeWorker)
	})
}

func TestFileEndIsReportedAfterItsCommit(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 1)
		b.plan(p, 1, 0, 1)
		b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch})
		b.offer("w", 1, 1)
		expectNone[*fileEnded](b.owner)
		b.tell(b.pid, &judge{signal: progress("w", "f1_chunk_0", 2, 2)})
		f := expect[*fileEnded](b.owner).file
		require.Equal(t, messages.FileDone, f.State)
		require.Zero(t, f.Missing())
	})
}

func TestUnreadableRangeKillsItsChunkAndChangesTheFile(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.freeWorker)
		b.tell(b.pid, &giveUp{worker: "w", batchID: a.BatchID, err: cutter.ErrOtherBytes})
		f := expect[*fileEnded](b.owner).file
		require.Equal(t, messages.FileChanged, f.State)
		require.Equal(t, int64(2), f.DeadItems)
		require.Equal(t, int64(20), f.DeadBytes)
	})
}

func TestPlannerErrorMakesTheFileSuspect(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch, err: messages.ErrFileChanged})
		require.Equal(t, messages.FileID(1), expect[*fileSuspect](b.owner).id)
		b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch - 1, err: errors.New("of an old plan")})
		expectNone[*fileSuspect](b.owner)
	})
}

func TestFilesShareFairly(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		for id := messages.FileID(1); id <= 3; id++ {
			b.plan(b.adopt(id, 9), id, 0, 4)
		}
		seen := map[messages.FileID]int{}
		b.offer("w", 6, 6)
		for range 6 {
			seen[expect[*assigned](b.freeWorker).Chunk.ID.File]++
		}
		require.Equal(t, map[messages.FileID]int{1: 2, 2: 2, 3: 2}, seen)
	})
}

func TestClashingNamesAreRefused(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		b.adopt(1, 3)
		other := testFile(2, 3)
		other.Base = "f1"
		b.tell(b.pid, &adopt{file: other, planner: b.planner.pid})
		f := expect[*fileEnded](b.owner).file
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, "rename it")
	})
}

func TestDrainingDispatcherHandsNothingOut(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.root.RequestWithCustomSender(b.pid, &drain{}, b.owner.pid)
		expect[*drain](b.owner)
		b.offer("w", 1, 1)
		expectNone[*assigned](b.freeWorker)
	})
}

func TestRetriedChunkWaitsAndThenGoesOut(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 1)
		b.plan(p, 1, 0, 1)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.freeWorker)
		s := progress("w", a.BatchID, 0, 2)
		s.Outcome = messages.OutcomeRetry
		b.tell(b.pid, &judge{signal: s, reply: b.freeWorker.pid})
		expectNone[*assigned](b.freeWorker)
		time.Sleep(time.Second + tickEvery) // the first pause
		require.Equal(t, fmt.Sprintf("%s_a2", a.BatchID), expect[*assigned](b.freeWorker).BatchID)
	})
}

// A free-worker that drops a slot while the verdict on its chunk is on its way counts it
// as free, and so does the verdict. The worker gets one chunk for it, not two.
func TestSlotThatBecomesFreeTwiceTakesOneChunk(t *testing.T) {
	t.Parallel()
	stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 9)
		say := func(upTo, ahead int) {
			b.tell(b.pid, &offer{Offer: ledger.Offer{Worker: "w", UpTo: upTo, Ahead: ahead, Refill: true, Limit: 2}, pid: b.freeWorker.pid})
		}
		say(1, 2)
		first, second := expect[*assigned](b.freeWorker), expect[*assigned](b.freeWorker)
		b.tell(b.pid, &judge{signal: progress("w", first.BatchID, 2, 2), reply: b.freeWorker.pid, ack: receipt{ingress: b.ingress.pid}})
		expect[*assigned](b.freeWorker)
		say(2, 3) // it has dropped the first chunk and has not seen the verdict
		expectNone[*assigned](b.freeWorker)
		b.tell(b.pid, &giveBack{worker: "w", batchID: second.BatchID, how: ledger.EndReturned})
		expect[*assigned](b.freeWorker)
		expectNone[*assigned](b.freeWorker)
	})
}
