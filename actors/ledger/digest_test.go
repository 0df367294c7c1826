package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// doAll lets one worker do every chunk of a file, in the order of hand-out.
func doAll(l *Ledger, now time.Time) {
	l.Workers().Offer(Offer{Worker: "w1", Epoch: 1, UpTo: 100, Ahead: 100}, now)
	for _, a := range l.Workers().Match(now) {
		s := progress("w1", a.BatchID, 2, 2)
		s.Recorded, s.OutputLines = a.Chunk.ID.Index != 1, 5
		l.Attempts().Judge(Result{Signal: s}, now)
	}
}

// The digest is stored and compared with what workers recorded, so it must not change.
func TestDigestOfAChunk(t *testing.T) {
	t.Parallel()
	c := messages.Chunk{ID: messages.ChunkID{File: 9, Index: 4}, Offset: 30500, Length: 28, Items: 4, Hash: 0x44bc2cf5ad770999}
	require.Equal(t, uint64(0x86cc9575528a34ea), digestOf(c))
}

func TestDigestIsThatOfTheDoneChunks(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now, "w1")
	require.NoError(t, l.Files().Open(testFile(1, 3), now))
	var want uint64
	for i := range 3 {
		l.plan(1, i, now)
		want += digestOf(testCut(1, i).Chunk)
	}
	l.Files().PlanEnd(1, 0, now)
	doAll(l, now)
	s := newStored()
	s.apply(l.Flush().Batch)
	f := s.files[1]
	require.Equal(t, messages.FileDone, f.State)
	require.True(t, f.DigestKnown())
	require.Equal(t, want, f.Digest)
	require.Equal(t, int64(2), f.RecordedChunks, "the worker of one chunk recorded nothing")
	require.Equal(t, int64(10), f.OutputLines)
	books, ok := l.Files().Books(1)
	require.True(t, ok)
	require.Equal(t, messages.Books{File: f}, books)
	_, ok = l.Files().Books(2)
	require.False(t, ok)
}

// The digest of a file of which a former version of the program counted a chunk would
// lack that chunk, so the file has none.
func TestDigestOfAFileThatAFormerVersionBegan(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	f := testFile(1, 2)
	f.Items, f.DoneItems, f.DoneChunks = 2, 2, 1
	f.Cursor = messages.Cursor{Offset: 10, Index: 1, Line: 3}
	l := New(Rules{MaxAttempts: 3}, messages.Snapshot{Files: []*messages.File{&f}}, Sent{}, now)
	l.know(now, "w1")
	l.plan(1, 1, now)
	l.Files().PlanEnd(1, 0, now)
	doAll(l, now)
	s := newStored()
	s.apply(l.Flush().Batch)
	require.Equal(t, messages.FileDone, s.files[1].State)
	require.Equal(t, int64(2), s.files[1].DoneChunks)
	require.False(t, s.files[1].DigestKnown())
}
