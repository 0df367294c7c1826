package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// bench is a results folder with the results of a.txt in a state.
type bench struct {
	t     *testing.T
	dir   string
	root  *os.Root
	books messages.Books
	j     Journal
}

// newBench returns a file of n chunks of 5 lines that has ended.
func newBench(t *testing.T, n int) *bench {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	require.NoError(t, root.Mkdir("a.txt", 0o755))
	return &bench{t: t, dir: dir, root: root, books: messages.Books{Deployment: "J6QK2", File: messages.File{
		ID: 1, Info: messages.FileInfo{Path: "a.txt", Size: int64(10 * n)}, Generation: 1, Base: "a", State: messages.FileDone,
		Cursor: messages.Cursor{Index: n, Line: int64(5*n + 1), Offset: int64(10 * n)},
		Items:  int64(5 * n), DoneChunks: int64(n), DoneItems: int64(5 * n), Started: time.Unix(1, 0), Ended: time.Unix(2, 0),
	}}}
}

// line returns the line of a result with this content, as its worker would append it.
func (b *bench) line(n messages.ChunkName, text, list string) Line {
	n.Base = "a"
	l := Line{
		BatchID: n.BatchID(1), Index: n.Index, Half: n.Half, Retry: n.Retry, Attempt: 1, Deployment: "J6QK2", Generation: max(n.Generation, 1),
		Offset: int64(n.Index) * 10, Length: 10, FirstLine: int64(n.Index)*5 + 1, Items: 5, InputHash: Hash(uint64(n.Index)),
		Result: n.String() + Suffix, Lines: int64(strings.Count(text, "\n")), Bytes: int64(len(text)), Hash: Hash(xxhash.Sum64String(text)),
		Failed: strings.Count(list, "\n"), Worker: "w-1", Started: Time(time.Unix(1, 0)), Ended: Time(time.Unix(2, 0)),
	}
	if list != "" {
		l.FailedListHash = Hash(xxhash.Sum64String(list))
	}
	return l
}

// put puts a result in place with its line.
func (b *bench) put(n messages.ChunkName, text, list string) Line {
	b.t.Helper()
	l := b.line(n, text, list)
	b.putLine(l, text, list)
	return l
}

func (b *bench) putLine(l Line, text, list string) {
	b.t.Helper()
	require.NoError(b.t, b.j.Append(b.root, "a.txt", l))
	require.NoError(b.t, b.root.WriteFile("a.txt/"+l.Result, []byte(text), 0o644))
	if list != "" {
		require.NoError(b.t, b.root.WriteFile("a.txt/"+FailedListName(l.Result), []byte(list), 0o644))
	}
}

func (b *bench) merge() (Summary, error) { return b.with(func(*Merge) {}) }

func (b *bench) with(change func(*Merge)) (Summary, error) {
	m := Merge{Books: b.books, Dir: b.dir}
	change(&m)
	return m.Run(b.t.Context())
}

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	require.NoError(b.t, err)
	return string(text)
}

// leftovers lists hidden files beside the merged ones.
func (b *bench) leftovers() (names []string) {
	b.t.Helper()
	entries, err := os.ReadDir(b.dir)
	require.NoError(b.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

type named = messages.ChunkName

func failedLine(line int, item string) string {
	return fmt.Sprintf(`{"line":%d,"item":%q,"exit":1,"error":"refused"}`+"\n", line, item)
}

func TestMerge(t *testing.T) {
	t.Parallel()
	b := newBench(t, 12)
	b.books.File.State, b.books.File.FailedItems, b.books.File.DoneItems = messages.FileDoneWithRejects, 2, 58
	for _, i := range []int{11, 3, 10, 0, 2, 1, 9, 8, 7, 6, 5, 4} {
		text, list := fmt.Sprintf("r%d\n", i), ""
		switch i {
		case 4:
			text = "r4 without a line end"
		case 5:
			text = ""
		case 10:
			list = failedLine(51, "<x>") + failedLine(53, "y")
		}
		b.put(named{Index: i}, text, list)
	}
	s, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "r0\nr1\nr2\nr3\nr4 without a line end\nr6\nr7\nr8\nr9\nr10\nr11\n", b.read("a.txt.jsonl"))
	require.Equal(t, failedLine(51, "<x>")+failedLine(53, "y"), b.read("a.txt.failed.jsonl"))
	require.Equal(t, "<x>\ny\n", b.read("a.txt.failed.txt"))
	require.Empty(t, b.leftovers())
	require.Equal(t, []WorkerShare{{"w-1", 12, 60, 2}}, s.Workers)
	require.Equal(t, SummaryChunks{12, 0, 12}, s.Chunks)
	require.Equal(t, int64(11), s.Result.Lines)
	require.False(t, s.Partial)
	var stored Summary
	require.NoError(t, json.Unmarshal([]byte(b.read("a.txt.summary.json")), &stored))
	require.Equal(t, s, stored)

	again, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, s, again, "a complete merge is not done again")
	name := filepath.Join(b.dir, "a.txt.summary.json")
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(b.read("a.txt.summary.json"), `"w-1"`, `"w-2"`, 1)), 0o600))
	again, err = b.merge()
	require.NoError(t, err)
	require.Equal(t, s.Workers, again.Workers, "one whose summary was changed is")
	require.NoError(t, os.Remove(filepath.Join(b.dir, "a.txt.jsonl")))
	_, err = b.merge()
	require.NoError(t, err)
	require.Len(t, b.read("a.txt.jsonl"), int(s.Result.Bytes))
}

