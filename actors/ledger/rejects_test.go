package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// failedFile is a ledger with a file of one chunk of ten items, of which 2, 3 and 7 failed.
func failedFile(t *testing.T) (*Ledger, *stored, time.Time) {
	t.Helper()
	now := time.UnixMilli(1e12).UTC()
	l, store := testLedger(1, now, "w1", "w2"), newStored()
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	c := testCut(1, 0)
	c.Items = 10
	l.Files().Plan(c, now)
	l.Files().PlanEnd(1, 0, now)
	a, _ := l.pick("w1", false, now)
	require.Nil(t, a.Positions)
	s := progress("w1", a.BatchID, 10, 10)
	s.FailedItems, s.FailedRanges = 3, []messages.ItemRange{{First: 2, Last: 3}, {First: 7, Last: 7}}
	s.Recorded, s.OutputLines = true, 7
	require.Equal(t, VerdictDone, l.verdict(s, now))
	require.Equal(t, messages.FileDoneWithRejects, l.files[1].State)
	store.apply(l.Flush().Batch)
	return l, store, now
}

// retryAll retries what is listed and hands it to a worker.
func (l *Ledger) retryAll(t *testing.T, now time.Time) Assignment {
	t.Helper()
	l.Letters().Changed()
	ids := l.letterIDs(1)
	require.Len(t, ids, 1)
	require.Equal(t, 1, l.Letters().Retry(ids, now).Accepted)
	a, ok := l.pick("w1", false, now)
	require.True(t, ok)
	return a
}

// The failed items of a chunk are retried until none is left. Each round is a chunk of its
// own of just these items, and its results move them from failed to done, also if the
// master is started again at any time.
func TestFailedItemsAreRetried(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"same term": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, store, now := failedFile(t)
			step := func() {
				store.apply(l.Flush().Batch)
				if restart {
					l = New(Rules{MaxAttempts: 1}, store.snapshot(), Sent{}, now)
					l.know(now, "w1", "w2")
				}
				require.Empty(t, l.losses.files)
			}
			step()
			put, _ := l.Letters().Changed()
			require.Len(t, put, 1)
			require.True(t, put[0].Failed())
			require.EqualValues(t, 3, put[0].Concerned())
			require.Equal(t, now, put[0].EndedAt)

			a := l.retryAll(t, now)
			require.Equal(t, "f1_chunk_0_r1", a.BatchID)
			require.Equal(t, []messages.ItemRange{{First: 2, Last: 3}, {First: 7, Last: 7}}, a.Positions)
			f := l.files[1]
			require.Equal(t, [4]int64{7, 0, 0, 1}, [4]int64{f.DoneItems, f.FailedItems, f.DeadItems, f.DoneChunks})
			require.EqualValues(t, 3, f.Missing(), "they are open")
			require.Equal(t, messages.FileRunning, f.State)
			step()
			require.Len(t, store.chunks, 1, "one record takes the place of the other")
			digest := l.files[1].Digest

			s := progress("w1", a.BatchID, 3, 3) // the second and the third fail again
			s.FailedItems, s.FailedRanges = 2, []messages.ItemRange{{First: 1, Last: 2}}
			s.Recorded, s.OutputLines = true, 1
			require.Equal(t, VerdictDone, l.verdict(s, now))
			f = l.files[1]
			require.Equal(t, [4]int64{8, 2, 0, 1}, [4]int64{f.DoneItems, f.FailedItems, f.DeadItems, f.DoneChunks})
			require.Equal(t, messages.FileDoneWithRejects, f.State)
			require.True(t, f.AddsUp())
			require.Equal(t, [3]int64{1, 8, int64(digest)}, [3]int64{f.RecordedChunks, f.OutputLines, int64(f.Digest)})
			step()

			a = l.retryAll(t, now)
			require.Equal(t, "f1_chunk_0_r2", a.BatchID)
			require.Equal(t, []messages.ItemRange{{First: 3, Last: 3}, {First: 7, Last: 7}}, a.Positions)
			step()
			require.Equal(t, VerdictRepeat, l.verdict(s, now), "the round before has ended")
			require.Equal(t, VerdictDone, l.verdict(progress("w1", a.BatchID, 2, 2), now))
			f = l.files[1]
			require.Equal(t, messages.FileDone, f.State)
			require.EqualValues(t, 10, f.DoneItems)
			require.EqualValues(t, 1, f.UnrecordedRetries, "the worker of the second one keeps no manifest")
			require.True(t, f.AddsUp())
			step()
			require.Empty(t, store.chunks)
		})
	}
}

