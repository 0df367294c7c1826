package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// mixed returns a ledger with a file that has a chunk in each state of the list.
func mixed(t *testing.T) (*Ledger, time.Time) {
	t.Helper()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now, "w", "x")
	require.NoError(t, l.Files().Open(testFile(1, 20), now))
	require.NoError(t, l.Files().Open(testFile(2, 2), now))
	for n := range 8 {
		l.plan(1, n, now)
	}
	l.plan(2, 0, now)
	var sent []Assignment
	for len(sent) < 6 {
		a, ok := l.pick("w", len(sent) == 1, now)
		require.True(t, ok)
		if a.Chunk.ID.File == 1 {
			sent = append(sent, a)
		}
	}
	l.Attempts().Begin("w", sent[0].BatchID, now)
	require.Equal(t, VerdictDone, l.verdict(progress("w", sent[2].BatchID, 2, 2), now))
	l.Attempts().Judge(failure("w", sent[3], "exit status 1"), now)
	require.True(t, l.Attempts().TakeBack("w", sent[4].BatchID, EndReturned, "", now))
	require.True(t, l.Attempts().TakeBack("w", sent[5].BatchID, EndUnsendable, "too large", now))
	return l, now
}

// Every chunk that has not ended is listed with its state and the reason why it does not run.
func TestChunksAreListed(t *testing.T) {
	t.Parallel()
	l, now := mixed(t)
	page, ok := l.Files().Chunks(messages.QueryChunks{File: 1, Limit: 100}, now)
	require.True(t, ok)
	require.Equal(t, 6, page.Total)
	require.False(t, page.More)
	var got []string
	for _, c := range page.List {
		got = append(got, fmt.Sprintf("%s %s %s a%d %s", c.Name, c.State, c.Worker, c.Attempt, c.Why.Reason))
	}
	require.Equal(t, []string{
		"f1_chunk_0 running w a1 ", "f1_chunk_1 queued w a1 queued_behind", "f1_chunk_3 back_off w a1 back_off",
		"f1_chunk_4 ready w a1 no_free_worker", "f1_chunk_6 ready  a0 no_free_worker", "f1_chunk_7 ready  a0 no_free_worker",
	}, got)
	require.Equal(t, "back-off until 2001-09-09T01:46:41Z: exit status 1", page.List[2].Why.Text)
	require.Equal(t, int64(60), page.List[4].Offset)
	_, ok = l.Files().Chunks(messages.QueryChunks{File: 9, Limit: 1}, now)
	require.False(t, ok)
}

// Pages follow one another without a gap, whatever the filter is, and all have the same total.
func TestPagesOfChunks(t *testing.T) {
	t.Parallel()
	l, now := mixed(t)
	for state, want := range map[string]int{"": 6, messages.ListedReady: 3, messages.ListedRunning: 1, messages.ListedQueued: 1, messages.ListedBackOff: 1} {
		whole, _ := l.Files().Chunks(messages.QueryChunks{File: 1, State: state, Limit: 100}, now)
		require.Len(t, whole.List, want, state)
		var all []messages.ChunkStatus
		q := messages.QueryChunks{File: 1, State: state, Limit: 2}
		for {
			page, _ := l.Files().Chunks(q, now)
			require.Equal(t, want, page.Total)
			all = append(all, page.List...)
			if !page.More {
				break
			}
			require.Len(t, page.List, 2)
			q.After = page.List[1].ID
		}
		require.Equal(t, whole.List, all, state)
	}
}

// However many chunks are open, a page costs one look at each.
func TestPageOfManyChunks(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now)
	const n = 20_000
	require.NoError(t, l.Files().Open(testFile(1, n), now))
	for i := range n {
		l.plan(1, i, now)
		_, ok := l.pick("w", false, now)
		require.True(t, ok)
	}
	began := time.Now()
	page, _ := l.Files().Chunks(messages.QueryChunks{File: 1, Limit: 100, After: messages.ChunkID{File: 1, Index: 9999}}, now)
	require.Less(t, time.Since(began), time.Second)
	require.Equal(t, n, page.Total)
	require.True(t, page.More)
	require.Equal(t, 10_000, page.List[0].ID.Index)
	require.Equal(t, 10_099, page.List[99].ID.Index)
}

