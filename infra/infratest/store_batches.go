package infratest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func exampleFile(id messages.FileID) *messages.File {
	at := time.Date(2025, 3, 1, 12, 0, 0, 123456789, time.UTC)
	return &messages.File{
		ID:         id,
		Info:       messages.FileInfo{Path: "äöü <&> 文件.txt", Size: 1 << 40, ModTime: at},
		Generation: 2, Fingerprint: 1<<64 - 1, Base: "file-12345678",
		State: messages.FileDoneWithRejects, Reason: "why \"not\"\n",
		Cursor: messages.Cursor{Offset: 1 << 40, Index: 77, Line: 1 << 33, Chain: 1 << 63},
		Items:  9, DoneChunks: 8, DoneItems: 7, FailedItems: 10, DeadChunks: 6, DeadItems: 5,
		Duplicates: 4, Repeats: 3, DeadBytes: 2,
		Started: at, Ended: at.Add(time.Hour),
	}
}

func exampleChunk(file messages.FileID, index int) messages.OpenChunk {
	return messages.OpenChunk{
		Chunk: messages.Chunk{
			ID: messages.ChunkID{File: file, Index: index}, Offset: int64(index) * 8000, Length: 8000,
			FirstLine: int64(index)*500 + 1, Lines: 500, Items: 499, Hash: 0x9E3779B97F4A7C15 * uint64(index+1),
		},
		State: messages.ChunkAssigned, Attempt: 1, Worker: "0b8c1f8e-7a7b-4f0e-9f53-1f2b8c7d6e5a",
	}
}

// exampleHalf is a part of a chunk, in a retry.
func exampleHalf(file messages.FileID, index int) messages.OpenChunk {
	c := exampleChunk(file, index)
	c.ID.Half, c.ID.Retry = 5, 1
	return c
}

func exampleWorker(id messages.WorkerID) messages.Worker {
	return messages.Worker{
		ID: id, Kind: messages.Native, Partitions: []int32{3, 7}, Capacity: 4,
		Incarnation: messages.Incarnation{StartMS: 1_700_000_000_000, Random: "r"},
		Recalls:     true, Lost: true, Seen: time.Date(2025, 3, 1, 12, 0, 0, 1, time.UTC),
	}
}

// ExampleBatch is a batch that writes to every table and to the journal.
func ExampleBatch(number uint64) messages.Batch {
	return messages.Batch{
		Number: number, ID: fmt.Sprint("batch-", number),
		Files:   []*messages.File{exampleFile(10), exampleFile(9)},
		Chunks:  []messages.OpenChunk{exampleChunk(9, 10), exampleChunk(9, 9), exampleHalf(9, 9), exampleChunk(10, 1)},
		Workers: []messages.Worker{exampleWorker("w/ö:1"), {ID: "a"}},
		Offsets: []messages.Position{
			{Topic: "worker-signal", Offset: 1 << 50}, {Topic: "master-signal", Partition: 11, Offset: 5},
			{Topic: "master-signal", Partition: 2, Offset: messages.UnknownOffset},
		},
		Values: []messages.Value{{Name: "batch_size", Value: "500"}, {Name: "empty", Value: ""}},
	}
}

func exerciseRoundTrip(t *testing.T, s Store) {
	term := lead(t, s, "a")
	b := ExampleBatch(1)
	commit(t, s, term, b)
	require.Equal(t, messages.Snapshot{
		Number:  1,
		Files:   []*messages.File{b.Files[1], b.Files[0]},
		Chunks:  []messages.OpenChunk{b.Chunks[1], b.Chunks[2], b.Chunks[0], b.Chunks[3]},
		Workers: []messages.Worker{b.Workers[1], b.Workers[0]},
		Offsets: []messages.Position{b.Offsets[2], b.Offsets[1], b.Offsets[0]},
		Values:  map[string]string{"batch_size": "500", "empty": ""},
	}, load(t, s, term))
}

func exerciseDrop(t *testing.T, s Store) {
	term := lead(t, s, "a")
	commit(t, s, term, ExampleBatch(1))
	drop := messages.Batch{
		Number: 2, ID: "drop", DropFiles: []messages.FileID{10, 404},
		DropChunks:  []messages.ChunkID{{File: 9, Index: 10}, {File: 9, Index: 404}},
		DropWorkers: []messages.WorkerID{"a", "unknown"},
	}
	commit(t, s, term, drop)
	snap := load(t, s, term)
	require.Equal(t, []*messages.File{exampleFile(9)}, snap.Files)
	require.Equal(t, []messages.OpenChunk{exampleChunk(9, 9), exampleHalf(9, 9), exampleChunk(10, 1)}, snap.Chunks)
	require.Equal(t, []messages.Worker{exampleWorker("w/ö:1")}, snap.Workers)
	require.Equal(t, uint64(2), snap.Number)
}

func exercisePutDrop(t *testing.T, s Store) {
	term := lead(t, s, "a")
	b := ExampleBatch(1)
	b.DropChunks = []messages.ChunkID{{File: 9, Index: 9}}
	commit(t, s, term, b)
	require.Equal(t, []messages.OpenChunk{exampleHalf(9, 9), exampleChunk(9, 10), exampleChunk(10, 1)}, load(t, s, term).Chunks,
		"a drop comes after the puts of its batch")
}