// Halves stand in the place of their chunk; what a chunk left that was halved, and what was
// given up, does not count.
func TestMergeHalves(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.put(named{Index: 0}, "0\n", "")
	b.put(named{Index: 1}, "late\n", "")
	b.put(named{Index: 1, Half: 2}, "s2\n", "")
	b.put(named{Index: 1, Half: 3}, "late\n", "")
	b.put(named{Index: 1, Half: 6}, "s6\n", "")
	b.put(named{Index: 1, Half: 15}, "s15\n", "")
	b.put(named{Index: 2}, "2\n", "")
	b.books.File.DoneChunks, b.books.File.DeadChunks, b.books.File.State = 5, 1, messages.FileDoneWithRejects
	b.books.Chunks = []messages.OpenChunk{{Chunk: messages.Chunk{ID: messages.ChunkID{Index: 1, Half: 14}, FirstLine: 9, Lines: 1, Items: 1}, State: messages.ChunkDead, Reason: "it kills"}}
	s, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\ns2\ns6\ns15\n2\n", b.read("a.txt.jsonl"))
	require.Equal(t, []DeadLines{{9, 9, 1, "it kills"}}, s.DeadLines)

	b = newBench(t, 1) // nothing but a result that came after the chunk was given up
	b.put(named{}, "late\n", "")
	b.books.File.DoneChunks, b.books.File.DeadChunks = 0, 1
	b.books.Chunks = []messages.OpenChunk{
		{Chunk: messages.Chunk{ID: messages.ChunkID{Half: 2}}, State: messages.ChunkDead}, {Chunk: messages.Chunk{ID: messages.ChunkID{Half: 3}}, State: messages.ChunkDead},
	}
	_, err = b.merge()
	require.NoError(t, err)
	require.Empty(t, b.read("a.txt.jsonl"))
}

// The results of retries follow those of their chunk, and their failed items take the place
// of its.
func TestMergeRetries(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.put(named{Index: 0}, "0\n", failedLine(2, "b")+failedLine(3, "c"))
	l := b.line(named{Index: 0, Retry: 1}, "0r1\n", failedLine(3, "c"))
	l.Positions, l.Items = [][2]int{{1, 2}}, 2
	b.putLine(l, "0r1\n", failedLine(3, "c"))
	b.put(named{Index: 1}, "1\n", failedLine(7, "g"))
	b.put(named{Index: 1, Retry: 1}, "1 all of it\n", "")
	b.put(named{Index: 2}, "2\n", "")
	b.books.FailedItems = 1
	b.books.Chunks = []messages.OpenChunk{doneWithFailed(messages.ChunkID{File: 1, Retry: 1}, 1, "")}
	_, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\n0r1\n1 all of it\n2\n", b.read("a.txt.jsonl"))
	require.Equal(t, "c\n", b.read("a.txt.failed.txt"))

	l = b.line(named{Index: 0, Retry: 2}, "0r2\n", "")
	l.Positions, l.Items = [][2]int{{2, 2}}, 1
	b.putLine(l, "0r2\n", "")
	b.books.FailedItems, b.books.Chunks = 0, nil
	_, err = b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\n0r1\n0r2\n1 all of it\n2\n", b.read("a.txt.jsonl"))
	require.NoFileExists(t, filepath.Join(b.dir, "a.txt.failed.txt"))
	require.NoFileExists(t, filepath.Join(b.dir, "a.txt.failed.jsonl"))
}