// What does not run of a file says why, and nothing is said while something runs.
func TestWhyNothingOfAFileRuns(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now)
	why := func() messages.Why {
		l.touched[1] = true
		changed, _ := l.Files().Changed(now)
		return changed[0].Why
	}
	require.NoError(t, l.Files().Open(testFile(1, 3), now))
	require.Equal(t, messages.Why{Reason: messages.WhySettling, Text: "its next lines are being read"}, why())
	l.Files().Unread(1, "permission denied")
	require.Equal(t, messages.WhyUnreadable, why().Reason)
	require.Contains(t, why().Text, "permission denied")
	l.Files().Unread(1, "")
	l.plan(1, 0, now)
	require.Equal(t, messages.WhyNoWorker, why().Reason)
	nobody := messages.Why{Reason: messages.WhyUnfit, Text: "none of 2 workers takes chunks, such as w: no disk"}
	l.Workers().Nobody(nobody, "w")
	require.Equal(t, nobody, why())
	l.Workers().Nobody(messages.Why{}, "")
	l.know(now, "w", "x")
	require.Equal(t, messages.Why{Reason: messages.WhyNoFreeWorker, Text: "no free worker: 2 workers busy with enough chunks"}, why())
	l.UseDispatch(messages.Dispatch{MaxItemsPerS: 2}, now)
	require.Equal(t, messages.Why{Reason: messages.WhyRate, Text: "hand-outs are limited to 2 items/s"}, why())
	l.UseDispatch(messages.Dispatch{Paused: true, By: "api", Since: now}, now)
	require.Equal(t, messages.Why{Reason: messages.WhyPausedAll, Text: "all hand-outs are paused by api since 2001-09-09T01:46:40Z"}, why())
	l.UseDispatch(messages.Dispatch{}, now)
	pause := func(paused bool) {
		_, err := l.Files().Steer(messages.SetFile{ID: 1, Paused: &paused, By: "api"}, now)
		require.NoError(t, err)
	}
	pause(true)
	require.Equal(t, messages.Why{Reason: messages.WhyPaused, Text: "paused by api since 2001-09-09T01:46:40Z"}, why())
	pause(false)
	a, _ := l.pick("w", false, now)
	require.Equal(t, messages.Why{}, why(), "it runs")
	l.Attempts().Judge(failure("w", a, "bad"), now)
	require.Equal(t, messages.WhyBackOff, why().Reason)
	l.rules.MaxDead = messages.DeadLimit{Items: 2}
	now = now.Add(time.Minute)
	a, _ = l.pick("x", false, now)
	require.True(t, l.Attempts().TakeBack("x", a.BatchID, EndUnsendable, "too large", now))
	require.Equal(t, messages.WhyMaxDead, why().Reason)
	_, _, err := l.Files().Cancel(1, "cancelled by api", now)
	require.NoError(t, err)
	require.Equal(t, messages.Why{Reason: messages.WhyCancelled, Text: "cancelled by api"}, why())
}

// So many chunks may wait to be tried again that no new one is begun: that is said, too.
func TestWhyOfAFullQueue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(5, now, "w")
	require.NoError(t, l.Files().Open(testFile(1, maxRetried+1), now))
	for n := range maxRetried + 1 {
		l.plan(1, n, now)
	}
	for range maxRetried {
		a, ok := l.pick("w", false, now)
		require.True(t, ok)
		require.True(t, l.Attempts().TakeBack("w", a.BatchID, EndRetry, "disk full", now))
	}
	page, _ := l.Files().Chunks(messages.QueryChunks{File: 1, State: messages.ListedReady, Limit: 1}, now)
	require.Equal(t, messages.WhyBudget, page.List[0].Why.Reason)
}