// A retry that is given up leaves its items failed, with the reason; no chunk of it is dead.
func TestRetryThatIsGivenUp(t *testing.T) {
	t.Parallel()
	l, store, now := failedFile(t)
	l.Workers().Withdraw("w2", 0)
	a := l.retryAll(t, now)
	s := progress("w1", a.BatchID, 0, 3)
	s.Outcome, s.Error = messages.OutcomeFailed, "exit status 1"
	require.Equal(t, VerdictFailed, l.verdict(s, now))
	f := l.files[1]
	require.Equal(t, messages.FileDoneWithRejects, f.State)
	require.Equal(t, [3]int64{7, 3, 0}, [3]int64{f.DoneItems, f.FailedItems, f.DeadChunks})
	require.True(t, f.AddsUp())
	put, gone := l.Letters().Changed()
	require.Len(t, put, 1)
	require.Equal(t, "exit status 1", put[0].Reason)
	require.Equal(t, messages.ChunkID{File: 1, Retry: 1}, put[0].ID)
	require.Equal(t, []messages.ChunkID{{File: 1}}, gone)
	store.apply(l.Flush().Batch)
	require.Equal(t, "f1_chunk_0_r2", l.retryAll(t, now).BatchID)
	l.Files().Fail(1, messages.FileChanged, "rewritten", now)
	l.Workers().Lost("w1", EndLost, "lost", now)
	require.True(t, l.files[1].AddsUp())
	require.EqualValues(t, 3, l.files[1].FailedItems)
	require.Contains(t, l.Letters().Retry([]messages.ChunkID{{File: 1, Retry: 2}}, now).Refused[0].Reason, "rewritten")
}

// Without the positions of the failed items a retry runs the whole chunk. Its result counts
// for all of it.
func TestRetryOfAWholeChunk(t *testing.T) {
	t.Parallel()
	l, _, now := failedFile(t)
	a := l.retryAll(t, now)
	s := progress("w1", a.BatchID, 3, 3)
	s.FailedItems = 2 // nobody knows which
	require.Equal(t, VerdictDone, l.verdict(s, now))
	a = l.retryAll(t, now)
	require.Nil(t, a.Positions)
	require.Equal(t, VerdictFailed, l.verdict(progress("w1", a.BatchID, 2, 2), now), "it has all items")
	now = now.Add(retryMax)
	a, ok := l.pick("w2", false, now)
	require.True(t, ok)
	s = progress("w2", a.BatchID, 10, 10)
	s.FailedItems = 5
	require.Equal(t, VerdictDone, l.verdict(s, now))
	f := l.files[1]
	require.Equal(t, [2]int64{5, 5}, [2]int64{f.DoneItems, f.FailedItems})
	require.True(t, f.AddsUp())
	require.Equal(t, VerdictDone, l.verdict(progress("w1", l.retryAll(t, now).BatchID, 10, 10), now))
	require.Equal(t, messages.FileDone, l.files[1].State)
}