// A file that was in work when the program was updated has results in the folder and in the
// manner of both versions.
func TestMergeResultsOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4)
	b.books.File.Info.Path, b.books.File.Generation, b.books.File.Base = "A.txt", 2, messages.Base("A.txt")
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(b.dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644))
	}
	write("A.txt/A_chunk_0_g2.jsonl", "0\n")
	write("A.txt/A_chunk_0.jsonl", "of the first generation\n")
	write("A.txt/A_chunk_4_g2.jsonl", "of a state that was lost\n")
	write("A.txt%+1@2/A_chunk_1_g2.jsonl", "1\n")
	write("A.txt%+1@2/A_chunk_3_g2.jsonl", "3\n")
	write("A.txt%+1@2/A_chunk_3_g2.failed.jsonl", failedLine(20, "t"))
	l := b.line(named{Index: 2, Generation: 2}, "2\n", "")
	l.Result = "A_chunk_2_g2.jsonl"
	require.NoError(t, b.j.Append(b.root, "A.txt%+1@2", l))
	write("A.txt%+1@2/A_chunk_2_g2.jsonl", "2\n")
	s, err := b.with(func(m *Merge) { m.Replace = true })
	require.NoError(t, err)
	require.Equal(t, "0\n1\n2\n3\n", b.read("A.txt%+1@2.jsonl"))
	require.Equal(t, "t\n", b.read("A.txt%+1@2.failed.txt"))
	require.Equal(t, 3, s.Unrecorded)
	require.FileExists(t, filepath.Join(b.dir, "A.txt%+1@2/A_chunk_2_g2.jsonl"), "nothing is removed that no manifest names")
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(b *bench)
		err    error
		text   string
	}{
		{"a file in work", func(b *bench) { b.books.File.Ended = time.Time{} }, ErrRunning, "--partial"},
		{"a file that was cancelled", func(b *bench) {
			b.books.File.State, b.books.File.CancelledBytes = messages.FileCancelled, 10
		}, ErrCancelled, "--partial"},
		{"a missing result", func(b *bench) { _ = b.root.Remove("a.txt/a_chunk_1.jsonl") }, ErrIncomplete, "chunk 1 (from line 6)"},
		{"a missing line", func(b *bench) {
			_ = b.root.RemoveAll("a.txt")
			_ = b.root.Mkdir("a.txt", 0o755)
			b.put(named{Index: 2}, "2\n", "")
		},
			ErrIncomplete, "chunks 0 to 1 (between the lines 1 and 10), chunks 3 to 4 (between the lines 16 and 25)"},
		{"no results at all", func(b *bench) { _ = b.root.RemoveAll("a.txt") }, ErrNoResults, "keep their results themselves"},
		{"results that are gone", func(b *bench) { _ = b.root.RemoveAll("a.txt"); b.books.RecordedChunks = 5 }, ErrNoResults, "is it the folder of the workers?"},
		{"an edited result", func(b *bench) { _ = b.root.WriteFile("a.txt/a_chunk_1.jsonl", []byte("X\n"), 0o644) }, ErrChanged, "chunk 1 (from line 6)"},
		{"a longer result", func(b *bench) { _ = b.root.WriteFile("a.txt/a_chunk_1.jsonl", []byte("1\n1\n"), 0o644) }, ErrChanged, "4 bytes"},
		{"an edited list", func(b *bench) {
			_ = b.root.WriteFile("a.txt/a_chunk_0.failed.jsonl", []byte(failedLine(1, "B")), 0o644)
		}, ErrChanged, "failed items of chunk 0"},
		{"a missing list", func(b *bench) { _ = b.root.Remove("a.txt/a_chunk_0.failed.jsonl") }, ErrIncomplete, "failed items of chunk 0"},
		{"an edited manifest", func(b *bench) {
			text := strings.Replace(b.read("a.txt/.manifest/w-1.jsonl"), `"w-1"`, `"w-2"`, 1)
			_ = b.root.WriteFile("a.txt/.manifest/w-1.jsonl", []byte(text), 0o644)
		}, ErrChanged, "line 1 of a.txt/.manifest/w-1.jsonl"},
		{"a surplus result", func(b *bench) { b.books.File.DoneChunks = 4 }, ErrIncomplete, "5 results"},
		{"results of another state", func(b *bench) { b.books.Deployment = "other"; b.books.File.Base = "x" }, ErrNoResults, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 5)
			for i := range 5 {
				list := ""
				if i == 0 {
					list = failedLine(1, "b")
				}
				b.put(named{Index: i}, fmt.Sprintf("%d\n", i), list)
			}
			tt.change(b)
			_, err := b.merge()
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.text)
			require.NoFileExists(t, filepath.Join(b.dir, "a.txt.jsonl"))
			require.NoFileExists(t, filepath.Join(b.dir, "a.txt.summary.json"))
		})
	}
}

