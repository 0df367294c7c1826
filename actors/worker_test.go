package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

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

// The memory of a chunk's text is used again once its message is made, and the message does
// not share it.
func TestMemoryOfATextIsFreeOnceItsMessageIsMade(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		text := append(make([]byte, 0, minBuffer), "a\nb\n"...)
		a := ledger.Assignment{Chunk: testCut(1, 0).Chunk, Worker: "w", Attempt: 1, Text: text, BatchID: "f1_chunk_0", Generation: 1}
		b.tell(o.pid, &assigned{Assignment: a, epoch: o.Epoch})
		require.NotEqual(t, "a\nb\n", string(text))
		m, err := messages.DecodeChunk(expect[*send](b.egress).record.Value)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, m.Data)
	})
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
		j := expect[*judge](b.dispatcher)
		expectNone[*begun](b.dispatcher)
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
		time.Sleep(3 * time.Second)
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
		require.Equal(t, "f1_chunk_0", b.status("w").Held[0].BatchID)
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

// A heartbeat that shows no more than the one before it, of a worker without chunks, is not passed on.
func TestHeartbeatOfAnIdleWorkerIsPassedOnOnce(t *testing.T) {
	t.Parallel()
	s := &supervisor{}
	require.True(t, s.eventful(beatOf("w", 1, 5)), "the first one shows where it reads")
	require.False(t, s.eventful(beatOf("w", 1, 5)))
	require.True(t, s.eventful(beatOf("w", 1, 6)), "it has read something")
	require.True(t, s.eventful(beatOf("w", 1, 6, "a")))
	require.True(t, s.eventful(beatOf("w", 1, 6)), "it lists nothing any more")
	require.False(t, s.eventful(beatOf("w", 1, 6)))
	s.load.Held = []messages.HeldChunk{{BatchID: "b"}}
	require.True(t, s.eventful(beatOf("w", 1, 6)), "it should list what it was given")
}
