package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// slowTail is a ledger whose file of n chunks is cut to its end. The worker slow holds as
// many chunks as it takes; the workers that are idle offer one slot each.
func slowTail(t *testing.T, n int, now time.Time, idle ...messages.WorkerID) (*Ledger, []Assigned) {
	l := testLedger(3, now)
	require.NoError(t, l.Files().Open(testFile(1, n), now))
	l.Workers().Offer(Offer{Worker: "slow", UpTo: 1, Ahead: n, Depth: n - 1, Limit: n, Refill: true, Recalls: true, Backup: true}, now)
	for i := range n {
		l.plan(1, i, now)
	}
	at := l.Workers().Match(now)
	require.Len(t, at, n)
	l.Files().PlanEnd(1, 0, now)
	for _, w := range idle {
		l.Workers().Offer(Offer{Worker: w, UpTo: 1, Ahead: 1, Depth: 0, Limit: 1, Refill: true, Recalls: true, Backup: true}, now)
	}
	return l, at
}

// recalled is the answer of a worker to a recall.
func recalled(w messages.WorkerID, batchID string) Result {
	s := progress(w, batchID, 0, 2)
	s.Outcome, s.Error = messages.OutcomeRetry, messages.TextRecalled
	return Result{Signal: s, Refill: true}
}

func TestRecalledChunkGoesToTheIdleWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 4, now, "a", "b")
	now = now.Add(10 * time.Millisecond)
	require.Empty(t, l.Workers().Recall(now), "it may begin soon")
	now = now.Add(time.Second)
	require.Equal(t, []Recall{{"slow", []string{at[3].BatchID, at[2].BatchID}}}, l.Workers().Recall(now), "one for each idle worker, the last ones first")
	now = now.Add(time.Second)
	require.Empty(t, l.Workers().Recall(now), "they are on their way")
	j := l.Attempts().Judge(recalled("slow", at[3].BatchID), now)
	require.Equal(t, Judgement{Verdict: VerdictRecalled, Credited: true}, j)
	e := l.files[1].entries[chunkNo(3)]
	require.Zero(t, e.Failures+e.Handouts+e.retries+e.returned)
	require.Equal(t, "recalled", l.Flush().Batch.Journal[0].Outcome)
	next := l.Workers().Match(now)
	require.Len(t, next, 1)
	require.Equal(t, messages.WorkerID("a"), next[0].Worker)
	require.Equal(t, 2, next[0].Attempt)
	require.Empty(t, l.Workers().Recall(now), "the other one is still on its way")
	require.Equal(t, VerdictDone, l.verdict(progress("a", next[0].BatchID, 2, 2), now))
}

// A person who takes back everything that a worker has does not make it one that gives back
// whatever it gets.
func TestWorkerIsNotPausedForWhatAPersonRecalled(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, retriedInARow+1, now)
	for _, a := range at {
		r := recalled("slow", a.BatchID)
		r.Error = messages.TextStopped
		require.Equal(t, Judgement{Verdict: VerdictRetry, Credited: true}, l.Attempts().Judge(r, now))
	}
	require.NotEmpty(t, l.Workers().Match(now.Add(retryMin)))
}

// The last chunk of a file goes in turn to all free workers, however slow one of them was: a
// worker that fails it quickly must not be the only one that ever gets it.
func TestLastChunkGoesToEveryFreeWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now)
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	l.plan(1, 0, now)
	l.Files().PlanEnd(1, 0, now)
	for _, w := range []messages.WorkerID{"quick", "slow"} {
		l.Workers().Offer(Offer{Worker: w, UpTo: 1, Ahead: 1, Limit: 1, Refill: true, Recalls: true}, now)
	}
	l.recalls.speeds["quick"] = &speed{each: 100 * time.Millisecond}
	l.recalls.speeds["slow"] = &speed{each: 6 * time.Second}
	next := l.Workers().Match(now)
	require.Len(t, next, 1)
	first := next[0].Worker
	bad := failure(first, next[0].Assignment, "no")
	bad.Refill = true
	require.True(t, l.Attempts().Judge(bad, now).Credited)
	now = now.Add(time.Minute)
	l.Tick(now)
	next = l.Workers().Match(now)
	require.Len(t, next, 1)
	require.NotEqual(t, first, next[0].Worker)
}

func TestRecallOfAChunkThatHasBegunChangesNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 2, now, "a")
	now = now.Add(time.Second)
	require.Len(t, l.Workers().Recall(now), 1)
	l.Attempts().Begin("slow", at[1].BatchID, now)
	require.Empty(t, l.Workers().Recall(now.Add(time.Hour)), "it is not asked for again")
	require.Equal(t, VerdictDone, l.verdict(progress("slow", at[1].BatchID, 2, 2), now))
	require.Zero(t, l.files[1].entries[chunkNo(0)].Attempt-1)
}

