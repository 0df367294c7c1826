package proof

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// numbered is a text of n lines.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.0.0.%d\n", i+1)
	}
	return b.String()
}

// exampleFile is a file with a chunk of each kind: done by two workers, with failed
// items and blank lines, dead, and with blank lines at the end.
func exampleFile(t *testing.T) *fixture {
	f := newFixture(t, "\xEF\xBB\xBF"+numbered(9)+"\n \t\n"+numbered(9)+"\n\n")
	f.done(0, 0, 3)
	f.done(1, 0, 3, 5)
	f.dead(2, 0, 3)
	f.done(3, 0, 5)
	f.done(4, 0, 6, 16, 18)
	f.books.Cursor.Offset = f.books.Info.Size // the master skips the blank rest
	return f
}

func TestFileThatHolds(t *testing.T) {
	t.Parallel()
	r := exampleFile(t).check()
	require.Empty(t, r.Findings)
	require.Empty(t, r.Unknown)
	require.Equal(t, Holds, r.Verdict)
	require.Equal(t, int64(22), r.Lines)
	require.Equal(t, []int64{18, 12, 3, 3, 0}, []int64{r.Items, r.Done, r.Failed, r.Dead, r.Missing})
}

// damage is a change that must be noticed, with the lines that must be named.
type damage struct {
	do          func(f *fixture)
	first, last int64
}

func edit(path string, change func(string) string) func(f *fixture) {
	return func(f *fixture) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(f.dir, path)
		}
		text, err := os.ReadFile(path)
		require.NoError(f.t, err)
		changed := change(string(text))
		require.NotEqual(f.t, string(text), changed)
		require.NoError(f.t, os.WriteFile(path, []byte(changed), 0o600))
	}
}

// Whatever is changed is noticed, and the lines are named that it concerns.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	drop := func(path string) func(*fixture) {
		return func(f *fixture) { require.NoError(f.t, os.Remove(filepath.Join(f.dir, path))) }
	}
	swap := func(a, b string) func(*fixture) {
		return func(f *fixture) {
			a, b := filepath.Join(f.dir, a), filepath.Join(f.dir, b)
			require.NoError(f.t, os.Rename(a, a+"x"))
			require.NoError(f.t, os.Rename(b, a))
			require.NoError(f.t, os.Rename(a+"x", b))
		}
	}
	cutOff := func(s string) string { return s[:len(s)-1] }
	manifestLine := func(n int, change func(string) string) func(*fixture) {
		return edit(filepath.Join(manifestFolder, "w-1.jsonl"), func(text string) string {
			lines := strings.SplitAfter(text, "\n")
			lines[n] = change(lines[n])
			return strings.Join(lines, "")
		})
	}
	for name, d := range map[string]damage{
		"a result is deleted":           {drop("ips_chunk_3.jsonl"), 10, 14},
		"a result is truncated":         {edit("ips_chunk_0.jsonl", cutOff), 1, 3},
		"a result is empty":             {edit("ips_chunk_0.jsonl", func(string) string { return "" }), 1, 3},
		"a byte of a result is another": {edit("ips_chunk_4.jsonl", func(s string) string { return strings.Replace(s, "n", "m", 1) }), 15, 20},
		"a result has a line more":      {edit("ips_chunk_4.jsonl", func(s string) string { return s + "x\n" }), 15, 20},
		"results are swapped":           {swap("ips_chunk_0.jsonl", "ips_chunk_3.jsonl"), 1, 3},
		"a failed list is deleted":      {drop("ips_chunk_1.failed.jsonl"), 4, 6},
		"a failed list is truncated":    {edit("ips_chunk_4.failed.jsonl", cutOff), 15, 20},
		"failed lists are swapped":      {swap("ips_chunk_1.failed.jsonl", "ips_chunk_4.failed.jsonl"), 4, 6},
		"a failed list is added":        {func(f *fixture) { f.write("ips_chunk_0.failed.jsonl", "{\"line\":1}\n") }, 1, 3},
		"a manifest line is deleted":    {manifestLine(1, func(string) string { return "" }), 4, 6},
		"a manifest line is cut off":    {manifestLine(1, func(s string) string { return s[:40] + "\n" }), 4, 6},
		"a number of a manifest line":   {manifestLine(1, func(s string) string { return strings.Replace(s, `"failed":1`, `"failed":0`, 1) }), 4, 6},
		"a manifest line is replaced":   {func(f *fixture) { manifestLine(1, func(string) string { return f.lineOf(0) })(f) }, 4, 6},
		"a manifest is deleted":         {drop(filepath.Join(manifestFolder, "w-1.jsonl")), 1, 6},
		"a line of the input is another": {func(f *fixture) {
			edit(f.input, func(s string) string { return strings.Replace(s, "0.8", "0.9", 1) })(f)
		}, 7, 9},
		"a line of the input is deleted": {func(f *fixture) {
			edit(f.input, func(s string) string { return strings.Replace(s, "10.0.0.8\n", "", 1) })(f)
		}, 7, 21},
		"the input is cut off":            {func(f *fixture) { edit(f.input, func(s string) string { return s[:len(s)-12] })(f) }, 15, 21},
		"the input has grown":             {func(f *fixture) { edit(f.input, func(s string) string { return s + "new\nnew\n" })(f) }, 23, 24},
		"a blank line got an item":        {func(f *fixture) { edit(f.input, func(s string) string { return s[:len(s)-2] + "x\n" })(f) }, 21, 21},
		"a blank line is blank otherwise": {func(f *fixture) { edit(f.input, func(s string) string { return s[:len(s)-2] + " \n" })(f) }, 21, 21},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exampleFile(t)
			d.do(f)
			r := f.check()
			require.Equal(t, Fails, r.Verdict)
			var named [][2]int64
			for _, x := range r.Findings {
				named = append(named, [2]int64{x.FirstLine, x.LastLine})
			}
			require.Contains(t, named, [2]int64{d.first, d.last}, "%+v", r.Findings)
		})
	}
}

