package ledger

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// items is how many items were handed out.
func (a Assigned) items() int64 {
	c := messages.OpenChunk{Chunk: a.Chunk, FailedRanges: a.Positions}
	for _, r := range a.Positions {
		c.FailedItems += r.Len()
	}
	return c.Sent()
}

// withoutRetry is the chunk of a retry.
func withoutRetry(id messages.ChunkID) messages.ChunkID {
	id.Retry = 0
	return id
}

// checkRejects compares the failed items of a file with those of the model, where the last
// result of a chunk says which of them failed: until a retry ends, they are open. It returns
// the retries that are at workers.
func (m *machine) checkRejects(t require.TestingT, b *book, done int64) (live int64) {
	var failed, open int64
	retried := map[messages.ChunkID]bool{}
	for _, e := range b.entries {
		if !e.IsRetry() {
			continue
		}
		id := withoutRetry(e.ID)
		require.False(t, retried[id], "one retry of a chunk at a time")
		require.Nil(t, b.entries[id], "the chunk is done")
		require.Equal(t, m.failed[id], e.FailedItems)
		retried[id] = true
		open += e.FailedItems
		if e.inFlight() {
			live++
			require.Same(t, e, m.led.held[e.Worker][e.ID])
		} else {
			require.NotNil(t, e.in)
		}
	}
	for id, n := range m.failed {
		if id.File == b.ID && !retried[id] {
			failed += n
		}
	}
	require.Equal(t, failed, b.FailedItems)
	require.Equal(t, 2*done, b.DoneItems+b.FailedItems+open)
	for id, c := range b.rejects.of {
		require.Equal(t, m.failed[withoutRetry(id)], c.FailedItems)
		require.Equal(t, c, m.store.chunks[id])
	}
	return live
}

// letterIDs are the chunks that a person can retry.
func (l *Ledger) letterIDs(id messages.FileID) (out []messages.ChunkID) {
	out = slices.Collect(maps.Keys(l.files[id].rejects.of))
	for _, e := range l.files[id].entries {
		if e.State == messages.ChunkDead && !e.Discarded {
			out = append(out, e.ID)
		}
	}
	slices.SortFunc(out, messages.ChunkID.Compare)
	return out
}

// retry has a dead chunk of a file run again.
func (m *machine) retry(t *rapid.T) {
	id := m.file(t)
	ids := m.led.letterIDs(id)
	if len(ids) == 0 {
		return
	}
	b, pick := m.led.files[id], rapid.IntRange(0, len(ids)-1).Draw(t, "letter")
	before, stopped, reject := *b.File, b.stopped, b.rejects.of[ids[pick]].FailedItems
	done := m.led.Letters().Retry(ids[pick:pick+1], m.now)
	if stopped {
		require.Len(t, done.Refused, 1)
		require.Equal(t, before, *b.File)
		return
	}
	require.Equal(t, 1, done.Accepted)
	require.Equal(t, messages.FileRunning, b.State)
	require.False(t, b.HasEnded())
	if reject > 0 {
		require.Equal(t, before.FailedItems-reject, b.FailedItems)
		return
	}
	require.Equal(t, before.DeadItems-2, b.DeadItems)
}

// discard takes a dead chunk of a file off the list.
func (m *machine) discard(t *rapid.T) {
	id := m.file(t)
	ids := m.led.letterIDs(id)
	if len(ids) == 0 {
		return
	}
	before, reject := *m.led.files[id].File, m.led.files[id].rejects.of[ids[0]].FailedItems
	require.Equal(t, 1, m.led.Letters().Discard(ids[:1]).Accepted)
	after := *m.led.files[id].File
	if reject == 0 {
		require.Equal(t, before.DiscardedItems+2, after.DiscardedItems)
	}
	require.Equal(t, before.DiscardedFailed+reject, after.DiscardedFailed)
	require.GreaterOrEqual(t, after.Rejects(), int64(0))
	before.DiscardedChunks, before.DiscardedItems, before.DiscardedFailed = after.DiscardedChunks, after.DiscardedItems, after.DiscardedFailed
	require.Equal(t, before, after, "nothing else changes")
}

