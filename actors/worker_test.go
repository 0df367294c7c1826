package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// fleetBundle is a fleet whose neighbours are probes: supervisors and
// free-workers are real.
type fleetBundle struct {
	*stage
	fleet                                  *actor.PID
	owner                                  *probe
	dispatcher, persistence, egress, input *probe
	view                                   *probe
}

func stageFleet(t *testing.T, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	stageFleetOf(t, maxStrangers, restore, held, f)
}

// stageFleetOf is stageFleet with another bound of workers that were never seen working.
func stageFleetOf(t *testing.T, strangers int, restore []messages.Worker, held map[messages.WorkerID][]holding, f func(b *fleetBundle)) {
	onStage(t, func(s *stage) {
		b := &fleetBundle{stage: s, dispatcher: s.probe("dispatcher"), persistence: s.probe("persistence"), egress: s.probe("egress"), input: s.probe("ingress"), owner: s.probe("intake"), view: s.probe("view")}
		deps := workerDeps{cfg: Config{ChunkTopic: "c", WorkerTimeout: time.Minute, Prefetch: 1}, files: &memFiles{}, dispatcher: b.dispatcher.pid, persistence: b.persistence.pid, egress: b.egress.pid, ingress: b.input.pid, group: s.probe("classic-group").pid, owner: b.owner.pid}
		b.fleet, _ = s.spawn("fleet", func() actor.Actor {
			x := newFleet(fleetDeps{workerDeps: deps, log: s.log, publishTo: b.view.pid}, 8, restore, held)
			x.(*fleet).gate.most = strangers
			return x
		})
		// Ingress has always read everything.
		b.input.answer = func(ctx actor.Context, msg any) {
			if m, ok := msg.(*askCaughtUp); ok {
				ctx.Send(b.fleet, &caughtUp{supervisor: m.supervisor, forFreeWorker: m.forFreeWorker})
			}
		}
		f(b)
	})
}

func (b *fleetBundle) hear(list ...messages.Signal) {
	b.tell(b.fleet, &signals{from: b.input.pid, batch: 1, list: list})
}

func announce(id string, partition int32, start int64) messages.Signal {
	return messages.Signal{Kind: messages.SignalAnnounce, Worker: messages.WorkerID(id), Protocol: 2, Capacity: 1,
		Partitions: []int32{partition}, Incarnation: messages.Incarnation{StartMS: start, Random: "r"}, Next: messages.UnknownOffset}
}

func beatOf(id string, start int64, next int64, running ...string) messages.Signal {
	s := announce(id, 3, start)
	s.Kind, s.Next, s.Running = messages.SignalHeartbeat, next, running
	return s
}

// progressOf is progress of a native worker's process.
func progressOf(id string, start int64, batch string, processing, total int64) messages.Signal {
	s := progress(id, batch, processing, total)
	s.Protocol, s.Incarnation = 2, messages.Incarnation{StartMS: start, Random: "r"}
	return s
}

// give assigns a chunk to the worker of the last offer.
func (b *fleetBundle) give(o *offer, index int) ledger.Assignment {
	a := ledger.Assignment{Chunk: testCut(1, index).Chunk, Worker: o.Worker, Attempt: 1, Text: []byte("a\nb\n"), BatchID: fmt.Sprintf("f1_chunk_%d", index), File: messages.FileInfo{Path: "f1.txt"}, Generation: 1}
	b.tell(o.pid, &assigned{Assignment: a, epoch: o.Epoch})
	return a
}

func (b *fleetBundle) status(id string) messages.WorkerStatus {
	f := b.root.RequestFuture(b.fleet, &askWorkers{}, time.Second)
	x, err := f.Result()
	require.NoError(b.t, err)
	for _, w := range x.(*workerList).list {
		if string(w.ID) == id {
			return w
		}
	}
	return messages.WorkerStatus{State: messages.WorkerGone}
}