// A change of any single byte is noticed, wherever it is. Only a line that is torn already
// may be torn otherwise.
func TestAnyByteIsFound(t *testing.T) {
	t.Parallel()
	f := exampleFile(t)
	paths := []string{f.input}
	for _, pattern := range []string{"*.jsonl", filepath.Join(manifestFolder, "*")} {
		list, err := filepath.Glob(filepath.Join(f.dir, pattern))
		require.NoError(t, err)
		paths = append(paths, list...)
	}
	require.Len(t, paths, 1+6+2)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for i := range text {
			changed := []byte(string(text))
			changed[i] ^= 1
			require.NoError(t, os.WriteFile(path, changed, 0o600))
			r := f.check()
			require.Equal(t, Fails, r.Verdict, "byte %d of %s", i, path)
			require.True(t, slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.FirstLine > 0 }), "byte %d of %s: %+v", i, path, r.Findings)
		}
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
	require.Equal(t, Holds, f.check().Verdict)
}

// What crashes and races leave behind changes nothing.
func TestLeftoversAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(f *fixture){
		"a torn last line": func(f *fixture) { f.appendText("w-1", `{"batchId":"ips_chunk_9","ind`) },
		"a torn first line": func(f *fixture) {
			l := f.parsed(0)
			l.Worker, l.BatchID, l.Attempt = "w-7", "ips_chunk_0_a2", 2
			f.appendText("w-7", `{"batchId":"ips_chunk_9","ind`+"\n"+signed(l)+"\n")
		},
		"an attempt that lost a race": func(f *fixture) {
			l := f.parsed(1)
			l.BatchID, l.Attempt, l.Failed, l.Lines, l.Hash, l.ListHash, l.Ended = "ips_chunk_1_a2", 2, 0, 3, hex(7), "", l.Ended.Add(time.Hour)
			f.append(l)
		},
		"an attempt of a dead chunk that ended too late": func(f *fixture) {
			f.attempt(f.books.Chunks[0].Chunk, 3, "w-1")
		},
		"results of a state that was lost": func(f *fixture) {
			l := f.parsed(0)
			l.Deployment, l.Index, l.BatchID, l.Result, l.Offset = "OLD", 7, "ips_chunk_7", "ips_chunk_7.jsonl", 3
			f.append(l)
			f.write("ips_chunk_7.jsonl", "x\n")
		},
		"an unfinished result": func(f *fixture) {
			require.NoError(f.t, os.MkdirAll(filepath.Join(f.dir, ".tmp"), 0o700))
			f.write(filepath.Join(".tmp", "x.jsonl"), "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exampleFile(t)
			leave(f)
			r := f.check()
			require.Empty(t, r.Findings)
			require.Empty(t, r.Unknown)
			require.Equal(t, Holds, r.Verdict)
		})
	}
}

