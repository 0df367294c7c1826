package proof

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// mergedExample is a file with a chunk of each kind and a retry, of which one result does not
// end its last line, and whose merged files lie beside the results.
func mergedExample(t *testing.T) *fixture {
	f := exampleFile(t)
	f.retry(4, 1, 2, 18)
	f.merge()
	return f
}

// Whatever is changed in the merged files is noticed while the results stand beside them.
func TestDamageOfMergedFilesIsFound(t *testing.T) {
	t.Parallel()
	f := mergedExample(t)
	r := f.check()
	require.Empty(t, r.Findings)
	require.Empty(t, r.Notes)
	require.Equal(t, Holds, r.Verdict)
	drop := func(end string) func(*fixture) {
		return func(f *fixture) { require.NoError(f.t, os.Remove(f.dir+end)) }
	}
	change := func(end string, how func(string) string) func(*fixture) {
		return func(f *fixture) { edit(f.dir+end, how)(f) }
	}
	replaced := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	cutOff := func(s string) string { return s[:len(s)-1] }
	swapped := func(a, b int) func(string) string {
		return func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			lines[a], lines[b] = lines[b], lines[a]
			return strings.Join(lines, "")
		}
	}
	for name, d := range map[string]damage{
		"a byte of the result":            {change(jsonl, replaced("chunk_1", "chunk_7")), 4, 6},
		"a byte of a retry":               {change(jsonl, replaced("chunk_4_r1", "chunk_4_r2")), 15, 20},
		"the result is deleted":           {drop(jsonl), 1, 22},
		"the result is empty":             {change(jsonl, func(string) string { return "" }), 1, 3},
		"the result is truncated":         {change(jsonl, cutOff), 15, 20},
		"the result has a line more":      {change(jsonl, func(s string) string { return s + "x\n" }), 1, 22},
		"lines of the result are swapped": {change(jsonl, swapped(0, 5)), 10, 14},
		"the list is deleted":             {drop(failedSuffix), 1, 22},
		"a byte of the list":              {change(failedSuffix, replaced(`"line":5`, `"line":6`)), 4, 6},
		"the list is truncated":           {change(failedSuffix, cutOff), 15, 20},
		"lines of the list are swapped":   {change(failedSuffix, swapped(0, 1)), 4, 6},
		"the items are deleted":           {drop(failedLines), 1, 22},
		"an item":                         {change(failedLines, replaced("x", "y")), 4, 6},
		"an item more":                    {change(failedLines, func(s string) string { return s + "x\n" }), 1, 22},
		"the summary is deleted":          {func(f *fixture) { f.books.Merged = f.books.Ended; drop(".summary.json")(f) }, 1, 22},
		"a count of the summary":          {change(".summary.json", replaced(`"Done": 13`, `"Done": 14`)), 1, 22},
		"another summary":                 {func(f *fixture) { f.merge(func(s *summary) { s.Items.Done++ }) }, 1, 22},
		"another digest":                  {func(f *fixture) { f.merge(func(s *summary) { *s.Digest = hex(1) }) }, 1, 22},
		"a list of nothing":               {func(f *fixture) { f.merge(func(s *summary) { s.List, s.Lines = nil, nil }) }, 1, 22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mergedExample(t)
			d.do(f)
			f.requireFound(d)
		})
	}
}