func TestNativeWorkerOffersItsSlotsAndOneAhead(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		require.Equal(t, messages.Worker{ID: "w", Kind: messages.Native, Partitions: []int32{3}, Capacity: 1, Incarnation: messages.Incarnation{StartMS: 1, Random: "r"}},
			forgetSeen(expect[*write](b.persistence).batch.Workers[0]))
		o := expect[*offer](b.dispatcher)
		require.Equal(t, 1, o.UpTo)
		require.Equal(t, 2, o.Ahead)
		b.give(o, 0)
		s := expect[*send](b.egress)
		require.Equal(t, int32(3), s.record.Partition)
		require.Equal(t, "w", string(s.record.Key))
		m, err := messages.DecodeChunk(s.record.Value)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, m.Data)
		require.Equal(t, messages.WorkerBusy, b.status("w").State)
		expect[*acked](b.input)
	})
}

func forgetSeen(w messages.Worker) messages.Worker {
	w.Seen = time.Time{}
	return w
}

func TestResultIsJudgedAndFreesTheSlot(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		b.input.clear()
		b.dispatcher.clear()
		b.hear(progressOf("w", 1, a.BatchID, 2, 2))
		require.Equal(t, a.BatchID, expect[*begun](b.dispatcher).batchID)
		j := expect[*judge](b.dispatcher)
		expectNone[*acked](b.input) // the dispatcher acknowledges it
		b.tell(j.reply, &judged{batchID: a.BatchID, verdict: ledger.VerdictDone})
		require.Equal(t, 2, expect[*offer](b.dispatcher).UpTo)
		require.Equal(t, messages.WorkerFree, b.status("w").State)
	})
}

func TestSilenceMakesSuspectThenLostThenForgotten(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		b.dispatcher.clear()
		time.Sleep(slots.SuspectAfter + time.Millisecond)
		expect[*withdraw](b.dispatcher)
		expectNone[*workerLost](b.dispatcher)
		require.Equal(t, messages.WorkerSuspect, b.status("w").State)
		b.hear(beatOf("w", 1, 0))
		require.Equal(t, messages.WorkerFree, b.status("w").State)
		time.Sleep(slots.LostAfter + time.Millisecond)
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
		require.Equal(t, messages.WorkerLost, b.status("w").State)
		b.hear(beatOf("w", 1, 0))
		require.Equal(t, messages.WorkerFree, b.status("w").State, "any message brings it back")
		time.Sleep(slots.LostAfter + slots.ForgetAfter + time.Second)
		require.Equal(t, messages.WorkerGone, b.status("w").State)
		b.dispatcher.clear()
		b.forgive()
	})
}

func TestFinalOfAnOlderIncarnationStillCounts(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 10))
		s := progress("w", "f1_chunk_0", 2, 2)
		s.Incarnation = messages.Incarnation{StartMS: 9, Random: "r"}
		b.hear(s)
		require.Nil(t, expect[*judge](b.dispatcher).reply)
	})
}

func TestLostWorkerMayComeBackWithAnOlderClock(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 10))
		time.Sleep(slots.LostAfter + time.Second)
		require.Equal(t, messages.WorkerLost, b.status("w").State)
		b.hear(beatOf("w", 9, 0))
		require.Equal(t, messages.WorkerFree, b.status("w").State)
	})
}

func TestOlderIncarnationIsIgnored(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 10))
		b.dispatcher.clear()
		b.hear(announce("w", 3, 9), beatOf("w", 9, 0))
		expectNone[*workerLost](b.dispatcher)
		b.hear(beatOf("w", 11, 0)) // of a newer one: its announce
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
	})
}

func TestDrainingTakesNothingAndByeReturnsTheRest(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		b.give(o, 0)
		s := announce("w", 3, 1)
		s.Kind = messages.SignalDraining
		b.hear(s)
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerDraining, b.status("w").State)
		late := b.give(o, 1)
		require.Equal(t, late.BatchID, expect[*giveBack](b.dispatcher).batchID)
		b.dispatcher.clear()
		b.tell(o.pid, &sent{tag: "f1_chunk_0", offset: 5})
		b.hear(beatOf("w", 1, 6))
		require.Equal(t, ledger.EndUnstarted, expect[*giveBack](b.dispatcher).how, "a draining worker does not begin what it does not list")
		s.Kind = messages.SignalBye
		b.hear(s)
		require.Equal(t, ledger.EndReturned, expect[*workerLost](b.dispatcher).how)
		require.Equal(t, messages.WorkerGone, b.status("w").State)
	})
}

