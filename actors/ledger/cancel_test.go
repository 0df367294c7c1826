package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// cancelled returns a ledger with a file of six chunks that was cancelled: one is done, two
// are at workers, one has failed and waits, one is cut and one is not.
func cancelled(t *testing.T) (l *Ledger, store *stored, sent []Assignment, now time.Time) {
	t.Helper()
	now, store = time.Unix(1e9, 0), newStored()
	l = testLedger(3, now, "w", "x")
	require.NoError(t, l.Files().Open(testFile(1, 6), now))
	for n := range 5 {
		l.plan(1, n, now)
	}
	for range 4 {
		a, ok := l.pick("w", false, now)
		require.True(t, ok)
		sent = append(sent, a)
	}
	require.Equal(t, VerdictDone, l.verdict(progress("w", sent[0].BatchID, 2, 2), now))
	l.Attempts().Judge(failure("w", sent[3], "bad"), now)
	store.apply(l.Flush().Batch)
	before, after, err := l.Files().Cancel(1, "cancelled by api", now)
	require.NoError(t, err)
	require.Equal(t, messages.FileRunning, before.State)
	require.Equal(t, 2, before.Ready)
	require.Equal(t, messages.FileCancelled, after.State)
	require.Equal(t, []int64{8, 2, 0, 2, 20}, []int64{after.Items, after.DoneItems, after.DeadItems, after.CancelledItems, after.CancelledBytes})
	require.Equal(t, [2]int{0, 2}, [2]int{after.Ready, after.Running})
	store.apply(l.Flush().Batch)
	return l, store, sent, now
}

// Of a cancelled file nothing is handed out any more, what is at workers counts when it ends,
// and every item is accounted for. A restart changes nothing of that.
func TestCancelledFileAddsUp(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"no restart": false, "with a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, store, sent, now := cancelled(t)
			if restart {
				l = New(Rules{MaxAttempts: 3}, store.snapshot(), Sent{}, now)
				l.know(now, "w", "x")
			}
			now = now.Add(time.Hour)
			_, ok := l.pick("x", false, now)
			require.False(t, ok)
			require.False(t, l.ready(now))
			l.plan(1, 4, now)
			require.Equal(t, VerdictRepeat, l.verdict(progress("w", sent[3].BatchID, 2, 2), now), "its item is counted as cancelled")
			require.False(t, l.files[1].HasEnded())
			require.Equal(t, VerdictDone, l.verdict(progress("w", sent[1].BatchID, 2, 2), now))
			require.True(t, l.Attempts().TakeBack("w", sent[2].BatchID, EndLost, "lost", now))
			out := l.Flush()
			store.apply(out.Batch)
			require.Len(t, out.Ended, 1)
			f := out.Ended[0]
			require.Equal(t, messages.FileCancelled, f.State)
			require.Equal(t, "cancelled by api", f.Reason)
			require.Equal(t, []int64{8, 4, 0, 4, 20, 2, 2}, []int64{f.Items, f.DoneItems, f.DeadItems, f.CancelledItems, f.CancelledBytes, f.DoneChunks, f.CancelledChunks})
			require.True(t, f.AddsUp())
			require.False(t, f.Whole())
			require.Empty(t, l.files[1].imbalance())
			require.Equal(t, messages.ChunkCancelled, store.chunks[sent[2].Chunk.ID].State)
			require.Equal(t, messages.ChunkCancelled, store.chunks[sent[3].Chunk.ID].State)
		})
	}
}

// A file that has ended, or of which nothing is handed out anyway, cannot be cancelled.
func TestOnlyFilesInWorkAreCancelled(t *testing.T) {
	t.Parallel()
	l, _, sent, now := cancelled(t)
	refused := func(id messages.FileID, want error) {
		t.Helper()
		_, _, err := l.Files().Cancel(id, "cancelled by api", now)
		require.ErrorIs(t, err, want)
	}
	refused(1, messages.ErrEnded)
	for _, a := range sent[1:3] {
		l.verdict(progress("w", a.BatchID, 2, 2), now)
	}
	require.True(t, l.files[1].HasEnded())
	refused(1, messages.ErrEnded)
	refused(2, messages.ErrNoFile)
	require.NoError(t, l.Files().Open(testFile(3, 2), now))
	l.Files().Fail(3, messages.FileChanged, "rewritten", now)
	refused(3, messages.ErrEnded)
}

// The items of a retry have failed already: a cancelled retry leaves them failed, and a rest
// of blank lines is not counted as cancelled.
func TestCancelledRetryLeavesItsItemsFailed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now, "w")
	f := testFile(1, 1)
	f.Info.Size += 7
	require.NoError(t, l.Files().Open(f, now))
	l.plan(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	l.Files().PlanEnd(1, 7, now)
	x := progress("w", a.BatchID, 2, 2)
	x.FailedItems, x.FailedRanges = 1, []messages.ItemRange{{First: 1, Last: 1}}
	require.Equal(t, VerdictDone, l.verdict(x, now))
	require.Equal(t, 1, l.Letters().Retry([]messages.ChunkID{a.Chunk.ID}, now).Accepted)
	_, after, err := l.Files().Cancel(1, "cancelled by api", now)
	require.NoError(t, err)
	require.True(t, after.HasEnded())
	require.Equal(t, []int64{2, 1, 1, 0, 0}, []int64{after.Items, after.DoneItems, after.FailedItems, after.CancelledItems, after.CancelledBytes})
	require.True(t, after.AddsUp())
	require.True(t, after.Whole())
}
