package results

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// doneWithFailed is what the books hold of a chunk that is done with failed items. reason is
// why the round of its id was given up, empty if it was done.
func doneWithFailed(id messages.ChunkID, failed int64, reason string) messages.OpenChunk {
	return messages.OpenChunk{Chunk: messages.Chunk{ID: id}, State: messages.ChunkDoneWithFailed, FailedItems: failed, Reason: reason}
}

// again records a retry of some items of chunk 1, of which some fail again.
func (b *bench) again(retry, items, failed int) Line {
	list := strings.Repeat(failedLine(6, "x"), failed)
	l := b.line(named{Index: 1, Retry: retry}, "", list)
	text := strings.Repeat(l.Result+"\n", items-failed)
	l = b.line(named{Index: 1, Retry: retry}, text, list)
	l.Items, l.Positions = items, [][2]int{{0, items - 1}}
	b.putLine(l, text, list)
	return l
}

// The books decide which rounds count: one that was given up may have left a line, or even a
// result.
func TestMergeCountsTheRoundsOfTheBooks(t *testing.T) {
	t.Parallel()
	remove := func(b *bench, l Line) { require.NoError(b.t, b.root.Remove("a.txt/"+l.Result)) }
	given := func(b *bench, retry int, failed int64, reason string) {
		b.books.FailedItems = failed
		b.books.Chunks = []messages.OpenChunk{doneWithFailed(messages.ChunkID{File: 1, Index: 1, Retry: retry}, failed, reason)}
	}
	for name, x := range map[string]struct {
		do    func(b *bench)
		want  string // results of retries
		items string // of the list of what failed
		err   error
	}{
		"one that was given up with a line alone": {func(b *bench) { remove(b, b.again(1, 2, 0)); given(b, 1, 2, "it failed") }, "", "x\nx\n", nil},
		"one that was given up with a result":     {func(b *bench) { b.again(1, 2, 0); given(b, 1, 2, "it failed") }, "", "x\nx\n", nil},
		"one that failed as before":               {func(b *bench) { b.again(1, 2, 2); given(b, 1, 2, "it failed") }, "", "x\nx\n", nil},
		"one after one that was given up":         {func(b *bench) { remove(b, b.again(1, 2, 1)); b.again(2, 2, 0) }, "r2 r2", "", nil},
		"one after one that left a result":        {func(b *bench) { b.again(1, 2, 0); b.again(2, 2, 0) }, "r2 r2", "", nil},
		"one after one that left another result":  {func(b *bench) { b.again(1, 2, 1); b.again(2, 2, 0) }, "r2 r2", "", nil},
		"two that follow from each other":         {func(b *bench) { b.again(1, 2, 1); b.again(2, 1, 0) }, "r1 r2", "", nil},
		"one that was given up after another":     {func(b *bench) { b.again(1, 2, 1); b.again(2, 1, 0); given(b, 2, 1, "it failed") }, "r1", "x\n", nil},
		"discarded ones":                          {func(b *bench) { b.again(1, 2, 1); b.books.FailedItems = 1 }, "r1", "x\n", nil},
		"one whose result is missing":             {func(b *bench) { remove(b, b.again(1, 2, 0)) }, "", "", ErrIncomplete},
		"one whose result was changed": {func(b *bench) {
			require.NoError(b.t, b.root.WriteFile("a.txt/"+b.again(1, 2, 0).Result, []byte("x"), 0o600))
		}, "", "", ErrChanged},
		"one by a worker without manifest": {func(b *bench) { b.books.UnrecordedRetries = 1 }, "", "", nil},
		"a part by a worker without manifest": {func(b *bench) {
			b.books.UnrecordedRetries = 1
			given(b, 1, 1, "")
		}, "", "x\nx\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 3)
			b.put(named{Index: 0}, "0\n", "")
			b.put(named{Index: 1}, "1\n", failedLine(6, "x")+failedLine(7, "x"))
			b.put(named{Index: 2}, "2\n", "")
			x.do(b)
			_, err := b.merge()
			require.ErrorIs(t, err, x.err)
			if x.err != nil {
				return
			}
			want := "0\n1\n"
			for r := range strings.FieldsSeq(x.want) {
				want += "a_chunk_1_" + r + ".jsonl\n"
			}
			require.Equal(t, want+"2\n", b.read("a.txt.jsonl"))
			if x.items == "" {
				require.NoFileExists(t, b.dir+"/a.txt.failed.txt")
				return
			}
			require.Equal(t, x.items, b.read("a.txt.failed.txt"))
		})
	}
}

// A chunk and its halves may both be recorded, after a store lost its last commits. Which of
// them counts is known by the books: by their digest, or by what they hold of a half.
func TestMergeOfChunksThatAreRecordedTwice(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T) (b *bench, digests map[string]uint64) {
		b = newBench(t, 2)
		digests = map[string]uint64{}
		for i := range 2 {
			for _, half := range []int{0, 2, 3, 6, 7} {
				n := named{Index: i, Half: half}
				l := b.line(n, "", "")
				text := l.Result + "\n"
				l = b.line(n, text, "")
				b.putLine(l, text, "")
				d, err := l.digest()
				require.NoError(t, err)
				digests[text] = d
			}
		}
		b.books.Digested = true
		return b, digests
	}
	name := func(n string) string { return "a_chunk_" + n + ".jsonl\n" }
	for _, x := range [][]string{{"0_s2", "0_s6", "0_s7", "1_s2", "1_s6", "1_s7"}, {"0", "1"}, {"0_s2", "0_s3", "1"}, {"0", "1_s2", "1_s6", "1_s7"}} {
		b, digests := build(t)
		want := ""
		for _, n := range x {
			want += name(n)
			b.books.Digest += digests[name(n)]
		}
		b.books.DoneChunks, b.books.RecordedChunks, b.books.Halvings = int64(len(x)), int64(len(x)), 9
		s, err := b.merge()
		require.NoError(t, err)
		require.Equal(t, want, b.read("a.txt.jsonl"))
		require.False(t, s.Partial)
	}

	b, _ := build(t) // an earlier version counted, without a digest
	b.books.Digested, b.books.DoneChunks, b.books.FailedItems = false, 4, 1
	b.books.Chunks = []messages.OpenChunk{doneWithFailed(messages.ChunkID{File: 1, Index: 0}, 1, "")}
	_, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, name("0")+name("1_s2")+name("1_s6")+name("1_s7"), b.read("a.txt.jsonl"), "the books have the first chunk, and halves go first")

	b, _ = build(t)
	for i := range 2 { // not all halves were recorded
		require.NoError(t, os.RemoveAll(b.dir+"/a.txt/.manifest"))
		for _, n := range []named{{Index: i}, {Index: 1 - i}, {Index: i, Half: 2}, {Index: i, Half: 7}} {
			l := b.line(n, "", "")
			require.NoError(t, b.j.Append(b.root, "a.txt", b.line(n, l.Result+"\n", "")))
		}
	}
	b.books.Digested, b.books.DoneChunks = false, 2
	_, err = b.merge()
	require.NoError(t, err)
	require.Equal(t, name("0")+name("1"), b.read("a.txt.jsonl"))
}