func TestHeartbeatThatPassesAChunkTwiceEndsIt(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		b.hear(beatOf("w", 1, 5)) // has not come to it
		b.hear(beatOf("w", 1, 6))
		expectNone[*giveBack](b.dispatcher)
		b.hear(beatOf("w", 1, 6))
		require.Equal(t, ledger.EndUnstarted, expect[*giveBack](b.dispatcher).how)
	})
}

func TestListedChunkIsNeverOverdue(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		for range 100 {
			time.Sleep(3 * time.Second)
			b.hear(beatOf("w", 1, 6, a.BatchID))
		}
		expectNone[*giveBack](b.dispatcher)
		expectNone[*workerLost](b.dispatcher)
	})
}

func TestUnreadChunkIsTakenBackAfterTheStartDeadline(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		for range 21 {
			time.Sleep(3 * time.Second)
			b.hear(beatOf("w", 1, 5)) // alive, and does not read
		}
		require.Equal(t, ledger.EndUnstarted, expect[*giveBack](b.dispatcher).how)
	})
}

func TestRefusedSend(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: messages.UnknownOffset, err: fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)})
		require.ErrorIs(t, expect[*giveUp](b.dispatcher).err, messages.ErrTooLarge)
		a = b.give(o, 1)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: messages.UnknownOffset, err: messages.ErrRefused})
		require.Equal(t, ledger.EndRetry, expect[*giveBack](b.dispatcher).how)
	})
}

func TestRestoredWorkerHoldsItsChunks(t *testing.T) {
	t.Parallel()
	a := ledger.Assignment{Chunk: testCut(1, 0).Chunk, Worker: "w", Attempt: 1, BatchID: "f1_chunk_0"}
	w := messages.Worker{ID: "w", Kind: messages.Native, Partitions: []int32{3}, Capacity: 1, Incarnation: messages.Incarnation{StartMS: 1, Random: "r"}}
	stageFleet(t, []messages.Worker{w}, map[messages.WorkerID][]holding{"w": {{Assignment: a, partition: 3, offset: messages.UnknownOffset}}}, func(b *fleetBundle) {
		o := expect[*offer](b.dispatcher)
		require.Equal(t, 0, o.UpTo)
		require.Equal(t, 1, o.Ahead)
		require.Equal(t, []string{"f1_chunk_0"}, b.status("w").Held)
		b.hear(progressOf("w", 1, a.BatchID, 1, 2))
		require.Equal(t, a.BatchID, expect[*begun](b.dispatcher).batchID)
	})
}

func TestFinalOfAForgottenWorkerIsJudged(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(progress("ghost", "f1_chunk_0", 2, 2), progress("ghost", "f1_chunk_0", 1, 2))
		require.Nil(t, expect[*judge](b.dispatcher).reply)
		expect[*acked](b.input)
		require.Equal(t, messages.WorkerGone, b.status("ghost").State)
	})
}

func classicNew(id string, partitions ...int32) messages.Signal {
	return messages.Signal{Kind: messages.SignalAnnounce, Worker: messages.WorkerID(id), Partitions: partitions, Next: messages.UnknownOffset}
}

func gateOpen(lists ...[]int32) *slots.Group {
	return &slots.Group{Stable: true, Lists: lists, Committed: []int64{0, 0, 0, 0, 0, 0}}
}

func TestClassicWorkerWaitsForTheGate(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 2, 1))
		expectNone[*offer](b.dispatcher)
		b.tell(b.fleet, gateOpen([]int32{0}, []int32{1}))
		expectNone[*offer](b.dispatcher)
		b.tell(b.fleet, &slots.Group{Stable: true, Lists: [][]int32{{1, 2}}, Committed: []int64{0, -1, 0}})
		expectNone[*offer](b.dispatcher)
		require.NotEmpty(t, b.status("c").Note)
		b.tell(b.fleet, gateOpen([]int32{1, 2}))
		o := expect[*offer](b.dispatcher)
		require.Equal(t, 1, o.UpTo)
		require.Equal(t, 1, o.Ahead, "one chunk at a time")
		b.give(o, 0)
		require.Equal(t, int32(1), expect[*send](b.egress).record.Partition)
		b.tell(b.fleet, &slots.Group{Note: "rebalancing"})
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerAnnounced, b.status("c").State)
	})
}