// A change of any single byte of a merged file is noticed, too, and the lines are named.
func TestAnyByteOfMergedFilesIsFound(t *testing.T) {
	t.Parallel()
	f := mergedExample(t)
	for _, end := range []string{jsonl, failedSuffix, failedLines} {
		path := f.dir + end
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

	text, err := os.ReadFile(f.dir + ".summary.json")
	require.NoError(t, err)
	for i := range text {
		changed := []byte(string(text))
		changed[i] ^= 1
		require.Error(t, new(summary).parse(changed), "byte %d", i)
	}
}

// A manifest line that is missing makes no part of the merged files differ.
func TestMergedFilesWithoutAManifestLine(t *testing.T) {
	t.Parallel()
	f := mergedExample(t)
	edit(f.manifest("w-1"), func(s string) string { return strings.Replace(s, f.lineOf(1), "", 1) })(f)
	r := f.check()
	require.Equal(t, Fails, r.Verdict)
	require.False(t, slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.Kind == resultDiffers }), "%+v", r.Findings)
	edit(f.dir+jsonl, func(s string) string { return strings.Replace(s, "chunk_3", "chunk_7", 1) })(f)
	require.True(t, slices.ContainsFunc(f.check().Findings, func(x Finding) bool { return x.Kind == resultDiffers }))
}

// A result whose last line has no line end gets one in the merged result.
func TestMergedResultOfAnOpenLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, numbered(4))
	l, next := *f.done(0, 0, 2), *f.done(1, 0, 2)
	text := strings.TrimSuffix(f.read(l.Result), "\n")
	f.write(l.Result, text)
	l.Bytes, l.Hash = int64(len(text)), hex(xxhash.Sum64String(text))
	require.NoError(t, os.Remove(f.manifest("w-1")))
	f.append(l)
	f.append(next)
	f.merge()
	require.Empty(t, f.check().Findings)
	edit(f.dir+jsonl, func(s string) string { return s[:len(text)] + "\v" + s[len(text)+1:] })(f)
	r := f.check()
	require.Len(t, r.Findings, 1)
	require.Equal(t, []int64{1, 4}, []int64{r.Findings[0].FirstLine, r.Findings[0].LastLine})
}

// Merged files that are of another state of the file, or that a person took away, are no
// damage.
func TestMergedFilesOfAnotherState(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture){
		"of an earlier end": func(f *fixture) { f.books.Ended = f.books.Ended.Add(time.Hour) },
		"of a state that was lost": func(f *fixture) {
			f.merge(func(s *summary) { s.Deployment = "OLD" })
		},
		"of a part": func(f *fixture) {
			f.merge(func(s *summary) { s.Partial = true })
		},
		"all of them are taken away": func(f *fixture) {
			for _, end := range []string{jsonl, failedSuffix, failedLines, ".summary.json"} {
				require.NoError(f.t, os.Remove(f.dir+end))
			}
			f.books.Merged = f.books.Ended
		},
		"no merge was complete": func(f *fixture) {
			require.NoError(f.t, os.Remove(f.dir+".summary.json"))
			edit(f.dir+jsonl, func(s string) string { return s[1:] })(f)
		},
		"with an ending of its own": func(f *fixture) {
			require.NoError(f.t, os.Rename(f.dir+jsonl, f.dir+".csv"))
			f.merge(func(s *summary) { s.Result.Name = filepath.Base(f.dir) + ".csv" })
		},
		"by an earlier version": func(f *fixture) {
			edit(f.dir+".summary.json", func(s string) string { return s[:strings.Index(s, ",\n  \"sum\"")] + "\n}\n" })(f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mergedExample(t)
			change(f)
			r := f.check()
			require.Empty(t, r.Findings)
			require.Equal(t, Holds, r.Verdict)
		})
	}
}

// Where workers of another kind did some of the chunks, the merged files are compared as a
// whole.
func TestMergedFilesWithResultsOfOthers(t *testing.T) {
	t.Parallel()
	f := mergedExample(t)
	f.books.RecordedChunks--
	f.books.OutputLines -= f.parsed(1).Lines
	require.Equal(t, Unknown, f.check().Verdict)
	for _, end := range []string{jsonl, failedSuffix, failedLines} {
		text, err := os.ReadFile(f.dir + end)
		require.NoError(t, err)
		edit(f.dir+end, func(s string) string { return s[1:] + "x" })(f)
		require.Equal(t, Fails, f.check().Verdict, end)
		require.NoError(t, os.WriteFile(f.dir+end, text, 0o600))
	}
}