// Chunks that are not those that were counted are refused, however many they are.
func TestMergeComparesTheDigest(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	for i := range 3 {
		d, err := b.put(named{Index: i}, fmt.Sprintf("%d\n", i), "").digest()
		require.NoError(t, err)
		b.books.Digest += d
	}
	b.books.Digested = true
	retry := b.line(named{Index: 1, Retry: 1}, "1 all of it\n", "")
	b.putLine(retry, "1 all of it\n", "")
	_, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\n1 all of it\n2\n", b.read("a.txt.jsonl"))
	require.NoError(t, os.Remove(filepath.Join(b.dir, "a.txt.jsonl")))
	b.books.Digest++
	_, err = b.merge()
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "digest")
	s, err := b.with(func(m *Merge) { m.Partial = true })
	require.NoError(t, err)
	require.True(t, s.Partial)
}

// After a store lost its last commits, the name of a chunk may stand for other lines. Only
// the line of the result that stands counts.
func TestMergeOfAChunkThatWasCutAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	former := b.line(named{Index: 1}, "1 2\n", "")
	former.Length, former.Items, former.InputHash, former.Worker = 20, 10, Hash(7), "w-0"
	require.NoError(t, b.j.Append(b.root, "a.txt", former))
	for i := range 2 {
		d, err := b.put(named{Index: i}, fmt.Sprintf("%d\n", i), "").digest()
		require.NoError(t, err)
		b.books.Digest += d
	}
	b.books.Digested = true
	_, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\n1\n", b.read("a.txt.jsonl"))
}

func TestMergePartial(t *testing.T) {
	t.Parallel()
	b := newBench(t, 5)
	b.books.File.Ended, b.books.File.State = time.Time{}, messages.FileRunning
	b.put(named{Index: 3}, "3\n", "")
	b.put(named{Index: 1}, "1\n", "")
	b.put(named{Index: 2}, "2\n", "")
	require.NoError(t, b.root.Remove("a.txt/a_chunk_2.jsonl"))
	s, err := b.with(func(m *Merge) { m.Partial, m.Ext, m.Out = true, "csv", filepath.Join(b.dir, "home") })
	require.NoError(t, err)
	require.True(t, s.Partial)
	require.Equal(t, "1\n3\n", b.read("home/a.txt.csv"))
	require.NoError(t, b.root.WriteFile("a.txt/.manifest/w-9.jsonl", []byte("{}\n"), 0o644))
	_, err = b.with(func(m *Merge) { m.Partial = true })
	require.ErrorIs(t, err, ErrChanged, "what is damaged is not what is missing")
}

// Of a cancelled file the part that is done is merged when somebody asks for it, without
// results that came when their chunk was cancelled already. What was not done is listed.
func TestMergeOfACancelledFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	f := &b.books.File
	f.State, f.Reason, f.Info.Size, f.CancelledBytes = messages.FileCancelled, "cancelled by api", 40, 10
	f.DoneChunks, f.DoneItems, f.CancelledChunks, f.CancelledItems = 2, 10, 1, 5
	b.books.Chunks = []messages.OpenChunk{{State: messages.ChunkCancelled, Reason: "cancelled by api", Chunk: messages.Chunk{
		ID: messages.ChunkID{File: 1, Index: 1}, Offset: 10, Length: 10, FirstLine: 6, Lines: 5, Items: 5,
	}}}
	for i := range 3 {
		b.put(named{Index: i}, fmt.Sprintf("%d\n", i), "")
	}
	s, err := b.with(func(m *Merge) { m.Partial = true })
	require.NoError(t, err)
	require.True(t, s.Partial)
	require.Equal(t, SummaryItems{Cut: 15, Done: 10, Cancelled: 5}, s.Items)
	require.Equal(t, &Cancelled{Lines: []DeadLines{{6, 10, 5, "cancelled by api"}}, Bytes: 10}, s.Cancelled)
	require.Equal(t, "0\n2\n", b.read("a.txt.jsonl"))
	f.CancelledBytes, f.CancelledItems, f.CancelledChunks, f.DoneChunks, f.DoneItems, f.Info.Size = 0, 0, 0, 3, 15, 30
	b.books.Chunks = nil
	s, err = b.merge()
	require.NoError(t, err, "nothing was left out")
	require.False(t, s.Partial)
}

