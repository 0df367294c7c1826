package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// TestQueueAgainstAList compares the queue with a plain list that is searched.
func TestQueueAgainstAList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q, now := newQueue(), time.Unix(1e9, 0)
		in := map[*entry]bool{}
		for n := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				e := &entry{notUntil: now.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "after")) * time.Second), retries: rapid.IntRange(0, 1).Draw(t, "retries")}
				e.Offset = int64(n)
				q.put(e, now)
				in[e] = true
			case 1:
				for e := range in {
					q.drop(e)
					delete(in, e)
					require.Nil(t, e.in)
					break
				}
			case 2:
				now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "wait")) * time.Second)
			case 3:
				q.wake(now)
				var want *entry
				for e := range in {
					if !now.Before(e.notUntil) && (want == nil || e.Offset < want.Offset) {
						want = e
					}
				}
				require.Same(t, want, q.next("w", true, now))
				delete(in, want)
			}
			retried := 0
			for e := range in {
				retried += e.retries
			}
			require.Equal(t, len(in), q.len())
			require.Equal(t, retried, q.retried)
		}
	})
}

// tired is a ledger with a file of n chunks, each of which w put off.
func tired(t testing.TB, n int, now time.Time) *Ledger {
	l := testLedger(5, now, "w", "v")
	require.NoError(t, l.Files().Open(testFile(1, n), now))
	for i := range n {
		l.plan(1, i, now)
	}
	for {
		a, ok := l.pick("w", false, now)
		if !ok {
			return l
		}
		require.True(t, l.Attempts().TakeBack("w", a.BatchID, EndRetry, "", now))
	}
}

func TestRetryDoesNotHandOutTheWholeFile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := tired(t, 1000, now)
	require.Len(t, l.files[1].entries, maxRetried)
	require.False(t, l.ready(now), "nothing is looked at before its time")
	now = now.Add(retryMin)
	require.True(t, l.ready(now))
	_, ok := l.pick("w", false, now)
	require.False(t, ok, "another worker may have better luck")
	a, ok := l.pick("v", false, now)
	require.True(t, ok)
	require.Equal(t, 0, a.Chunk.ID.Index)
	require.Equal(t, VerdictDone, l.verdict(progress("v", a.BatchID, 2, 2), now))
	now = now.Add(otherFirst)
	for range maxRetried - 1 {
		a, ok = l.pick("w", false, now)
		require.True(t, ok)
		require.Equal(t, VerdictDone, l.verdict(progress("w", a.BatchID, 2, 2), now))
	}
	a, ok = l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, maxRetried, a.Chunk.ID.Index, "new chunks again")
}

// A chunk that one worker failed is held back once, not tried at every other worker.
func TestHeldBackChunkDoesNotTryEveryWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now)
	require.NoError(t, l.Files().Open(testFile(1, 2), now))
	l.plan(1, 0, now)
	for i := range 100 {
		l.Workers().Offer(Offer{Worker: messages.WorkerID(fmt.Sprint("w", i)), UpTo: 1, Ahead: 1}, now)
	}
	a := l.Workers().Match(now)
	require.Len(t, a, 1)
	require.Len(t, l.offers.free, 99)
	require.True(t, l.Attempts().TakeBack("w0", a[0].BatchID, EndFailed, "", now))
	require.Empty(t, l.Workers().Match(now))
	require.Equal(t, messages.WorkerID("w1"), l.offers.free[0].Worker, "held back: no worker was asked")
	require.Len(t, l.offers.free, 99)
	require.Len(t, l.Workers().Match(now.Add(retryMin)), 1)
	require.Len(t, l.offers.free, 98)
}

// A chunk that takes its worker and the master down before it shows any progress is dead
// in the end, although no ledger sees more than one of its hand-outs.
func TestPoisonDiesOverRestarts(t *testing.T) {
	t.Parallel()
	now, store := time.Unix(1e9, 0), newStored()
	l := testLedger(5, now)
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	l.plan(1, 0, now)
	l.Files().PlanEnd(1, 0, now)
	handouts := 0
	for l.files[1].DeadChunks == 0 {
		handouts++
		require.LessOrEqual(t, handouts, outerBound*5)
		now = now.Add(time.Hour)
		_, ok := l.pick("w", false, now)
		require.True(t, ok)
		b := l.Flush().Batch
		store.apply(b)
		l = New(Rules{MaxAttempts: 5}, store.snapshot(), Sent{}, now)
		l.know(now, "w", "v")
		require.Equal(t, 1, l.Workers().Lost("w", EndLost, "it was started again", now))
		b = l.Flush().Batch
		store.apply(b)
	}
	require.Equal(t, outerBound*5, handouts)
}

// A chunk that waits behind another one at its worker never began, so it is not blamed,
// also when the master restarts in between.
func TestHealthyChunkOutlivesThePoisonBeforeIt(t *testing.T) {
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		now, store := time.Unix(1e9, 0), newStored()
		l := testLedger(5, now, "w0", "w1")
		require.NoError(t, l.Files().Open(testFile(1, 2), now))
		l.plan(1, 0, now)
		l.plan(1, 1, now)
		for n := range 30 {
			w := messages.WorkerID(fmt.Sprint("w", n%2))
			now = now.Add(time.Minute)
			l.pick(w, false, now)
			l.pick(w, n < outerBound*5, now) // behind the first, as long as it lives
			if restarts {
				b := l.Flush().Batch
				store.apply(b)
				snap := store.snapshot()
				snap.Workers = []messages.Worker{{ID: w, Capacity: 1}}
				l = New(Rules{MaxAttempts: 5}, snap, Sent{}, now)
				l.know(now, "w0", "w1")
			}
			l.Workers().Lost(w, EndLost, "it was started again", now)
			require.LessOrEqual(t, l.files[1].DeadChunks, int64(1))
		}
		require.EqualValues(t, 1, l.files[1].DeadChunks)
		require.Equal(t, messages.ChunkDead, l.files[1].entries[chunkNo(0)].State)
		require.NotNil(t, l.files[1].entries[chunkNo(1)])
	}
}

