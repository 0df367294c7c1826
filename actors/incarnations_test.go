package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// Whoever does not know the incarnation of a native worker's process can neither end
// its chunks, nor send it away, nor take its place as a classic worker.
func TestForgedMessagesOfANativeWorkerAreRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 4)
		held := h.read()
		require.Len(t, held, 2)
		for _, m := range held {
			w.bus.say("signals", progress("w1", m.BatchID, 2, 2))
			w.bus.say("signals", progressOf("w1", time.Now().UnixMilli()+1000, m.BatchID, 2, 2))
			s := progress("w1", m.BatchID, 0, 2)
			s.Outcome = messages.OutcomeFailed
			w.bus.say("signals", s)
		}
		for _, k := range []messages.SignalKind{messages.SignalBye, messages.SignalDraining, messages.SignalAnnounce} {
			w.bus.say("connections", messages.Signal{Kind: k, Worker: "w1", Partitions: []int32{2}})
		}
		time.Sleep(time.Second)
		f := w.file("a.txt")
		require.Zero(t, f.DoneItems)
		require.Equal(t, 2, f.Running)
		require.Equal(t, messages.WorkerBusy, w.worker("w1").State)
		p := w.overview().Problems
		require.Len(t, p, 1)
		require.Equal(t, messages.ProblemBadMessages, p[0].Kind)
		require.Equal(t, 9, p[0].Count)
		h.work("a.txt")
		require.Zero(t, w.file("a.txt").DeadItems)
		time.Sleep(2 * sweepEvery)
		require.Empty(t, w.overview().Problems)
	})
}

// Two processes under one id: the one that started last gets the chunks, which are
// addressed to it; the other one is shown for as long as it runs.
func TestTwoProcessesUnderOneNativeId(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		require.Len(t, a.read(), 2)
		first := a.queue[0]
		require.Equal(t, a.inc.String(), first.Incarnation)
		time.Sleep(time.Second)
		b := w.startWorker("w1", 0)
		time.Sleep(20 * time.Second) // both send heartbeats
		p := w.overview().Problems
		require.Len(t, p, 1)
		require.Equal(t, messages.ProblemDuplicateID, p[0].Kind)
		require.Contains(t, p[0].Text, "w1")
		require.NotEmpty(t, w.worker("w1").Note)
		a.report(first, messages.OutcomeOK)
		require.Equal(t, int64(2), w.file("a.txt").DoneItems, "what the former one was given and did counts")
		for range 30 {
			for _, m := range b.read() {
				require.Equal(t, b.inc.String(), m.Incarnation)
			}
			if len(b.queue) > 0 {
				b.finish(messages.OutcomeOK)
			}
		}
		for _, m := range a.read()[2:] {
			require.NotEqual(t, a.inc.String(), m.Incarnation, "the former one is sent nothing more")
		}
		a.kill()
		time.Sleep(slots.LostAfter + time.Second)
		require.Empty(t, w.overview().Problems)
		b.work("a.txt")
		require.Equal(t, int64(40), w.file("a.txt").DoneItems)
	})
}

// A worker that is started again is no second process, however quickly, and whatever
// of its former process is read after that.
func TestARestartIsNoSecondProcess(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		for start := int64(2); start < 6; start++ {
			b.hear(announce("w", 3, start))
			b.hear(beatOf("w", start-1, 0)) // was on its way
			time.Sleep(time.Second)
			require.NotContains(t, b.kinds(), messages.ProblemDuplicateID)
		}
		for i := range 5 { // read again by a new leader
			time.Sleep(3 * time.Second)
			s := beatOf("w", 4, int64(i))
			s.Old = true
			b.hear(beatOf("w", 5, 0), s)
			require.NotContains(t, b.kinds(), messages.ProblemDuplicateID)
		}
		b.hear(beatOf("w", 4, 0))
		require.Contains(t, b.kinds(), messages.ProblemDuplicateID, fmt.Sprint(b.problems()))
		time.Sleep(3 * time.Second)
		b.hear(beatOf("w", 5, 0))
	})
}

// A classic worker's chunk names no process.
func TestClassicChunksAreAddressedByIdAlone(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 1))
		b.tell(b.fleet, gateOpen([]int32{1}))
		b.give(expect[*offer](b.dispatcher), 0)
		require.NotContains(t, string(expect[*send](b.egress).record.Value), "incarnation")
	})
}