// What was merged of a file that had not ended, or while a result was missing, is not what
// a merge of all of it is.
func TestMergeAfterAPartialOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	ended := b.books
	b.books.File.Ended, b.books.File.State = time.Time{}, messages.FileRunning
	b.put(named{Index: 0}, "0\n", "")
	b.put(named{Index: 1}, "1\n", "")
	require.NoError(t, b.root.Rename("a.txt/a_chunk_0.jsonl", "a.txt/a"))
	partial := func(m *Merge) { m.Partial = true }
	_, err := b.with(partial)
	require.NoError(t, err)
	require.Equal(t, "1\n", b.read("a.txt.jsonl"))
	ctx, cancel := context.WithCancel(t.Context())
	m := Merge{Books: b.books, Dir: b.dir, Partial: true, Progress: func(int, int) { cancel() }}
	_, err = m.Run(ctx)
	require.ErrorIs(t, err, context.Canceled, "it is merged again")
	b.books = ended
	b.books.DoneChunks, b.books.DoneItems, b.books.DeadChunks, b.books.DeadItems = 2, 10, 1, 5
	b.books.State = messages.FileDoneWithRejects
	b.books.Chunks = []messages.OpenChunk{{Chunk: messages.Chunk{ID: messages.ChunkID{File: 1, Index: 2}, FirstLine: 11, Lines: 5, Items: 5}, State: messages.ChunkDead}}
	require.NoError(t, b.root.Rename("a.txt/a", "a.txt/a_chunk_0.jsonl"))
	s, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\n1\n", b.read("a.txt.jsonl"))
	require.False(t, s.Partial)
	require.Equal(t, int64(5), s.Items.Dead)
	b.books.DeadChunks, b.books.DeadItems, b.books.Chunks = 0, 0, nil
	b.books.DoneItems, b.books.State = 15, messages.FileDone
	s, err = b.with(partial)
	require.NoError(t, err)
	require.Equal(t, "done", s.State, "the summary is that of the books")
}

var errKilled = errors.New("killed")

