package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// straggler is a ledger in which one chunk runs at slow and nothing else is left to do.
// The chunks of its file take 100 ms.
func straggler(t *testing.T, now time.Time) (l *Ledger, a Assigned) {
	l, at := slowTail(t, 1, now, "a")
	l.Attempts().Begin("slow", at[0].BatchID, now)
	for range backupKnown {
		l.files[1].tempo.add(100 * time.Millisecond)
	}
	return l, at[0]
}

func TestBackupAttemptOfASlowChunk(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"the idle worker is first": "a", "the slow one is first": "slow"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			l, old := straggler(t, now)
			require.Empty(t, l.Workers().Backup(now.Add(backupAfter)))
			now = now.Add(2 * backupAfter)
			l.Flush()
			out := l.Workers().Backup(now)
			require.Len(t, out, 1)
			require.Equal(t, 2, out[0].Attempt)
			require.EqualValues(t, "a", out[0].Worker)
			batch := l.Flush().Batch
			require.Equal(t, outcomeBackup, batch.Journal[0].Outcome)
			require.Equal(t, 2, batch.Chunks[0].Attempt)
			require.Zero(t, batch.Chunks[0].Failures+batch.Chunks[0].Handouts)
			require.Empty(t, l.Workers().Match(now), "the idle worker is not idle any more")
			if first == "a" {
				require.Equal(t, VerdictDone, l.verdict(progress("a", out[0].BatchID, 2, 2), now))
				require.Equal(t, VerdictRepeat, l.verdict(progress("slow", old.BatchID, 2, 2), now))
			} else {
				require.Equal(t, VerdictLate, l.verdict(progress("slow", old.BatchID, 2, 2), now))
				require.Equal(t, VerdictRepeat, l.verdict(progress("a", out[0].BatchID, 2, 2), now))
			}
			require.Zero(t, l.Report(now).Repeats, "the other result was to be expected")
			l.verdict(progress("a", out[0].BatchID, 2, 2), now)
			require.Equal(t, int64(1), l.Report(now).Repeats)
			require.Equal(t, int64(1), l.files[1].DoneChunks)
			require.Len(t, l.Flush().Ended, 1)
		})
	}
}

// The worker of the former attempt hangs, and its slot stays taken.
func TestFormerAttemptWithoutProgressIsShown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *Ledger, batchID string, now time.Time){
		"result": func(l *Ledger, batchID string, now time.Time) { l.verdict(progress("slow", batchID, 2, 2), now) },
		"taken back": func(l *Ledger, batchID string, now time.Time) {
			l.Attempts().TakeBack("slow", batchID, EndSilent, "", now)
		},
		"lost": func(l *Ledger, _ string, now time.Time) { l.Workers().Lost("slow", EndLost, "", now) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Unix(1e9, 0)
			l, old := straggler(t, began)
			now := began.Add(2 * backupAfter)
			out := l.Workers().Backup(now)
			require.Len(t, out, 1)
			require.Equal(t, VerdictDone, l.verdict(progress("a", out[0].BatchID, 2, 2), now))
			now = began.Add(2 * quietLong)
			l.Attempts().Quiet("slow", old.BatchID, began)
			long := l.Report(now).Stalled.Long
			require.Len(t, long, 1)
			require.Equal(t, old.BatchID, long[0].BatchID)
			require.Equal(t, messages.WorkerID("slow"), long[0].Worker)
			require.Equal(t, began, long[0].Since)
			end(l, old.BatchID, now)
			require.Zero(t, l.Report(now).Stalled)
		})
	}
}

func TestAttemptBehindALateResultIsShown(t *testing.T) {
	t.Parallel()
	began := time.Unix(1e9, 0)
	l, old := straggler(t, began)
	now := began.Add(2 * backupAfter)
	out := l.Workers().Backup(now)
	require.Len(t, out, 1)
	require.Equal(t, VerdictLate, l.verdict(progress("slow", old.BatchID, 2, 2), now))
	l.Attempts().Quiet("slow", old.BatchID, began)
	require.Zero(t, l.Report(began.Add(2*quietLong)).Stalled)
	l.Attempts().Quiet("a", out[0].BatchID, now)
	require.Equal(t, out[0].BatchID, l.Report(now.Add(2 * quietLong)).Stalled.Long[0].BatchID)
}

func TestNoBackupAttemptWithoutNeed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *Ledger, now time.Time){
		"no idle worker": func(l *Ledger, _ time.Time) { l.Workers().Withdraw("a", 0) },
		"chunks are left to hand out": func(l *Ledger, now time.Time) {
			require.NoError(t, l.Files().Open(testFile(2, 1), now))
			l.plan(2, 0, now)
		},
		"the idle worker takes no part": func(l *Ledger, _ time.Time) { l.offers.of["a"].Backup = false },
		"the slow worker takes no part": func(l *Ledger, _ time.Time) { l.offers.of["slow"].Backup = false },
		"the idle worker is slower":     func(l *Ledger, _ time.Time) { l.recalls.speeds["a"] = &speed{each: time.Hour} },
		"the file's chunks take long": func(l *Ledger, _ time.Time) {
			l.files[1].tempo = tempo{n: 3, took: []time.Duration{time.Hour, time.Hour, time.Hour}}
		},
		"little is known of the file": func(l *Ledger, _ time.Time) { l.files[1].tempo.n = backupKnown - 1 },
		"it had one":                  func(l *Ledger, _ time.Time) { l.files[1].entries[chunkNo(0)].backedUp = true },
		"the idle worker holds as many as it may": func(l *Ledger, _ time.Time) {
			l.held["a"] = map[messages.ChunkID]*entry{{File: 1, Index: 9}: {}}
		},
		"one more failure ends it": func(l *Ledger, _ time.Time) { l.files[1].entries[chunkNo(0)].Failures = l.rules.MaxAttempts - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			l, _ := straggler(t, now)
			now = now.Add(time.Minute)
			change(l, now)
			require.Empty(t, l.Workers().Backup(now))
		})
	}
}