// deadFile is a ledger with a file of two chunks, of which the first one is done and the
// second one failed at two workers.
func deadFile(t *testing.T) (*Ledger, *stored, messages.ChunkID, time.Time) {
	t.Helper()
	now := time.UnixMilli(1e12).UTC()
	l, store := testLedger(2, now, "w1", "w2"), newStored()
	require.NoError(t, l.Files().Open(testFile(1, 2), now))
	l.plan(1, 0, now)
	l.plan(1, 1, now)
	l.Files().PlanEnd(1, 0, now)
	first, _ := l.pick("w1", false, now)
	require.Equal(t, VerdictDone, l.verdict(progress("w1", first.BatchID, 2, 2), now))
	for _, w := range []messages.WorkerID{"w1", "w2"} {
		a, ok := l.pick(w, false, now)
		require.True(t, ok, w)
		s := progress(w, a.BatchID, 1, 2)
		s.Outcome, s.Error = messages.OutcomeFailed, "exit status 1"
		require.Equal(t, VerdictFailed, l.verdict(s, now))
		now = now.Add(retryMax)
	}
	require.Equal(t, messages.FileDoneWithRejects, l.files[1].State)
	store.apply(l.Flush().Batch)
	return l, store, messages.ChunkID{File: 1, Index: 1}, now
}

// again is a ledger that begins with what was stored.
func again(store *stored, now time.Time) *Ledger {
	l := New(Rules{MaxAttempts: 2}, store.snapshot(), Sent{}, now)
	l.know(now, "w1", "w2")
	return l
}

// What people need to know of a dead chunk is known after a restart, too.
func TestLetterIsWhole(t *testing.T) {
	t.Parallel()
	l, store, id, now := deadFile(t)
	for _, l := range []*Ledger{l, again(store, now)} {
		put, gone := l.Letters().Changed()
		require.Empty(t, gone)
		require.Len(t, put, 1)
		x := put[0]
		require.Equal(t, id, x.ID)
		require.Equal(t, "f1.txt", x.Path)
		require.Equal(t, "f1_chunk_1", x.Name)
		require.Equal(t, "exit status 1", x.Reason)
		require.Equal(t, []messages.WorkerID{"w1", "w2"}, x.Workers())
		require.Equal(t, "a", x.FirstItem)
		require.Equal(t, 2, x.Attempt)
		require.Equal(t, time.UnixMilli(1e12).Add(retryMax).UTC(), x.EndedAt)
		put, gone = l.Letters().Changed()
		require.Empty(t, put)
		require.Empty(t, gone)
	}
}

// A retry puts the same version into work again, also after a restart, and the file ends as
// done. A dead chunk that fails again dies only after as many failures as the first time.
func TestRetryOfADeadChunk(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"same term": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, store, id, now := deadFile(t)
			l.Files().Merged(1, l.files[1].Ended, now)
			require.Equal(t, now, l.files[1].Merged)
			store.apply(l.Flush().Batch)
			done := l.Letters().Retry([]messages.ChunkID{id}, now)
			l.Files().Merged(1, now, now) // while it is in work
			require.Zero(t, l.files[1].Merged, "it has to be merged again")
			require.Equal(t, 1, done.Accepted)
			require.EqualValues(t, 2, done.Items)
			require.Len(t, done.Files, 1)
			batch := l.Flush().Batch
			require.Len(t, batch.Files, 1)
			require.Len(t, batch.Chunks, 1, "one commit")
			store.apply(batch)
			_, gone := l.Letters().Changed()
			require.Equal(t, []messages.ChunkID{id}, gone)
			if restart {
				l = again(store, now)
			}
			f := l.files[1]
			require.Equal(t, messages.FileRunning, f.State)
			require.Zero(t, f.DeadItems)
			require.Zero(t, f.DeadChunks)
			a, ok := l.pick("w1", false, now)
			require.True(t, ok)
			require.Equal(t, 3, a.Attempt, "attempts go on")
			s := progress("w1", a.BatchID, 1, 2)
			s.Outcome = messages.OutcomeFailed
			require.Equal(t, VerdictFailed, l.verdict(s, now))
			require.Equal(t, messages.ChunkReady, f.entries[id].State)
			a, ok = l.pick("w2", false, now.Add(retryMax))
			require.True(t, ok)
			require.Equal(t, VerdictDone, l.verdict(progress("w2", a.BatchID, 2, 2), now))
			require.Equal(t, messages.FileDone, f.State)
			require.True(t, f.AddsUp())
			require.Equal(t, []messages.File{*f.File}, l.Flush().Ended)
			require.Empty(t, l.turns.list)
		})
	}
}