// Failed items that are discarded stay failed, and leave no record.
func TestDiscardedFailedItems(t *testing.T) {
	t.Parallel()
	l, store, _ := failedFile(t)
	done := l.Letters().Discard([]messages.ChunkID{{File: 1}})
	require.Equal(t, 1, done.Accepted)
	require.EqualValues(t, 3, done.Items)
	store.apply(l.Flush().Batch)
	require.Empty(t, store.chunks)
	require.EqualValues(t, 3, l.files[1].FailedItems)
	require.True(t, l.files[1].AddsUp())
	_, gone := l.Letters().Changed()
	require.Len(t, gone, 1)
}

// A file that is forgotten takes its records with it.
func TestForgottenFileWithFailedItems(t *testing.T) {
	t.Parallel()
	l, store, _ := failedFile(t)
	l.Files().Forget(1)
	store.apply(l.Flush().Batch)
	require.Empty(t, store.chunks)
	require.Empty(t, store.files)
}

// However many items fail, the records of a file are bounded.
func TestRejectsAreBounded(t *testing.T) {
	t.Parallel()
	var r rejects
	for i := range maxRejects {
		require.True(t, r.put(messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{Index: i}}, FailedRanges: make([]messages.ItemRange, 2)}))
	}
	require.False(t, r.put(messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{Index: maxRejects}}}))
	require.Equal(t, 2*maxRejects, r.ranges)
	r.drop(messages.ChunkID{Index: 5})
	require.Equal(t, 2*maxRejects-2, r.ranges)
}

// Failed items that lie apart in a retry may need more ranges in the chunk than a record
// holds. Then which items they are is not known any more: a record that cannot be read again
// would keep every master from loading the state.
func TestRetryThatLeavesTooManyRanges(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1e12).UTC()
	l, store := testLedger(1, now, "w1", "w2"), newStored()
	require.NoError(t, l.Files().Open(testFile(1, 1), now))
	c := testCut(1, 0)
	c.Items = 4 * messages.MaxItemRanges
	l.Files().Plan(c, now)
	l.Files().PlanEnd(1, 0, now)
	a, _ := l.pick("w1", false, now)
	s := progress("w1", a.BatchID, int64(c.Items), int64(c.Items))
	for n := range int32(messages.MaxItemRanges) { // three of four
		s.FailedRanges = append(s.FailedRanges, messages.ItemRange{First: 4 * n, Last: 4*n + 2})
		s.FailedItems += 3
	}
	require.Equal(t, VerdictDone, l.verdict(s, now))

	a = l.retryAll(t, now)
	s = progress("w1", a.BatchID, s.FailedItems, s.FailedItems)
	for n := range int32(messages.MaxItemRanges - 1) { // the last one of three, and the first one of the next three
		s.FailedRanges = append(s.FailedRanges, messages.ItemRange{First: 3*n + 2, Last: 3*n + 3})
		s.FailedItems += 2
	}
	require.Equal(t, VerdictDone, l.verdict(s, now))
	require.EqualValues(t, s.FailedItems, l.files[1].FailedItems)
	store.apply(l.Flush().Batch)
	for id, x := range store.chunks {
		_, err := messages.DecodeOpenChunk(id, x.EncodeRecord())
		require.NoError(t, err)
	}
	a = l.retryAll(t, now)
	require.Empty(t, a.Positions)
}

// A store that loses the commit of a retry that was sent gives its name again, but no attempt
// number of it: a result of the former attempt is no result of this one.
func TestRetryThatTheStoreLost(t *testing.T) {
	t.Parallel()
	l, store, now := failedFile(t)
	a := l.retryAll(t, now) // its commit is lost
	l = New(Rules{MaxAttempts: 1}, store.snapshot(), Sent{BatchIDs: []string{a.BatchID}}, now)
	l.know(now, "w1", "w2")
	again := l.retryAll(t, now)
	require.Equal(t, "f1_chunk_0_r1_a2", again.BatchID)
	require.Equal(t, VerdictStale, l.verdict(progress("w1", a.BatchID, 3, 3), now))
	require.Equal(t, VerdictDone, l.verdict(progress("w1", again.BatchID, 3, 3), now))
}
