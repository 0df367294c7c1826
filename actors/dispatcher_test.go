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

// deskBundle is a dispatcher whose neighbours are probes. Persistence commits
// whatever it is sent, at once.
type deskBundle struct {
	*stage
	pid                                       *actor.PID
	persistence, owner, planner, hands, input *probe
}

func stageDesk(t *testing.T, snap messages.Snapshot, f func(b *deskBundle)) {
	onStage(t, func(s *stage) {
		b := &deskBundle{stage: s, persistence: s.probe("persistence"), owner: s.probe("owner"), planner: s.probe("planner"), hands: s.probe("free-worker"), input: s.probe("ingress")}
		b.persistence.answer = func(ctx actor.Context, msg any) {
			if w, ok := msg.(*write); ok {
				for _, n := range w.after {
					ctx.Send(n.to, n.msg)
				}
			}
		}
		b.pid, _ = s.spawn("dispatcher", func() actor.Actor {
			return newDispatcher(dispatcherDeps{log: s.log, persistence: b.persistence.pid, owner: b.owner.pid, maxAttempts: 3}, 2, snap, tail{})
		})
		f(b)
	})
}

func (b *deskBundle) adopt(id messages.FileID, chunks int) *planFrom {
	b.tell(b.pid, &adopt{file: testFile(id, chunks), planner: b.planner.pid})
	return expect[*planFrom](b.planner)
}

func (b *deskBundle) plan(p *planFrom, id messages.FileID, from, to int) {
	for i := from; i < to; i++ {
		b.tell(b.pid, &planned{file: id, epoch: p.epoch, cut: testCut(id, i)})
	}
}

func (b *deskBundle) offer(w string, upTo, ahead int) {
	b.tell(b.pid, &offer{worker: messages.WorkerID(w), pid: b.hands.pid, upTo: upTo, ahead: ahead, refill: true})
}

func TestAssignmentIsCommittedBeforeItIsHandedOn(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		b.persistence.answer = nil // the store is slow
		p := b.adopt(1, 3)
		b.persistence.clear()
		b.plan(p, 1, 0, 1)
		b.offer("w", 1, 1)
		w := expect[*write](b.persistence)
		require.Equal(t, messages.ChunkAssigned, w.batch.Chunks[0].State)
		require.Equal(t, messages.WorkerID("w"), w.batch.Chunks[0].Worker)
		require.Equal(t, 1, w.batch.Files[0].Cursor.Index)
		expectNone[*assigned](b.hands)
		require.Equal(t, b.hands.pid, w.after[0].to)
		require.Equal(t, "f1_chunk_0", w.after[0].msg.(*assigned).BatchID)
	})
}

func TestResultAndNextAssignmentShareAWrite(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.hands)
		b.persistence.clear()
		b.tell(b.pid, &judge{signal: progress("w", a.BatchID, 2, 2), reply: b.hands.pid, ack: receipt{ingress: b.input.pid, batch: 9}})
		w := expect[*write](b.persistence)
		require.Equal(t, []messages.ChunkID{{File: 1}}, w.batch.DropChunks)
		require.Equal(t, 1, w.batch.Chunks[0].ID.Index)
		require.True(t, expect[*judged](b.hands).credited)
		require.Equal(t, "f1_chunk_1", expect[*assigned](b.hands).BatchID)
		require.Equal(t, uint64(9), expect[*acked](b.input).batch)
	})
}

// A result that a worker said about a chunk of the same name in a state that is lost
// ends nothing and frees nobody.
func TestResultOfAnotherDeploymentIsDropped(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.hands)
		b.persistence.clear()
		of := func(deployment string) *judge {
			s := progress("w", a.BatchID, 2, 2)
			s.Deployment = deployment
			return &judge{signal: s, reply: b.hands.pid, ack: receipt{ingress: b.input.pid, batch: 9}}
		}
		b.tell(b.pid, of("former"))
		expect[*acked](b.input)
		expectNone[*judged](b.hands)
		expectNone[*write](b.persistence)
		b.tell(b.pid, of(""))
		require.Equal(t, ledger.VerdictDone, expect[*judged](b.hands).verdict)
	})
}

// A store that lost its last commits gives the name of an attempt again, perhaps to
// another range; what a worker said about the former one ends nothing.
func TestResultOfAnotherRangeIsDropped(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.hands)
		b.persistence.clear()
		of := func(offset int64, hash string) *judge {
			s := progress("w", a.BatchID, 2, 2)
			s.Offset, s.Hash = offset, hash
			return &judge{signal: s, reply: b.hands.pid, ack: receipt{ingress: b.input.pid, batch: 9}}
		}
		own := a.Chunk.Range()
		for _, other := range []*judge{of(own.Offset+1, own.HashText()), of(own.Offset, "00000000000000ff")} {
			b.tell(b.pid, other)
			expect[*acked](b.input)
			expectNone[*judged](b.hands)
			expectNone[*write](b.persistence)
		}
		b.tell(b.pid, of(own.Offset, own.HashText()))
		require.Equal(t, ledger.VerdictDone, expect[*judged](b.hands).verdict)
	})
}