// A worker that runs a chunk which it gave back, or gives back one unasked, gains nothing.
func TestOneRunOfARecalledChunkCounts(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 3, now, "a")
	now = now.Add(time.Second)
	require.Equal(t, VerdictRetry, l.verdict(recalled("slow", at[1].BatchID).Signal, now), "nobody asked for it")
	require.False(t, l.ready(now), "it has to wait")
	require.Len(t, l.Workers().Recall(now), 1)
	require.Equal(t, VerdictRecalled, l.verdict(recalled("slow", at[2].BatchID).Signal, now))
	require.Len(t, l.Workers().Match(now), 1)
	require.Equal(t, VerdictLate, l.verdict(progress("slow", at[2].BatchID, 2, 2), now))
	require.Equal(t, VerdictRepeat, l.verdict(progress("a", messages.ChunkName{Base: "f1", Index: 2}.BatchID(2), 2, 2), now))
	require.Equal(t, int64(1), l.files[1].DoneChunks)
}

// A former leader asked, and its successor reads the answer.
func TestRecallIsAnsweredInTheNextTerm(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 2, now, "a")
	now = now.Add(time.Second)
	require.Len(t, l.Workers().Recall(now), 1)
	snap := messages.Snapshot{
		Files:   []*messages.File{l.files[1].File},
		Chunks:  []messages.OpenChunk{l.files[1].entries[chunkNo(0)].OpenChunk, l.files[1].entries[chunkNo(1)].OpenChunk},
		Workers: []messages.Worker{{ID: "slow", Capacity: 1}},
	}
	next := New(Rules{MaxAttempts: 3}, snap, Sent{}, now)
	require.Equal(t, Judgement{Verdict: VerdictRecalled}, next.Attempts().Judge(Result{Signal: recalled("slow", at[1].BatchID).Signal}, now))
	e := next.files[1].entries[chunkNo(1)]
	require.Zero(t, e.Failures+e.Handouts+e.retries+e.returned)
	require.True(t, next.ready(now))
}

func TestLostRecallIsRepeatedSomeTimes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, _ := slowTail(t, 2, now, "a")
	n := 0
	for range 100 {
		now = now.Add(time.Second)
		n += len(l.Workers().Recall(now))
	}
	require.Equal(t, maxRecalls, n)
}

func TestNothingIsRecalledWithoutNeed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *Ledger, now time.Time){
		"no idle worker": func(l *Ledger, _ time.Time) { l.Workers().Withdraw("a", 0) },
		"chunks are left to hand out": func(l *Ledger, now time.Time) {
			require.NoError(t, l.Files().Open(testFile(2, 1), now))
			l.plan(2, 0, now)
		},
		"more is cut at once": func(l *Ledger, now time.Time) {
			require.NoError(t, l.Files().Open(testFile(2, 1), now))
			l.recalls.handedAt = now
		},
		"a worker that knows no recalls": func(l *Ledger, _ time.Time) { l.offers.of["slow"].Recalls = false },
		"the idle worker is slower":      func(l *Ledger, _ time.Time) { l.recalls.speeds["a"] = &speed{each: time.Hour} },
		"the queue ends soon": func(l *Ledger, now time.Time) {
			l.recalls.speeds["slow"] = &speed{each: time.Millisecond, since: now}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			l, _ := slowTail(t, 3, now, "a")
			now = now.Add(2 * time.Second)
			change(l, now)
			require.Empty(t, l.Workers().Recall(now))
		})
	}
	t.Run("nor is anything kept when more is cut and does not come", func(t *testing.T) {
		t.Parallel()
		now := time.Unix(1e9, 0)
		l, _ := slowTail(t, 3, now, "a")
		require.NoError(t, l.Files().Open(testFile(2, 1), now))
		require.Len(t, l.Workers().Recall(now.Add(starvedAfter)), 1)
	})
}

// The worker whose queue takes longest by its pace gives chunks back first.
func TestTheSlowestQueueIsRecalledFirst(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now)
	require.NoError(t, l.Files().Open(testFile(1, 7), now))
	for w, n := range map[messages.WorkerID]int{"slow": 2, "quick": 5} {
		l.Workers().Offer(Offer{Worker: w, UpTo: 1, Ahead: n, Depth: n - 1, Recalls: true}, now)
	}
	for i := range 7 {
		l.plan(1, i, now)
	}
	require.Len(t, l.Workers().Match(now), 7)
	l.Files().PlanEnd(1, 0, now)
	now = now.Add(10 * time.Second)
	l.recalls.speeds["slow"] = &speed{each: 10 * time.Second, since: now}
	l.recalls.speeds["quick"] = &speed{each: time.Second, since: now}
	for _, w := range []messages.WorkerID{"slow", "quick"} {
		l.Workers().Offer(Offer{Worker: "idle-" + w, UpTo: 1, Ahead: 1}, now)
		r := l.Workers().Recall(now)
		require.Len(t, r, 1)
		require.Equal(t, w, r[0].Worker)
		now = now.Add(time.Millisecond)
	}
}