func TestClassicWorkerWithoutPartition(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c"))
		b.tell(b.fleet, gateOpen([]int32{}))
		expectNone[*offer](b.dispatcher)
		require.Equal(t, noPartition, b.status("c").Note)
	})
}

func TestNewestAnnouncementOwnsItsPartitions(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("old", 1, 2))
		b.tell(b.fleet, gateOpen([]int32{1, 2}))
		expect[*offer](b.dispatcher)
		b.hear(classicNew("new", 1, 2))
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerID("new"), expect[*offer](b.dispatcher).Worker)
		require.Empty(t, b.status("old").Partitions)
	})
}

func TestSilentBusyClassicWorkerIsLostAfterWorkerTimeout(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 1))
		b.tell(b.fleet, gateOpen([]int32{1}))
		time.Sleep(time.Hour)
		require.Equal(t, messages.WorkerFree, b.status("c").State, "an idle classic worker sends nothing")
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		time.Sleep(50 * time.Second)
		b.hear(progress("c", a.BatchID, 1, 2))
		time.Sleep(59 * time.Second)
		expectNone[*workerLost](b.dispatcher)
		time.Sleep(2 * time.Second)
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
		require.Equal(t, messages.WorkerLost, b.status("c").State)
	})
}

func TestClassicNewInMidChunk(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string]bool{"kept": false, "moved": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				b.hear(classicNew("c", 1))
				b.tell(b.fleet, gateOpen([]int32{1}, []int32{2}))
				o := expect[*offer](b.dispatcher)
				a := b.give(o, 0)
				b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
				if moved {
					b.hear(classicNew("c", 2))
				} else {
					b.hear(classicNew("c", 1))
				}
				time.Sleep(3 * time.Second)
				if moved {
					require.Equal(t, a.BatchID, expect[*giveBack](b.dispatcher).batchID)
				} else {
					expectNone[*giveBack](b.dispatcher)
				}
			})
		})
	}
}

func TestPanickingSupervisorReturnsItsChunks(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		b.give(o, 0)
		b.tell(actor.NewPID(o.pid.Address, parentOf(o.pid.Id)), &revoke{partitions: nil}, (*silent)(nil))
		require.Equal(t, ledger.EndReturned, expect[*workerLost](b.dispatcher).how)
		b.hear(beatOf("w", 1, 0))
		require.Equal(t, messages.WorkerFree, b.status("w").State, "its next message makes a new one")
		b.forgive()
	})
}

func parentOf(id string) string { return id[:strings.LastIndexByte(id, '/')] }

func TestPanickingFreeWorkerReturnsItsChunks(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		b.give(o, 0)
		b.tell(o.pid, (*judged)(nil))
		require.Equal(t, ledger.EndReturned, expect[*workerLost](b.dispatcher).how)
		b.forgive()
	})
}

func TestPartitionBeyondTheTopicIsNotDispatchable(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 8, 1))
		expectNone[*offer](b.dispatcher)
		require.Contains(t, b.status("w").Note, "partition 8")
		b.tell(b.fleet, &partitionCount{n: 9})
		expect[*offer](b.dispatcher)
	})
}

func TestDrainingWorkerStaysDraining(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		s := announce("w", 3, 1)
		s.Kind = messages.SignalDraining
		b.hear(s)
		b.dispatcher.clear()
		time.Sleep(slots.SuspectAfter + time.Second)
		b.hear(beatOf("w", 1, 0))
		require.Equal(t, messages.WorkerDraining, b.status("w").State)
		expectNone[*offer](b.dispatcher)
		b.hear(announce("w", 3, 2))
		expect[*offer](b.dispatcher)
	})
}

func TestDisownedClassicWorkerIsForgotten(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("old", 1), classicNew("empty"))
		b.hear(classicNew("new", 1))
		time.Sleep(slots.ForgetAfter + time.Minute)
		require.Equal(t, messages.WorkerGone, b.status("old").State)
		require.Equal(t, messages.WorkerAnnounced, b.status("empty").State, "it may be alive, and sends nothing while idle")
		require.Equal(t, messages.WorkerAnnounced, b.status("new").State)
		b.forgive()
	})
}

