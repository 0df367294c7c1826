package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Of two files with one name on the wire the refused one is forgotten while the other is
// in work.
func TestForgottenFileLeavesTheNameToItsOwner(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now)
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	twin := testFile(2, 1)
	twin.Base = "f1"
	require.Error(t, l.Files().Open(twin, now))
	l.Files().Forget(2)
	l.plan(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, VerdictDone, l.verdict(progress("w", a.BatchID, 2, 2), now))
}

func TestDeadChunksAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Time{}
	led := testLedger(1, now)
	require.NoError(t, led.Files().Open(testFile(1, 2), now))
	led.Files().Plan(Cut{Chunk: testCut(1, 0).Chunk, Dead: "item too large"}, now)
	require.Equal(t, messages.Totals{DeadChunks: 1, DeadItems: 2}, led.Report(now).Totals)
}

// Items that fail are counted apart from those that are done, and are no reason to run
// their chunk again.
func TestFailedItemsAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(1, now, "w")
	require.NoError(t, l.Files().Open(testFile(1, 3), now))
	for i, failed := range []int64{0, 1, 2} {
		l.plan(1, i, now)
		a, ok := l.pick("w", false, now)
		require.True(t, ok)
		s := progress("w", a.BatchID, 2, 2)
		s.Outcome, s.FailedItems = messages.OutcomeOK, failed
		require.Equal(t, VerdictDone, l.verdict(s, now))
		require.Equal(t, VerdictRepeat, l.verdict(s, now), "and only once")
	}
	l.Files().PlanEnd(1, 0, now)
	f := l.files[1].File
	require.Equal(t, []int64{3, 3, 3, 0, 0}, []int64{f.DoneChunks, f.DoneItems, f.FailedItems, f.DeadItems, f.Missing()})
	require.Equal(t, messages.Totals{DoneChunks: 3, DoneItems: 3, FailedItems: 3}, l.Report(now).Totals)
	require.Equal(t, messages.FileDoneWithRejects, f.State)
	require.True(t, f.AddsUp())
}

// An attempt that was taken back may still end the chunk; what it says of its items
// counts then.
func TestFailedItemsOfALateResult(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now, "w", "v")
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	l.plan(1, 0, now)
	l.Files().PlanEnd(1, 0, now)
	late, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.True(t, l.Attempts().TakeBack("w", late.BatchID, EndReturned, "", now))
	s := progress("w", late.BatchID, 2, 2)
	s.Outcome, s.FailedItems = messages.OutcomeOK, 1
	require.Equal(t, VerdictLate, l.verdict(s, now))
	s.Worker, s.FailedItems = "v", 2
	require.Equal(t, VerdictRepeat, l.verdict(s, now))
	require.Equal(t, []int64{1, 1}, []int64{l.files[1].DoneItems, l.files[1].FailedItems})
}

// What Changed returns, and costs, is what changed, not what is remembered.
func TestChangesCostWhatChanged(t *testing.T) {
	now := time.Unix(1000, 0)
	var snap messages.Snapshot
	for id := range messages.FileID(20_000) {
		f := testFile(id+1, 0)
		f.State, f.Ended = messages.FileDone, now
		snap.Files = append(snap.Files, &f)
	}
	led := New(Rules{MaxAttempts: 1}, snap, Sent{}, now)
	changed, _ := led.Files().Changed(now)
	require.Len(t, changed, 20_000, "the first call returns everything")
	changed, _ = led.Files().Changed(now)
	require.Empty(t, changed)
	require.NoError(t, led.Files().Open(testFile(30_000, 2), now))
	led.Files().Forget(7)
	changed, forgotten := led.Files().Changed(now)
	require.Len(t, changed, 1)
	require.Equal(t, []messages.FileID{7}, forgotten)
	require.Less(t, testing.AllocsPerRun(10, func() { led.Files().Changed(now) }), 20.0)
}
