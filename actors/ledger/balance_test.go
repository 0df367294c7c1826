package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// halfDone is the stored state of a file of six chunks: 0 and 1 are done, 2 is dead,
// 3 is ready again, 4 is at w1, and 5 was not handed out yet.
func halfDone(t *testing.T) *stored {
	t.Helper()
	now := time.Unix(1e9, 0)
	l := testLedger(1, now)
	require.NoError(t, l.Files().Open(testFile(1, 6), now))
	var third Assignment
	for i := range 5 {
		l.plan(1, i, now)
		a, ok := l.pick("w1", false, now)
		require.True(t, ok)
		s := progress("w1", a.BatchID, 2, 2)
		switch i {
		case 0, 1:
			require.Equal(t, VerdictDone, l.verdict(s, now))
		case 2:
			s.Outcome = messages.OutcomeFailed
			require.Equal(t, VerdictFailed, l.verdict(s, now))
		case 3:
			third = a
		}
	}
	require.True(t, l.Attempts().TakeBack("w1", third.BatchID, EndReturned, "", now))
	require.EqualValues(t, 1, l.files[1].DeadChunks)
	require.Equal(t, 1, l.files[1].live)
	store := newStored()
	b := l.Flush().Batch
	store.apply(b)
	return store
}

func restored(store *stored, values map[string]string) *Ledger {
	snap := store.snapshot()
	snap.Values = values
	return New(Rules{MaxAttempts: 1}, snap, Sent{}, time.Unix(2e9, 0))
}

func TestStateThatLostRecords(t *testing.T) {
	t.Parallel()
	chunk := func(i int) messages.ChunkID { return messages.ChunkID{File: 1, Index: i} }
	for name, c := range map[string]struct {
		lose   func(s *stored)
		failed bool
	}{
		"nothing":           {func(*stored) {}, false},
		"an assigned chunk": {func(s *stored) { delete(s.chunks, chunk(4)) }, true},
		"a ready chunk":     {func(s *stored) { delete(s.chunks, chunk(3)) }, true},
		"every chunk":       {func(s *stored) { clear(s.chunks) }, true},
		"a done chunk's drop": {func(s *stored) {
			s.chunks[chunk(1)] = messages.OpenChunk{Chunk: testCut(1, 1).Chunk, Worker: "w1", Attempt: 1}
		}, true},
		"the newest file": {func(s *stored) { f := s.files[1]; f.Cursor.Index, f.Cursor.Offset, f.Items = 4, 40, 8; s.files[1] = f }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := halfDone(t)
			c.lose(store)
			l := restored(store, nil)
			require.Equal(t, c.failed, l.files[1].State == messages.FileFailed, l.files[1].Reason)
			require.Equal(t, c.failed, len(l.losses.files) == 1)
			if !c.failed {
				return
			}
			require.Contains(t, l.files[1].Reason, "it does not add up")
			require.Contains(t, l.files[1].Reason, "put it back")
			l.Workers().Lost("w1", EndLost, "", time.Unix(2e9, 0))
			require.True(t, l.files[1].HasEnded())
			require.Equal(t, messages.FileFailed, l.files[1].State)
			b := l.Flush().Batch
			store.apply(b)
			require.Equal(t, messages.FileFailed, restored(store, nil).files[1].State, "and so it stays")
		})
	}
}

func TestStateThatLostTheRecordOfADeadChunk(t *testing.T) {
	t.Parallel()
	store := halfDone(t)
	delete(store.chunks, messages.ChunkID{File: 1, Index: 2})
	l := restored(store, nil)
	require.Equal(t, messages.FileRunning, l.files[1].State, "it is counted still")
	require.EqualValues(t, 1, l.losses.deadRecords)
}

func TestStateThatLostFiles(t *testing.T) {
	t.Parallel()
	store := halfDone(t)
	clear(store.files)
	l := restored(store, map[string]string{messages.ValueFileCount: "1"})
	require.Equal(t, 1, l.losses.records)
	require.Equal(t, 3, l.losses.orphans)
	b := l.Flush().Batch
	require.Len(t, b.DropChunks, 3)
	require.NoError(t, l.Files().Open(testFile(2, 1), time.Unix(2e9, 0)))
	b = l.Flush().Batch
	require.Contains(t, b.Values, messages.Value{Name: messages.ValueFileCount, Value: "1"})
}