func TestWhatCannotBeKnown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture){
		"the input is gone":   func(f *fixture) { require.NoError(f.t, os.Remove(f.input)) },
		"the file is running": func(f *fixture) { f.books.State, f.books.Ended = messages.FileRunning, time.Time{} },
		"the file runs on after its books were read": func(f *fixture) {
			books := f.books
			data, err := os.ReadFile(f.input)
			require.NoError(f.t, err)
			text := string(data)
			require.NoError(f.t, os.WriteFile(f.input, []byte(text+numbered(9)), 0o600))
			f.done(books.Cursor.Index, 0, 3)
			l := *f.done(books.Cursor.Index+1, 0, 3)
			require.NoError(f.t, os.Remove(filepath.Join(f.dir, l.Result)))
			f.write("ips_chunk_99.jsonl", "x\n")
			f.books = books
			f.books.State, f.books.Ended = messages.FileRunning, time.Time{}
			f.books.Info.Size += int64(len(numbered(9)))
			f.books.Fingerprint = xxhash.Sum64String(text + numbered(9))
		},
		"the input changed": func(f *fixture) { f.books.State = messages.FileChanged },
		"a worker of another kind did a chunk": func(f *fixture) {
			l := f.parsed(1)
			require.NoError(f.t, os.Remove(filepath.Join(f.dir, "ips_chunk_1.jsonl")))
			require.NoError(f.t, os.Remove(filepath.Join(f.dir, "ips_chunk_1.failed.jsonl")))
			edit(f.manifest("w-1"), func(s string) string { return strings.Replace(s, f.lineOf(1), "", 1) })(f)
			f.books.RecordedChunks--
			f.books.OutputLines -= l.Lines
		},
		"a worker of another kind did a chunk again whose worker died after it recorded it": func(f *fixture) {
			f.books.RecordedChunks--
			f.books.OutputLines -= f.parsed(1).Lines
		},
		"a worker of another kind did a retry": func(f *fixture) {
			f.books.UnrecordedRetries++
			f.books.DoneItems++
			f.books.FailedItems--
		},
		"a worker of another kind did a retry again whose worker died after it recorded it": func(f *fixture) {
			f.retry(4, 1, 2, 18)
			f.books.UnrecordedRetries++
			f.books.OutputLines--
		},
		"an earlier version began it": func(f *fixture) { f.books.Digested, f.books.Digest, f.books.RecordedChunks = false, 0, 0 },
		"no results of ours": func(f *fixture) {
			require.NoError(f.t, os.RemoveAll(f.dir))
			f.books.RecordedChunks, f.books.OutputLines = 0, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exampleFile(t)
			change(f)
			r := f.check()
			require.Empty(t, r.Findings)
			require.NotEmpty(t, r.Unknown)
			require.Equal(t, Unknown, r.Verdict)
		})
	}
}

// Without the input the lines of what is missing are still named.
func TestDamageWithoutTheInput(t *testing.T) {
	t.Parallel()
	f := exampleFile(t)
	require.NoError(t, os.Remove(f.input))
	require.NoError(t, os.Remove(filepath.Join(f.dir, "ips_chunk_3.jsonl")))
	r := f.check()
	require.Equal(t, Fails, r.Verdict)
	require.Equal(t, []Finding{{Kind: resultDiffers, FirstLine: 10, LastLine: 14, Text: "the result ips_chunk_3.jsonl is missing"}}, r.Findings)
}

// Books that were changed behind the back of the master are noticed, too.
func TestBooksThatDiffer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*messages.Books){
		"digest":       func(b *messages.Books) { b.Digest++ },
		"recorded":     func(b *messages.Books) { b.RecordedChunks-- },
		"output lines": func(b *messages.Books) { b.OutputLines++ },
		"done items":   func(b *messages.Books) { b.DoneItems++; b.Items++ },
		"failed items": func(b *messages.Books) { b.FailedItems++; b.DoneItems-- },
		"dead items":   func(b *messages.Books) { b.DeadItems++; b.DoneItems-- },
		"chunks":       func(b *messages.Books) { b.Cursor.Index++ },
		"no dead ones": func(b *messages.Books) { b.Chunks = nil },
		"fingerprint":  func(b *messages.Books) { b.Fingerprint++ },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := exampleFile(t)
			change(&f.books)
			require.Equal(t, Fails, f.check().Verdict)
		})
	}
}

