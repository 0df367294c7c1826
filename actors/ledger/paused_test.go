package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Nothing new of a file is begun while too many of its items are dead or failed; what was
// begun is brought to its end, and other files go on.
func TestFileIsPausedForDeadItems(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(1, now, "w")
	l.rules.MaxDead = messages.DeadLimit{Items: 4}
	for id := range messages.FileID(2) {
		require.NoError(t, l.Files().Open(testFile(id+1, 4), now))
		for n := range 4 {
			l.plan(id+1, n, now)
		}
		l.Files().PlanEnd(id+1, 0, now)
	}
	next := func() (a Assignment, ok bool) {
		now = now.Add(time.Minute)
		return l.pick("w", false, now)
	}
	status := func() messages.FileStatus {
		changed, _ := l.Files().Changed(now)
		return *changed[0]
	}
	var bad []Assignment
	for range 6 { // three of each file, in turns
		a, ok := next()
		require.True(t, ok)
		if a.Chunk.ID.File == 1 {
			bad = append(bad, a)
		}
	}
	l.Attempts().Judge(failure("w", bad[0], "bad"), now)
	require.Zero(t, l.Report(now).Paused)
	l.Attempts().Judge(failure("w", bad[1], "bad"), now)
	require.Equal(t, 1, l.Report(now).Paused)
	require.Equal(t, "f1.txt: 4 of 4 items that were tried are dead or failed, and MAX_DEAD is 4", l.Report(now).FirstPaused)
	require.Equal(t, "4 of 4 items that were tried are dead or failed, and MAX_DEAD is 4", status().Paused)

	a, ok := next()
	require.True(t, ok)
	require.EqualValues(t, 2, a.Chunk.ID.File, "nothing else stops")
	_, ok = next()
	require.False(t, ok)
	require.False(t, l.ready(now))
	require.True(t, l.Attempts().TakeBack("w", bad[2].BatchID, EndReturned, "", now))
	back, ok := next()
	require.True(t, ok, "it was begun")
	require.Equal(t, bad[2].Chunk, back.Chunk)
	require.Equal(t, VerdictDone, l.verdict(progress("w", back.BatchID, 2, 2), now))
	_, ok = next()
	require.False(t, ok)
	require.False(t, l.files[1].HasEnded())

	l.Letters().Discard([]messages.ChunkID{bad[0].Chunk.ID})
	require.Zero(t, l.Report(now).Paused)
	require.Empty(t, status().Paused)
	a, ok = next()
	require.True(t, ok)
	require.Equal(t, messages.ChunkID{File: 1, Index: 3}, a.Chunk.ID)
	require.Equal(t, VerdictDone, l.verdict(progress("w", a.BatchID, 2, 2), now))
	require.True(t, l.files[1].HasEnded())
}

// A file that was cut to its end has nothing to pause, a retry of its chunks neither, and a
// paused file that is left alone is no standstill.
func TestNothingToPause(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(1, now, "w")
	l.rules.MaxDead = messages.DeadLimit{Items: 1}
	require.NoError(t, l.Files().Open(testFile(1, 2), now))
	l.plan(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.False(t, l.Report(now).Idle)
	l.Attempts().Judge(failure("w", a, "bad"), now)
	require.Equal(t, 1, l.Report(now).Paused)
	require.True(t, l.Report(now).Idle)

	l.rules.MaxDead = messages.DeadLimit{}
	l.plan(1, 1, now)
	l.Files().PlanEnd(1, 0, now)
	b, ok := l.pick("w", false, now)
	require.True(t, ok)
	l.Attempts().Judge(failure("w", b, "bad"), now)
	require.True(t, l.files[1].HasEnded())
	l.rules.MaxDead = messages.DeadLimit{Items: 1}
	require.Zero(t, l.Report(now).Paused)
	require.Equal(t, 1, l.Letters().Retry([]messages.ChunkID{a.Chunk.ID}, now).Accepted)
	require.Zero(t, l.Report(now).Paused)
	again, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, a.Chunk, again.Chunk)
}

// A file that is handed out to its end has nothing to pause in the next term either, which has
// nothing to plan of it.
func TestNothingToPauseAfterARestart(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, store := testLedger(1, now, "w"), newStored()
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	l.plan(1, 0, now)
	l.Files().PlanEnd(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	l.Attempts().Judge(failure("w", a, "bad"), now)
	require.True(t, l.files[1].HasEnded())
	require.Equal(t, 1, l.Letters().Retry([]messages.ChunkID{a.Chunk.ID}, now).Accepted)
	l.files[1].FailedItems, l.files[1].Items = 2, 4 // of another chunk
	l.files[1].DoneChunks, l.files[1].Cursor.Index = 1, 2
	l.store(l.files[1])
	store.apply(l.Flush().Batch)

	l = New(Rules{MaxAttempts: 1, MaxDead: messages.DeadLimit{Items: 1}}, store.snapshot(), Sent{}, now)
	require.Empty(t, l.losses.files)
	_, _, plans := l.Files().Replan(1)
	require.False(t, plans)
	require.Zero(t, l.Report(now).Paused)
	changed, _ := l.Files().Changed(now)
	require.Empty(t, changed[0].Paused)
}