// A state of an earlier version may hold a file that was called done although records of
// it were lost.
func TestEndedFileThatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	store := newStored()
	f := testFile(1, 2)
	f.State, f.Ended, f.Cursor, f.Items, f.DoneChunks, f.DoneItems = messages.FileDone, time.Unix(1e9, 0), messages.Cursor{Offset: 20, Index: 2}, 4, 1, 2
	store.files[1] = f
	l := restored(store, nil)
	require.Equal(t, messages.FileFailed, l.files[1].State)
	require.True(t, l.files[1].HasEnded())
}

// The record of a chunk that is done comes back, such as with a part of an older backup,
// and the chunk ends a second time.
func TestDuplicatesCanMove(t *testing.T) {
	t.Parallel()
	store := halfDone(t)
	back := messages.OpenChunk{Chunk: testCut(1, 1).Chunk, State: messages.ChunkAssigned, Worker: "w2", Attempt: 1}
	store.chunks[back.ID] = back
	l := restored(store, nil)
	require.Zero(t, l.files[1].Duplicates)
	now := time.Unix(2e9, 0)
	require.Equal(t, VerdictDone, l.verdict(progress("w2", "f1_chunk_1", 2, 2), now))
	require.Equal(t, VerdictDone, l.verdict(progress("w1", "f1_chunk_4", 2, 2), now))
	require.EqualValues(t, 1, l.files[1].Duplicates)
	require.True(t, l.files[1].HasEnded())
	require.Equal(t, messages.FileFailed, l.files[1].State)
	require.False(t, l.files[1].AddsUp())
}

// The totals are compared while a file is in work, too.
func TestAuditFindsWhatWentWrongMeanwhile(t *testing.T) {
	t.Parallel()
	l := restored(halfDone(t), nil)
	l.auditAll(time.Unix(2e9, 0))
	require.Equal(t, messages.FileRunning, l.files[1].State)
	l.files[1].DoneItems--
	l.auditAll(time.Unix(2e9, 0))
	require.Equal(t, messages.FileFailed, l.files[1].State)
	require.Contains(t, l.files[1].Reason, "of 10 items cut 3 are done, 0 failed, 2 dead, 0 cancelled and 4 open")
}

// endedWithOpen is the stored state of a file of two chunks that has ended, with the records of
// a dead chunk and of one that came back although it is done.
func endedWithOpen() *stored {
	store := newStored()
	f := testFile(1, 2)
	f.State, f.Ended, f.Cursor = messages.FileDoneWithRejects, time.Unix(1e9, 0), messages.Cursor{Offset: 20, Index: 2}
	f.Items, f.DoneChunks, f.DoneItems, f.DeadChunks, f.DeadItems = 4, 1, 2, 1, 2
	store.files[1] = f
	dead, back := testCut(1, 0).Chunk, testCut(1, 1).Chunk
	store.chunks[dead.ID] = messages.OpenChunk{Chunk: dead, State: messages.ChunkDead, Worker: "w1", Attempt: 1}
	store.chunks[back.ID] = messages.OpenChunk{Chunk: back, State: messages.ChunkAssigned, Worker: "w1", Attempt: 1}
	return store
}

// Nothing of a file that does not add up is retried: it would end as done.
func TestFileThatDoesNotAddUpIsNotReopened(t *testing.T) {
	t.Parallel()
	l, now := restored(endedWithOpen(), nil), time.Unix(2e9, 0)
	require.Equal(t, messages.FileFailed, l.files[1].State)
	done := l.Letters().Retry([]messages.ChunkID{{File: 1}}, now)
	require.Len(t, done.Refused, 1)
	require.Contains(t, done.Refused[0].Reason, "its file is failed")
	require.Equal(t, messages.FileFailed, l.files[1].State)
	require.True(t, l.files[1].HasEnded())
}

// The record of an ended file is shared, also when a chunk of it ends once more.
func TestSharedRecordStaysAsItIs(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *Ledger, now time.Time){
		"done": func(l *Ledger, now time.Time) {
			require.Equal(t, VerdictDone, l.verdict(progress("w1", "f1_chunk_1", 2, 2), now))
		},
		"taken back": func(l *Ledger, now time.Time) {
			require.True(t, l.Attempts().TakeBack("w1", "f1_chunk_1", EndReturned, "", now))
		},
		"dead": func(l *Ledger, now time.Time) {
			require.True(t, l.Attempts().TakeBack("w1", "f1_chunk_1", EndUnsendable, "too large", now))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := restored(endedWithOpen(), nil)
			changed, _ := l.Files().Changed(time.Unix(1e9, 0))
			require.Len(t, changed, 1)
			shown := *changed[0].File
			end(l, time.Unix(2e9, 0))
			require.Equal(t, shown, *changed[0].File)
		})
	}
}