// Halves take the place of the chunk, also when its own result came after all.
func TestHalvesAndRetries(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T) *fixture {
		f := newFixture(t, numbered(12))
		f.done(0, 0, 4)
		f.done(1, 4, 1)
		f.dead(1, 5, 1)
		f.done(1, 3, 2, 7)
		f.done(2, 0, 4, 9, 12)
		f.books.Halvings = 2
		f.retry(2, 1, 2, 12)
		f.retry(2, 2, 1)
		return f
	}
	f := build(t)
	r := f.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	require.Equal(t, []int64{12, 10, 1, 1}, []int64{r.Items, r.Done, r.Failed, r.Dead})

	again := newFixture(t, numbered(4))
	again.done(0, 0, 4, 2, 3)
	again.retry(0, 2, 2)
	require.Equal(t, Holds, again.check().Verdict, "rounds that were given up may have left nothing")

	late := messages.Chunk{ID: messages.ChunkID{File: 1, Index: 1}, Offset: f.books.Chunks[0].Offset - 9, FirstLine: 5, Lines: 4, Items: 4, Length: 36, Hash: 1}
	f.attempt(late, 1, "w-9")
	require.Equal(t, Holds, f.check().Verdict, "the result of the whole chunk came too late")

	// A store that lost its last commits counted the whole chunk, after its halves.
	g := newFixture(t, numbered(8))
	g.done(0, 2, 2)
	g.done(0, 3, 2)
	g.books = newFixture(t, numbered(8)).books
	g.done(0, 0, 4)
	g.done(1, 0, 4)
	r = g.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)

	// Nor is it a matter of one chunk.
	g = newFixture(t, numbered(8))
	for i := range 2 {
		g.done(i, 2, 2)
		g.done(i, 3, 2)
	}
	g.books = newFixture(t, numbered(8)).books
	g.done(0, 0, 4)
	g.done(1, 0, 4)
	r = g.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)

	for name, d := range map[string]damage{
		"a half is missing":    {func(f *fixture) { require.NoError(f.t, os.Remove(filepath.Join(f.dir, "ips_chunk_1_s3.jsonl"))) }, 7, 8},
		"a retry was changed":  {edit("ips_chunk_2_r1.jsonl", func(s string) string { return s + "x\n" }), 9, 12},
		"a retry is missing":   {func(f *fixture) { require.NoError(f.t, os.Remove(filepath.Join(f.dir, "ips_chunk_2_r2.jsonl"))) }, 9, 12},
		"a half has no record": {func(f *fixture) { f.books.Chunks = nil }, 6, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := build(t)
			d.do(f)
			f.requireFound(d)
		})
	}
}

// A round that was given up does not count, even if an attempt at it left a line, or even a
// result; the merged result does not have it.
func TestRoundsThatWereGivenUp(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		first []int64 // what fails again in the first round, which was given up
		keeps bool    // its result
		last  bool    // it is the last one
	}{
		"without a result":               {nil, false, false},
		"with a result":                  {nil, true, false},
		"with a result that failed less": {[]int64{6}, true, false},
		"at last":                        {nil, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, numbered(9))
			f.done(0, 0, 3)
			f.done(1, 0, 3, 5, 6)
			f.done(2, 0, 3)
			books := f.books
			f.retry(1, 1, 2, x.first...)
			f.books = books
			if !x.keeps {
				require.NoError(t, os.Remove(filepath.Join(f.dir, "ips_chunk_1_r1.jsonl")))
			}
			if x.last {
				f.books.Chunks = append(f.books.Chunks, messages.OpenChunk{
					Chunk: messages.Chunk{ID: messages.ChunkID{File: 1, Index: 1, Retry: 1}}, State: messages.ChunkDoneWithFailed, FailedItems: 2, Reason: "it failed",
				})
			} else {
				f.retry(1, 2, 2)
			}
			r := f.check()
			require.Empty(t, r.Findings)
			require.Equal(t, Holds, r.Verdict)
		})
	}
}