// A merge that is interrupted anywhere continues where it was synced last.
func TestMergeContinues(t *testing.T) {
	t.Parallel()
	const n = 20
	for stop := 1; stop < n; stop += 3 {
		b := newBench(t, n)
		want := ""
		for i := range n {
			b.put(named{Index: i}, fmt.Sprintf("%d\n", i), failedLine(i, "x"))
			want += fmt.Sprintf("%d\n", i)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		m := Merge{Books: b.books, Dir: b.dir, Progress: func(merged, _ int) {
			if merged == stop {
				cancel(errKilled)
			}
		}}
		_, err := m.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
		hidden := filepath.Join(b.dir, ".a.txt.jsonl.merging")
		f, err := os.OpenFile(hidden, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString("written after the checkpoint")
		require.NoError(t, errors.Join(err, f.Close()))
		var steps []int
		s, err := b.with(func(m *Merge) { m.Progress = func(merged, _ int) { steps = append(steps, merged) } })
		require.NoError(t, err)
		require.Equal(t, stop+1, steps[0], "it began again")
		require.Equal(t, want, b.read("a.txt.jsonl"))
		require.Equal(t, strings.Repeat("x\n", n), b.read("a.txt.failed.txt"))
		require.Equal(t, Hash(xxhash.Sum64String(want)), s.Result.Hash)
		require.Equal(t, int64(n), s.Workers[0].Chunks)
		require.Empty(t, b.leftovers())
	}
}

// What an interrupted merge left is of no use when the results are others.
func TestMergeBeginsAgainWithOtherResults(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	for i := range 3 {
		b.put(named{Index: i}, fmt.Sprintf("%d\n", i), "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	m := Merge{Books: b.books, Dir: b.dir, Progress: func(int, int) { cancel() }}
	_, err := m.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	b.put(named{Index: 0}, "another attempt\n", "")
	_, err = b.merge()
	require.NoError(t, err)
	require.Equal(t, "another attempt\n1\n2\n", b.read("a.txt.jsonl"))
}

func TestMergeReplaces(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	b.put(named{Index: 0}, "0\n", "")
	b.put(named{Index: 1}, "1\n", "")
	replace := func(m *Merge) { m.Replace = true }
	b.books.File.State = messages.FileDoneWithRejects
	_, err := b.with(replace)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(b.dir, "a.txt/a_chunk_0.jsonl"), "a retry may follow")
	b.books.File.State = messages.FileDone
	for range 2 { // the second one finds what a killed one left
		_, err = b.with(replace)
		require.NoError(t, err)
		require.NoFileExists(t, filepath.Join(b.dir, "a.txt/a_chunk_0.jsonl"))
		require.NoFileExists(t, filepath.Join(b.dir, "a.txt/a_chunk_1.jsonl"))
		require.Equal(t, "0\n1\n", b.read("a.txt.jsonl"))
		require.Contains(t, b.read("a.txt.summary.json"), `"replaced": true`)
	}
}

// A state that is older than a merge that replaced the results has some of the chunks done
// again. The merged result stands for all of them.
func TestMergeAfterAnOlderStateWasPutBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.books.Digested = true
	for i := range 3 {
		d, err := b.put(named{Index: i}, fmt.Sprintf("%d\n", i), "").digest()
		require.NoError(t, err)
		b.books.Digest += d
	}
	replace := func(m *Merge) { m.Replace = true }
	_, err := b.with(replace)
	require.NoError(t, err)
	b.books.Ended = b.books.Ended.Add(time.Hour)
	b.put(named{Index: 2}, "2 again\n", "")
	s, err := b.with(replace)
	require.NoError(t, err)
	require.True(t, s.Replaced)
	require.Equal(t, "0\n1\n2\n", b.read("a.txt.jsonl"))
	require.NoFileExists(t, filepath.Join(b.dir, "a.txt/a_chunk_2.jsonl"))
	again, err := b.with(replace)
	require.NoError(t, err)
	require.Equal(t, s, again)
	require.Equal(t, b.books.Ended.UTC(), *again.Ended)

	b.books.Digest++ // other chunks: their results are not in the merged one
	b.put(named{Index: 2}, "3 again\n", "")
	_, err = b.with(replace)
	require.ErrorIs(t, err, ErrIncomplete)
}

func TestMergeAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.put(named{}, "0\n", "")
	l, err := acquire(filepath.Join(b.dir, ".a.txt.lock"+tempEnd))
	require.NoError(t, err)
	_, err = b.merge()
	require.ErrorIs(t, err, ErrBusy)
	l.release()
	_, err = b.merge()
	require.NoError(t, err)
}

// Names in a manifest lead nowhere else.
func TestMergeStaysInTheFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../b.jsonl", ".manifest/w-1.jsonl", ".hidden.jsonl", `..\b.jsonl`, "a", "", "/etc/passwd", ".jsonl"} {
		require.False(t, plainName(name), name)
	}
	b := newBench(t, 1)
	outside := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(outside, []byte("0\n"), 0o644))
	require.NoError(t, b.j.Append(b.root, "a.txt", b.line(named{}, "0\n", "")))
	require.NoError(t, os.Symlink(outside, filepath.Join(b.dir, "a.txt", "a_chunk_0.jsonl")))
	_, err := b.merge()
	require.ErrorIs(t, err, ErrIncomplete)
}

// The memory of a merge does not grow with the results, and little with their number.
func BenchmarkPlan(b *testing.B) {
	root := b.TempDir()
	r, err := os.OpenRoot(root)
	require.NoError(b, err)
	defer r.Close()
	require.NoError(b, r.MkdirAll("a.txt/"+ManifestFolder, 0o755))
	f, err := r.Create("a.txt/" + ManifestFolder + "/w.jsonl")
	require.NoError(b, err)
	const n = 282_000
	var text []byte
	for i := range n {
		text = append(text, sample(i).Encode()...)
	}
	_, err = f.Write(text)
	require.NoError(b, errors.Join(err, f.Close()))
	books := messages.Books{Deployment: "J6QK2", File: messages.File{Info: messages.FileInfo{Path: "a.txt"}, DoneChunks: n, Cursor: messages.Cursor{Index: n}}}
	for b.Loop() {
		p, err := newPlan(r, newBooks(books))
		require.NoError(b, err)
		require.Len(b, p.parts, n)
	}
}