// A heartbeat that was sent before a final message and read after it lists a chunk
// that is over: it takes no slot. It did, until the next heartbeat 3 s later.
func TestHeartbeatReadBehindAFinalTakesNoSlot(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		b.hear(progressOf("w", 1, a.BatchID, 2, 2))
		b.tell(o.pid, &judged{batchID: a.BatchID, verdict: ledger.VerdictDone})
		require.Equal(t, 2, expect[*offer](b.dispatcher).UpTo)
		b.hear(beatOf("w", 1, 6, a.BatchID))
		expectNone[*offer](b.dispatcher)
		require.Equal(t, messages.WorkerFree, b.status("w").State)
		b.hear(beatOf("w", 1, 6, "of a former leader"))
		require.Equal(t, 1, expect[*offer](b.dispatcher).UpTo, "other work does take one")
	})
}

// A worker that was killed in a rebalance and whose partition went to another one
// gives its chunk back, although it had no list when the group became Stable.
func TestDisownedClassicWorkerGivesItsChunkBack(t *testing.T) {
	t.Parallel()
	for name, begins := range map[string]bool{"unbegun": false, "begun": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				at := func(stable bool, lists ...[]int32) *slots.Group {
					return &slots.Group{Stable: stable, Settled: stable, Lists: lists, Committed: make([]int64, 8)}
				}
				b.tell(b.fleet, at(true, []int32{2}))
				b.hear(messages.Signal{Kind: messages.SignalAnnounce, Worker: "c", Partitions: []int32{2}})
				o := expect[*offer](b.dispatcher)
				a := b.give(o, 0)
				b.tell(o.pid, &sent{tag: a.BatchID, offset: 0})
				if begins {
					b.hear(progress("c", a.BatchID, 1, 4), progress("c", a.BatchID, 2, 4))
					b.hear(progress("c", a.BatchID, 3, 4))
				}
				b.tell(b.fleet, at(false, []int32{2}))
				b.hear(messages.Signal{Kind: messages.SignalAnnounce, Worker: "d", Partitions: []int32{2}})
				b.tell(b.fleet, at(true, []int32{2}))
				time.Sleep(2 * time.Minute)
				if begins {
					require.Equal(t, messages.WorkerID("c"), expect[*workerLost](b.dispatcher).worker)
					return
				}
				require.Equal(t, a.BatchID, expect[*giveBack](b.dispatcher).batchID)
			})
		})
	}
}

// A paused worker is no problem any more when its pause is over and no work is left to
// try it with. With a chunk to try it, it is one until its result.
func TestPausedWorkerWithoutWorkIsNoProblem(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]bool{"no work": false, "work": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				b.hear(announce("w", 3, 1))
				o := expect[*offer](b.dispatcher)
				pause := func() { b.tell(o.pid, &paused{until: time.Now().Add(2 * time.Second), reason: "it fails"}) }
				pause()
				require.Equal(t, "it fails", b.status("w").Note)
				require.Contains(t, b.kinds(), messages.ProblemUnfitWorker)
				time.Sleep(3 * time.Second)
				running := []string{}
				if work {
					a := b.give(o, 0)
					b.tell(o.pid, &sent{tag: a.BatchID})
					running = append(running, a.BatchID)
				}
				for range 4 {
					b.hear(beatOf("w", 1, 0, running...))
					time.Sleep(3 * time.Second)
				}
				if work {
					require.Contains(t, b.kinds(), messages.ProblemUnfitWorker)
					return
				}
				require.Empty(t, b.kinds())
				require.Equal(t, messages.WorkerFree, b.status("w").State)
				require.NotEmpty(t, b.status("w").Note)
				b.give(o, 0)
				require.Equal(t, messages.WorkerBusy, b.status("w").State)
				require.Empty(t, b.kinds())
				pause()
				require.Contains(t, b.kinds(), messages.ProblemUnfitWorker)
			})
		})
	}
}