// With MERGE=replace only the merged result is left.
func TestMergedResultInPlaceOfTheOthers(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T) *fixture {
		f := newFixture(t, numbered(9))
		f.done(0, 0, 3)
		f.done(1, 0, 3)
		f.done(2, 0, 3)
		var merged []byte
		for i := range 3 {
			name := filepath.Join(f.dir, fmt.Sprintf("ips_chunk_%d.jsonl", i))
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			merged = append(merged, text...)
			require.NoError(t, os.Remove(name))
		}
		require.NoError(t, os.WriteFile(f.dir+jsonl, merged, 0o600))
		return f
	}
	r := build(t).check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	for name, d := range map[string]damage{
		"a byte": {func(f *fixture) {
			edit(f.dir+jsonl, func(s string) string { return strings.Replace(s, "chunk_1", "chunk_7", 1) })(f)
		}, 4, 6},
		"cut off": {func(f *fixture) { edit(f.dir+jsonl, func(s string) string { return s[:len(s)-1] })(f) }, 7, 9},
		"longer":  {func(f *fixture) { edit(f.dir+jsonl, func(s string) string { return s + "x" })(f) }, 0, 0},
		"gone":    {func(f *fixture) { require.NoError(f.t, os.Remove(f.dir+jsonl)) }, 1, 9},
	} {
		f := build(t)
		d.do(f)
		r := f.check()
		require.Equal(t, Fails, r.Verdict, name)
		require.True(t, slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.FirstLine == d.first && x.LastLine == d.last }), "%s: %+v", name, r.Findings)
	}
}

// The manifests also have lines of attempts that lost a race, and one of them may end after
// the results were removed.
func TestMergedResultsOfSeveralAttempts(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T) (f *fixture, late line) {
		f = newFixture(t, numbered(9))
		l := *f.done(0, 0, 3)
		f.done(1, 0, 3)
		f.done(2, 0, 3)
		const other = "another text\n"
		l.BatchID, l.Attempt, l.Worker, l.Ended = "ips_chunk_0_a2", 2, "w-7", l.Ended.Add(time.Hour)
		l.Lines, l.Bytes, l.Hash = 1, int64(len(other)), hex(xxhash.Sum64String(other))
		merged := f.read("ips_chunk_0.jsonl") + f.read("ips_chunk_1.jsonl") + f.read("ips_chunk_2.jsonl")
		require.NoError(t, os.WriteFile(f.dir+".csv", []byte(merged), 0o600))
		require.NoError(t, os.WriteFile(f.dir+".summary.json", []byte(`{"deployment":"`+fixtureDeployment+`","replaced":true,"result":{"name":"ips.txt.csv"}}`), 0o600))
		for i := range 3 {
			require.NoError(t, os.Remove(filepath.Join(f.dir, fmt.Sprintf("ips_chunk_%d.jsonl", i))))
		}
		f.append(l)
		return f, l
	}
	f, late := build(t)
	r := f.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	f.write(late.Result, "another text\n")
	r = f.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	edit(f.dir+".csv", func(s string) string { return strings.Replace(s, "chunk_0", "chunk_7", 1) })(f)
	r = f.check()
	require.Len(t, r.Findings, 1)
	require.Equal(t, []int64{1, 3}, []int64{r.Findings[0].FirstLine, r.Findings[0].LastLine})
}

// A check of sizes sees what is missing or cut off, and reads neither input nor results.
func TestSizesAlone(t *testing.T) {
	t.Parallel()
	check := func(f *fixture) Report {
		r, err := Check(context.Background(), Case{Books: f.books, Results: f.dir, Sizes: true})
		require.NoError(t, err)
		return r
	}
	f := exampleFile(t)
	require.NoError(t, os.Remove(f.input))
	r := check(f)
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	edit("ips_chunk_3.jsonl", func(s string) string { return s[1:] })(f)
	require.Equal(t, []int64{10, 14}, []int64{check(f).Findings[0].FirstLine, check(f).Findings[0].LastLine})
}

// A check that has a limit ends on a slow file server, too.
func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := exampleFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Check(ctx, Case{Books: f.books, Results: f.dir, Sizes: true})
	require.ErrorIs(t, err, context.Canceled)
}

// The worker of a chunk with very many blank lines does not know the line of an item.
func TestFailedItemsWithoutALine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "\n"+numbered(3))
	l := f.done(0, 0, 4, 2, 3)
	require.Empty(t, f.check().Findings)
	list := strings.ReplaceAll(strings.ReplaceAll(f.read("ips_chunk_0.failed.jsonl"), `"line":2`, `"line":null`), `"line":3`, `"line":null`)
	f.write("ips_chunk_0.failed.jsonl", list)
	l.ListHash = hex(xxhash.Sum64String(list))
	require.NoError(t, os.Remove(f.manifest("w-1")))
	f.append(*l)
	require.Empty(t, f.check().Findings)
}
