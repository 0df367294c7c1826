package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

func (w *world) problem(kind messages.ProblemKind) (messages.Problem, bool) {
	for _, p := range w.ask(messages.QueryOverview{Fresh: true}).(messages.Overview).Problems {
		if p.Kind == kind {
			return p, true
		}
	}
	return messages.Problem{}, false
}

func TestShareOfRepeats(t *testing.T) {
	t.Parallel()
	require.False(t, tooManyRepeats(9, 10, false), "too few")
	require.False(t, tooManyRepeats(10, 200, false), "5 %")
	require.True(t, tooManyRepeats(10, 199, false))
	require.True(t, tooManyRepeats(10, 399, true), "it lasts until half of that")
	require.False(t, tooManyRepeats(10, 400, true))
	require.False(t, tooManyRepeats(0, 0, true))

	var r runs
	now := time.Unix(1e9, 0)
	r.recent(5, 100, now)
	again, all := r.recent(8, 130, now.Add(30*time.Second))
	require.Equal(t, []int64{3, 33}, []int64{again, all})
	for range 2 * runsFor {
		now = now.Add(time.Minute)
		again, all = r.recent(8, 130, now)
	}
	require.Zero(t, again+all, "long ago")
}

// The worker's disk is full for some time, so that it gives its chunk back.
func TestProblemOfReturnedChunks(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2)
		for range ledger.ReturnedOften {
			_, shown := w.problem(messages.ProblemReturnedChunk)
			require.False(t, shown)
			m := h.read()
			for ; len(m) == 0; m = h.read() {
				time.Sleep(time.Second)
			}
			h.queue = h.queue[1:]
			w.bus.say("signals", messages.Signal{Incarnation: h.inc, Kind: messages.SignalProgress, Worker: h.id, BatchID: m[0].BatchID, Total: 2, Outcome: messages.OutcomeRetry, Error: "no space left"})
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(2 * tickEvery)
		p, _ := w.problem(messages.ProblemReturnedChunk)
		require.Equal(t, 1, p.Count)
		require.Contains(t, p.Text, "a_chunk_0_a5 at w1: no space left")
		h.work("a.txt")
		time.Sleep(2 * tickEvery)
		_, shown := w.problem(messages.ProblemReturnedChunk)
		require.False(t, shown)
	})
}

// Two processes work as one worker, so that every result comes twice.
func TestProblemOfRepeatedRuns(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2*2*fewRepeats)
		for range fewRepeats {
			h.report(h.finish(messages.OutcomeOK), messages.OutcomeOK)
		}
		time.Sleep(2 * tickEvery)
		p, shown := w.problem(messages.ProblemRepeats)
		require.True(t, shown)
		require.Equal(t, fewRepeats, p.Count)
		require.Contains(t, p.Text, "of worker w1")
		h.work("a.txt")
		time.Sleep((runsFor + 1) * time.Minute)
		_, shown = w.problem(messages.ProblemRepeats)
		require.False(t, shown)
	})
}

// A worker that is alive and does nothing is a problem; one that shows progress in a long
// chunk is none.
func TestProblemOfAStandstill(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		time.Sleep(stalledAfter + time.Minute)
		_, shown := w.problem(messages.ProblemStalled)
		require.False(t, shown, "there is nothing to do")
		w.drop("a.txt", 400)
		w.ask(messages.SetBatchSize{Items: 100})
		h.finish(messages.OutcomeOK)
		h.finish(messages.OutcomeOK)
		m := h.read()[0]
		for n := range 10 {
			time.Sleep(time.Minute)
			w.bus.say("signals", messages.Signal{Incarnation: h.inc, Kind: messages.SignalProgress, Worker: h.id, BatchID: m.BatchID, Processing: int64(n + 1), Total: int64(len(m.Data))})
			_, shown = w.problem(messages.ProblemStalled)
			require.False(t, shown, "minute %d: it goes on", n)
		}
		time.Sleep(stalledAfter + 2*tickEvery)
		p, shown := w.problem(messages.ProblemStalled)
		require.True(t, shown)
		require.Contains(t, p.Text, "with 1 file in work: 2 chunks at workers")
		h.finish(messages.OutcomeOK)
		time.Sleep(2 * tickEvery)
		_, shown = w.problem(messages.ProblemStalled)
		require.False(t, shown)
	})
}