// A retry of a result that had been on its way when the chunk died ends by that result.
func TestLateResultOfARetriedChunk(t *testing.T) {
	t.Parallel()
	l, _, id, now := deadFile(t)
	late := progress("w1", "f1_chunk_1", 2, 2)
	require.Equal(t, VerdictRepeat, l.verdict(late, now), "a dead chunk is terminal")
	l.Letters().Retry([]messages.ChunkID{id}, now)
	require.Equal(t, VerdictLate, l.verdict(late, now))
	require.Equal(t, messages.FileDone, l.files[1].State)
}

func TestRefusedRetries(t *testing.T) {
	t.Parallel()
	l, _, id, now := deadFile(t)
	refused := func(id messages.ChunkID) string {
		t.Helper()
		before := l.files[1].File
		done := l.Letters().Retry([]messages.ChunkID{id}, now)
		require.Zero(t, done.Accepted)
		require.Len(t, done.Refused, 1)
		require.Equal(t, id, done.Refused[0].ID)
		require.Equal(t, before, l.files[1].File)
		return done.Refused[0].Reason
	}
	require.Contains(t, refused(messages.ChunkID{File: 1, Index: 0}), "done")
	require.Contains(t, refused(messages.ChunkID{File: 1, Index: 7}), "never was")
	require.Contains(t, refused(messages.ChunkID{File: 9}), "not known")
	l.Letters().Retry([]messages.ChunkID{id}, now)
	require.Contains(t, refused(id), "ready")
	l.fail(l.files[1], messages.FileChanged, "rewritten", now)
	require.Contains(t, refused(id), "changed: rewritten")
	require.Equal(t, 1, l.Letters().Discard([]messages.ChunkID{id}).Accepted, "it can be taken off the list all the same")
	require.Contains(t, refused(id), "discarded")
}

// A discarded chunk leaves the list, also after a restart, and its items stay dead.
func TestDiscardedChunk(t *testing.T) {
	t.Parallel()
	l, store, id, now := deadFile(t)
	l.Letters().Changed()
	require.Equal(t, 1, l.Letters().Discard([]messages.ChunkID{id}).Accepted)
	_, gone := l.Letters().Changed()
	require.Equal(t, []messages.ChunkID{id}, gone)
	store.apply(l.Flush().Batch)
	require.Len(t, l.Letters().Discard([]messages.ChunkID{id}).Refused, 1)
	l = again(store, now)
	put, _ := l.Letters().Changed()
	require.Empty(t, put)
	f := l.files[1]
	require.Equal(t, [2]int64{2, 2}, [2]int64{f.DeadItems, f.DiscardedItems})
	require.True(t, f.AddsUp())
	require.Empty(t, l.losses.files)
	require.Zero(t, l.losses.deadRecords)
}

// What is kept for people is bounded, whatever the items and however many workers fail.
func TestLettersAreBounded(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1e12).UTC()
	l := testLedger(50, now)
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	c := testCut(1, 0)
	c.Text = []byte(strings.Repeat("ä", 100_000) + "\nb\n")
	l.Files().Plan(c, now)
	for n := range 30 {
		w := messages.WorkerID("w" + strings.Repeat("x", n))
		l.know(now, w)
		a, ok := l.pick(w, false, now)
		require.True(t, ok)
		s := progress(w, a.BatchID, 1, 2)
		s.Outcome = messages.OutcomeFailed
		l.verdict(s, now)
		now = now.Add(retryMax)
	}
	e := l.files[1].entries[messages.ChunkID{File: 1}]
	require.Len(t, e.FailedBy, messages.MaxFailedBy)
	require.Equal(t, messages.WorkerID("w"+strings.Repeat("x", 29)), e.FailedBy[messages.MaxFailedBy-1])
	require.Equal(t, strings.Repeat("ä", messages.MaxFirstItem/2), e.FirstItem)
	require.Equal(t, 2, e.Workers)
}