// A chunk that waited takes the slot of the one before it when that ended. From then on
// its hand-outs count.
func TestWhatMovedUpIsBlamed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now, "w", "v")
	require.NoError(t, l.Files().Open(testFile(1, 3), now))
	for i := range 3 {
		l.plan(1, i, now)
	}
	first, _ := l.pick("w", false, now)
	l.pick("w", true, now)
	l.pick("w", true, now)
	require.Equal(t, VerdictDone, l.verdict(progress("w", first.BatchID, 2, 2), now))
	l.Workers().Lost("w", EndLost, "", now)
	require.Equal(t, 1, l.files[1].entries[chunkNo(1)].Handouts)
	require.Zero(t, l.files[1].entries[chunkNo(2)].Handouts)
	require.Empty(t, l.ahead)
	require.Empty(t, l.held)
}

// The store holds how chunks were handed out, not how they moved up afterwards. As many
// as fit the worker's slots are blamed.
func TestRestoredQueueMovesUp(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	var snap messages.Snapshot
	f := testFile(1, 3)
	f.Cursor, f.Items = messages.Cursor{Index: 3, Offset: 30, Line: 7}, 6
	snap.Files = []*messages.File{&f}
	for i := range 3 {
		snap.Chunks = append(snap.Chunks, messages.OpenChunk{Chunk: testCut(1, i).Chunk, State: messages.ChunkAssigned, Worker: "w", Attempt: 1, Ahead: true})
	}
	snap.Workers = []messages.Worker{{ID: "w", Capacity: 2}}
	l := New(Rules{MaxAttempts: 5}, snap, Sent{}, now)
	l.Workers().Lost("w", EndLost, "", now)
	for i, want := range []int{1, 1, 0} {
		require.Equal(t, want, l.files[1].entries[chunkNo(i)].Handouts, i)
	}
}

// BenchmarkManyHeldBack hands out and takes back one chunk while many others wait.
func BenchmarkManyHeldBack(b *testing.B) {
	for _, n := range []int{1000, 30_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now := time.Unix(1e9, 0)
			l := testLedger(1<<30, now)
			for i := range n {
				l.know(now, messages.WorkerID(fmt.Sprint("v", i)))
			}
			if err := l.Files().Open(testFile(1, n+1), now); err != nil {
				b.Fatal(err)
			}
			for i := range n {
				l.plan(1, i, now)
				a, _ := l.pick("w", false, now)
				l.Attempts().TakeBack("w", a.BatchID, EndRetry, "", now)
				l.Flush()
			}
			l.plan(1, n, now)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Minute)
				a, _ := l.pick("w", false, now)
				l.Attempts().TakeBack("w", a.BatchID, EndReturned, "", now)
				l.Flush()
			}
		})
	}
}

// With one attempt for each chunk, a chunk that is given back unbegun while workers are
// restarted one after the other is not dead. A chunk that never gets further is, in time.
func TestRollingRestartKillsNoChunk(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(1, now, "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7")
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	l.plan(1, 0, now)
	for n := range leastHandouts {
		require.Zero(t, l.files[1].DeadChunks, "after %d", n)
		now = now.Add(time.Minute)
		w := messages.WorkerID(fmt.Sprint("w", n))
		_, ok := l.pick(w, false, now)
		require.True(t, ok)
		l.Workers().Lost(w, EndReturned, "the worker left", now)
	}
	require.EqualValues(t, 1, l.files[1].DeadChunks)
}

// What waits does so since it could be handed out: since it was cut, or since it is not held
// back any more. A file that is paused waits for no worker.
func TestReadySince(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now, "w", "v")
	require.Zero(t, l.ReadySince(now))
	require.NoError(t, l.Files().Open(testFile(1, 3), now))
	l.plan(1, 0, now)
	l.plan(1, 1, now.Add(5*time.Second))
	require.Equal(t, now, l.ReadySince(now.Add(8*time.Second)))
	a, _ := l.pick("w", false, now.Add(8*time.Second))
	require.Equal(t, now.Add(5*time.Second), l.ReadySince(now.Add(8*time.Second)))
	_, _ = l.pick("w", false, now.Add(8*time.Second))
	require.Zero(t, l.ReadySince(now.Add(20*time.Second)), "all is at workers")
	now = now.Add(20 * time.Second)
	require.True(t, l.Attempts().TakeBack("w", a.BatchID, EndFailed, "bad", now))
	require.Zero(t, l.ReadySince(now), "it is held back")
	require.Equal(t, now.Add(retryMin), l.ReadySince(now.Add(retryMin+time.Second)))

	_, _ = l.pick("v", false, now.Add(retryMin))
	l.plan(1, 2, now)
	require.Equal(t, now, l.ReadySince(now.Add(time.Hour)))
	l.rules.MaxDead = messages.DeadLimit{Items: 1}
	l.files[1].DeadItems = 1
	require.Zero(t, l.ReadySince(now.Add(time.Hour)))
}