func TestFreeSlotsComeBeforeChunksAhead(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 9)
		b.offer("a", 0, 1)
		b.offer("b", 1, 2)
		b.plan(p, 1, 0, 1)
		require.Equal(t, messages.WorkerID("b"), expect[*assigned](b.hands).Worker)
		b.plan(p, 1, 1, 2)
		require.Equal(t, messages.WorkerID("a"), expect[*assigned](b.hands).Worker)
	})
}

func TestStaleOffersGiveNothing(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 9)
		b.offer("w", 1, 1)
		expect[*assigned](b.hands)
		b.offer("w", 1, 1) // a repeated one
		expectNone[*assigned](b.hands)
		b.tell(b.pid, &withdraw{worker: "w", epoch: 0})
		b.tell(b.pid, &offer{worker: "w", pid: b.hands.pid, epoch: 1, upTo: 1, ahead: 1})
		require.Equal(t, uint64(1), expect[*assigned](b.hands).epoch)
	})
}

func TestPlannerGetsCreditAsChunksLeave(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
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
			expect[*assigned](b.hands)
		}
	})
}

func TestBatchSizeChangePlansAnewBehindWhatWasAssigned(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 4)
		b.offer("w", 1, 1)
		b.tell(b.pid, &useBatchSize{items: 7})
		next := expect[*planFrom](b.planner)
		require.Equal(t, 7, next.batch)
		require.Equal(t, 1, next.at.Index)
		b.plan(p, 1, 4, 5) // of the old plan
		b.offer("w", 2, 2)
		require.Equal(t, "f1_chunk_0", expect[*assigned](b.hands).BatchID)
		expectNone[*assigned](b.hands)
	})
}

func TestFileEndIsToldAfterItsCommit(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
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
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.hands)
		b.tell(b.pid, &giveUp{worker: "w", batchID: a.BatchID, err: cutter.ErrOtherBytes})
		f := expect[*fileEnded](b.owner).file
		require.Equal(t, messages.FileChanged, f.State)
		require.Equal(t, int64(2), f.DeadItems)
		require.Equal(t, int64(20), f.DeadBytes)
	})
}

func TestPlannerErrorMakesTheFileSuspect(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch, err: messages.ErrFileChanged})
		require.Equal(t, messages.FileID(1), expect[*fileSuspect](b.owner).id)
		b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch - 1, err: errors.New("of an old plan")})
		expectNone[*fileSuspect](b.owner)
	})
}

func TestFilesShareFairly(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		for id := messages.FileID(1); id <= 3; id++ {
			b.plan(b.adopt(id, 9), id, 0, 4)
		}
		seen := map[messages.FileID]int{}
		b.offer("w", 6, 6)
		for range 6 {
			seen[expect[*assigned](b.hands).Chunk.ID.File]++
		}
		require.Equal(t, map[messages.FileID]int{1: 2, 2: 2, 3: 2}, seen)
	})
}

func TestClashingNamesAreRefused(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
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
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 3)
		b.plan(p, 1, 0, 3)
		b.root.RequestWithCustomSender(b.pid, &drain{}, b.owner.pid)
		expect[*drain](b.owner)
		b.offer("w", 1, 1)
		expectNone[*assigned](b.hands)
	})
}

func TestRetriedChunkWaitsAndThenGoesOut(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 1)
		b.plan(p, 1, 0, 1)
		b.offer("w", 1, 1)
		a := expect[*assigned](b.hands)
		s := progress("w", a.BatchID, 0, 2)
		s.Outcome = messages.OutcomeRetry
		b.tell(b.pid, &judge{signal: s, reply: b.hands.pid})
		expectNone[*assigned](b.hands)
		time.Sleep(time.Second + tickEvery) // the first pause
		require.Equal(t, fmt.Sprintf("%s_a2", a.BatchID), expect[*assigned](b.hands).BatchID)
	})
}

// A free-worker that drops a slot on its own account while the verdict on that
// very chunk is on its way counts it as free, and so does the verdict: the worker
// gets one chunk for it, not two.
func TestSlotThatBecomesFreeTwiceTakesOneChunk(t *testing.T) {
	t.Parallel()
	stageDesk(t, messages.Snapshot{}, func(b *deskBundle) {
		p := b.adopt(1, 9)
		b.plan(p, 1, 0, 9)
		say := func(upTo, ahead int) {
			b.tell(b.pid, &offer{worker: "w", pid: b.hands.pid, upTo: upTo, ahead: ahead, refill: true, limit: 2})
		}
		say(1, 2)
		first, second := expect[*assigned](b.hands), expect[*assigned](b.hands)
		b.tell(b.pid, &judge{signal: progress("w", first.BatchID, 2, 2), reply: b.hands.pid, ack: receipt{ingress: b.input.pid}})
		expect[*assigned](b.hands)
		say(2, 3) // it has dropped the first chunk and has not seen the verdict
		expectNone[*assigned](b.hands)
		b.tell(b.pid, &giveBack{worker: "w", batchID: second.BatchID, how: ledger.EndReturned})
		expect[*assigned](b.hands)
		expectNone[*assigned](b.hands)
	})
}