func exerciseRepeat(t *testing.T, s Store) {
	ctx := context.Background()
	term := lead(t, s, "a")
	b := ExampleBatch(1)
	b.Journal = []messages.Attempt{{Chunk: messages.ChunkID{File: 9}, Number: 1, Outcome: "done"}}
	for range 3 {
		commit(t, s, term, b)
	}
	forged := values(1, b.ID, "n", "same number and id, other content")
	commit(t, s, term, forged)
	snap := load(t, s, term)
	require.NotContains(t, snap.Values, "n", "a repeat was applied")
	require.Equal(t, uint64(1), snap.Number)
	list, err := s.Journal(ctx, 9, 10)
	require.NoError(t, err)
	require.Len(t, list, 1, "a repeat wrote to the journal")
}

func exerciseWrongNumber(t *testing.T, s Store) {
	ctx := context.Background()
	term := lead(t, s, "a")
	requireFenced(t, s.Commit(ctx, term, values(0, "", "n", "x")), "batch 0 on an empty store")
	requireFenced(t, s.Commit(ctx, term, values(2, "y", "n", "x")), "batch 2 on an empty store")
	commit(t, s, term, values(1, "x", "n", "1"))
	commit(t, s, term, values(2, "y", "n", "2"))
	for _, b := range []messages.Batch{
		values(2, "other", "n", "bad"), values(1, "x", "n", "bad"), values(0, "y", "n", "bad"),
		values(4, "z", "n", "bad"), values(1<<63+3, "z", "n", "bad"),
	} {
		requireFenced(t, s.Commit(ctx, term, b), fmt.Sprintf("batch %d %q after 2", b.Number, b.ID))
	}
	commit(t, s, term, values(3, "z", "n", "3"))
	require.Equal(t, "3", load(t, s, term).Values["n"])
}

func exerciseRefusedWhole(t *testing.T, s Store) {
	ctx := context.Background()
	term := lead(t, s, "a")
	commit(t, s, term, values(1, "x", "n", "1"))
	before := load(t, s, term)
	b := ExampleBatch(7)
	b.Journal = []messages.Attempt{{Chunk: messages.ChunkID{File: 9}}}
	requireFenced(t, s.Commit(ctx, term, b), "batch 7 after 1")
	require.Equal(t, before, load(t, s, term))
	list, err := s.Journal(ctx, 9, 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

func attempt(file messages.FileID, n int) messages.Attempt {
	at := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	return messages.Attempt{
		Chunk: messages.ChunkID{File: file, Index: n}, Number: 1, Worker: "w",
		Sent: at, Ended: at.Add(time.Second), Outcome: "done", Hash: uint64(n),
	}
}

func exerciseJournal(t *testing.T, s Store) {
	ctx := context.Background()
	term := lead(t, s, "a")
	var want []messages.Attempt
	for number := range uint64(3) {
		var b messages.Batch
		for i := range 20 {
			a := attempt(messages.FileID(i%2+1), int(number)*20+i)
			b.Journal = append(b.Journal, a)
			if a.Chunk.File == 1 {
				want = append(want, a)
			}
		}
		b.Number, b.ID = number+1, "x"
		commit(t, s, term, b)
	}
	slices.Reverse(want)
	for _, limit := range []int{0, 1, 7, len(want), 1000} {
		got, err := s.Journal(ctx, 1, limit)
		require.NoError(t, err)
		require.Equal(t, want[:min(limit, len(want))], append([]messages.Attempt{}, got...), "limit %d", limit)
	}
}

func exerciseJournalCap(t *testing.T, s Store) {
	term := lead(t, s, "a")
	total := 0
	for i, n := range []int{messages.JournalCap - 500, 1000} {
		b := messages.Batch{Number: uint64(i) + 1, ID: "x"}
		for range n {
			b.Journal = append(b.Journal, attempt(1, total))
			total++
		}
		commit(t, s, term, b)
	}
	got, err := s.Journal(context.Background(), 1, 2*messages.JournalCap)
	require.NoError(t, err)
	require.Len(t, got, messages.JournalCap)
	require.Equal(t, attempt(1, total-1), got[0])
	require.Equal(t, attempt(1, total-messages.JournalCap), got[len(got)-1])
}

func exerciseLarge(t *testing.T, s Store) {
	const n = 20_000
	term := lead(t, s, "a")
	put := messages.Batch{Number: 1, ID: "put"}
	drop := messages.Batch{Number: 2, ID: "drop"}
	for i := range n {
		c := exampleChunk(1, i)
		put.Chunks = append(put.Chunks, c)
		if i > 0 {
			drop.DropChunks = append(drop.DropChunks, c.ID)
		}
	}
	commit(t, s, term, put)
	require.Equal(t, put.Chunks, load(t, s, term).Chunks)
	commit(t, s, term, drop)
	require.Equal(t, put.Chunks[:1], load(t, s, term).Chunks)
}

// exerciseParallel lets many writers claim the same number: one gets it.
func exerciseParallel(t *testing.T, s Store) {
	term := lead(t, s, "a")
	const writers = 8
	for number := uint64(1); number <= 5; number++ {
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				errs[i] = s.Commit(context.Background(), term, values(number, fmt.Sprint(i), "winner", fmt.Sprint(i)))
			})
		}
		wg.Wait()
		var won []int
		for i, err := range errs {
			if err == nil {
				won = append(won, i)
				continue
			}
			requireFenced(t, err, "the loser")
		}
		require.Len(t, won, 1)
		require.Equal(t, fmt.Sprint(won[0]), load(t, s, term).Values["winner"])
	}
}
