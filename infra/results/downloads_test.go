package results

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// fetch returns the content of an artifact, and how it was described.
func (b *bench) fetch(a Artifact) (string, Offer, error) {
	b.t.Helper()
	o, err := Downloads{b.dir}.Open(b.books.File, a)
	if err != nil {
		return "", Offer{}, err
	}
	defer o.Close()
	text, err := io.ReadAll(o)
	require.NoError(b.t, err)
	return string(text), o.Offer, nil
}

// offers returns how the artifacts are described, by their names.
func (b *bench) offers() map[Artifact]Offer {
	out := map[Artifact]Offer{}
	for _, o := range (Downloads{b.dir}).List(b.books.File) {
		out[o.Artifact] = o
	}
	require.Len(b.t, out, len(Artifacts()))
	return out
}

// failing returns a file of which items failed, with its results.
func failingBench(t *testing.T) *bench {
	b := newBench(t, 2)
	b.put(messages.ChunkName{Index: 0}, "a\nb\n", "")
	b.put(messages.ChunkName{Index: 1}, "c\n", `{"line":6,"item":"x","exit":1,"error":"e"}`+"\n")
	b.books.State = messages.FileDoneWithRejects
	b.books.FailedItems, b.books.DoneItems = 1, b.books.DoneItems-1
	return b
}

func TestDownloads(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	b := failingBench(t)
	for _, a := range Artifacts()[:4] {
		_, _, err := b.fetch(a)
		require.ErrorIs(t, err, ErrNotMerged)
		require.ErrorIs(t, b.offers()[a].Err, ErrNotMerged)
	}
	log, _, err := b.fetch(JobLog)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(log, "\n"))
	_, err = b.merge()
	require.NoError(t, err)
	for a, want := range map[Artifact]string{
		MergedResult: "a\nb\nc\n", FailedList: b.read("a.txt.failed.jsonl"), FailedLines: "x\n", MergeSummary: b.read("a.txt.summary.json"), JobLog: log,
	} {
		text, o, err := b.fetch(a)
		require.NoError(t, err, a)
		require.Equal(t, want, text, a)
		require.EqualValues(t, len(want), o.Bytes, a)
		require.NotEmpty(t, o.Hash)
		require.NotZero(t, o.Modified)
		if a == JobLog {
			require.Equal(t, "a.txt.joblog.tsv", o.Name)
			continue
		}
		require.Equal(t, o, b.offers()[a])
		require.FileExists(t, filepath.Join(b.dir, o.Name))
	}
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Only what the summary vouches for is given away.
func TestDownloadsThatAreNotThere(t *testing.T) {
	t.Parallel()
	rewrite := func(change func(*Summary)) func(*bench) {
		return func(b *bench) {
			var s Summary
			require.NoError(b.t, json.Unmarshal([]byte(b.read("a.txt.summary.json")), &s))
			change(&s)
			text, err := json.MarshalIndent(s, "", "  ")
			require.NoError(b.t, err)
			require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, "a.txt.summary.json"), signed(text), 0o644))
		}
	}
	name := func(n string) func(*bench) { return rewrite(func(s *Summary) { s.Result.Name = n }) }
	for title, x := range map[string]struct {
		damage func(*bench)
		want   error
	}{
		"the result is longer":   {func(b *bench) { b.add("a.txt.jsonl", "x") }, ErrOutdated},
		"the result is gone":     {func(b *bench) { require.NoError(b.t, b.root.Remove("a.txt.jsonl")) }, ErrOutdated},
		"the summary is damaged": {func(b *bench) { b.add("a.txt.summary.json", "x") }, ErrOutdated},
		"the summary is too large": {func(b *bench) {
			require.NoError(b.t, os.Truncate(filepath.Join(b.dir, "a.txt.summary.json"), maxSummary+1))
		}, ErrOutdated},
		"it was retried":              {func(b *bench) { b.books.State = messages.FileRunning; b.books.Ended = time.Time{} }, ErrOutdated},
		"it has more items now":       {func(b *bench) { b.books.DoneItems++ }, ErrOutdated},
		"it has another digest":       {func(b *bench) { b.books.Digest++ }, ErrOutdated},
		"it is of another file":       {rewrite(func(s *Summary) { s.File = "b.txt" }), ErrOutdated},
		"it is of another generation": {rewrite(func(s *Summary) { s.Generation = 2 }), ErrOutdated},
		"the result is outside":       {name("../secret"), ErrOutdated},
		"the result is in a folder":   {name("a.txt./../../secret"), ErrOutdated},
		"the result is another file":  {name("b.txt.jsonl"), ErrOutdated},
		"the result has no name":      {name(""), ErrOutdated},
		"a link leads outside":        {func(b *bench) { b.link(filepath.Join(filepath.Dir(b.dir), "secret")) }, ErrOutdated},
		"a link leads to a device":    {func(b *bench) { b.link("/dev/zero") }, ErrOutdated},
		"nothing was merged":          {func(b *bench) { require.NoError(b.t, b.root.Remove("a.txt.summary.json")) }, ErrNotMerged},
		"nothing was merged, cancelled": {func(b *bench) {
			require.NoError(b.t, b.root.Remove("a.txt.summary.json"))
			b.books.State = messages.FileCancelled
			b.books.CancelledBytes = 1
		}, ErrCancelled},
		"nothing was merged, running": {func(b *bench) {
			require.NoError(b.t, b.root.Remove("a.txt.summary.json"))
			b.books.State, b.books.Ended = messages.FileRunning, time.Time{}
		}, ErrRunning},
		"there is another folder": {func(b *bench) { b.dir = b.t.TempDir() }, ErrNoResults},
		"there is no folder yet": {func(b *bench) {
			b.dir = filepath.Join(b.t.TempDir(), "none")
			b.books.State, b.books.Ended = messages.FileRunning, time.Time{}
		}, ErrRunning},
		"there is no folder": {func(b *bench) { b.dir = filepath.Join(b.t.TempDir(), "none") }, ErrNoResults},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 1)
			l := b.put(messages.ChunkName{}, "a\nb\n", "")
			d, err := l.digest()
			require.NoError(t, err)
			b.books.Digest, b.books.Digested, b.books.RecordedChunks = d, true, 1
			_, err = b.merge()
			require.NoError(t, err)
			_, _, err = b.fetch(FailedList)
			require.ErrorIs(t, err, ErrNothingFailed)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(b.dir), "secret"), []byte("a\nb\n"), 0o644))
			x.damage(b)
			_, _, err = b.fetch(MergedResult)
			require.ErrorIs(t, err, x.want)
			require.ErrorIs(t, b.offers()[MergedResult].Err, x.want)
		})
	}
}

// add appends to a file of the folder.
func (b *bench) add(name, text string) {
	f, err := b.root.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(b.t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	require.NoError(b.t, err)
}

// link puts a link in the place of the merged result.
func (b *bench) link(to string) {
	require.NoError(b.t, b.root.Remove("a.txt.jsonl"))
	require.NoError(b.t, os.Symlink(to, filepath.Join(b.dir, "a.txt.jsonl")))
}

// What is opened is what the summary is about, however often another merge replaces it, and
// keeps its content.
func TestDownloadsWhileMergesReplaceThem(t *testing.T) {
	t.Parallel()
	b := failingBench(t)
	_, err := b.merge()
	require.NoError(t, err)
	first, err := Downloads{b.dir}.Open(b.books.File, MergedResult)
	require.NoError(t, err)
	defer first.Close()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := os.Remove(filepath.Join(b.dir, "a.txt.summary.json")); err != nil {
				stopped <- err
				return
			}
			if _, err := b.merge(); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 200 {
		text, o, err := b.fetch(MergedResult)
		if err != nil {
			require.ErrorIs(t, err, ErrNotMerged)
			continue
		}
		require.Equal(t, "a\nb\nc\n", text)
		require.EqualValues(t, len(text), o.Bytes)
	}
	close(stop)
	require.NoError(t, <-stopped)
	text, err := io.ReadAll(first)
	require.NoError(t, err)
	require.Equal(t, "a\nb\nc\n", string(text))
}

// The summary of an earlier merge never stands beside the files of a later one.
func TestSummaryGoesBeforeItsFiles(t *testing.T) {
	t.Parallel()
	b := failingBench(t)
	_, err := b.merge()
	require.NoError(t, err)
	m := Merge{Books: b.books, Dir: b.dir}.withDefaults()
	out, err := m.openOutputs("another plan")
	require.NoError(t, err)
	defer out.close()
	_, err = io.WriteString(&out.result, "d\ne\nf\n")
	require.NoError(t, err)
	require.NoError(t, out.place())
	_, _, err = b.fetch(MergedResult)
	require.ErrorIs(t, err, ErrNotMerged)
}

// A damaged line of a manifest is no row that is left out without a word.
func TestJoblogOfADamagedManifest(t *testing.T) {
	t.Parallel()
	b := failingBench(t)
	names, err := Manifests(b.root.FS(), "a.txt")
	require.NoError(t, err)
	b.add(names[0], "{}\n")
	_, _, err = b.fetch(JobLog)
	require.ErrorIs(t, err, ErrDamaged)
}

// A master in a container may have no folder for temporary files.
func TestJoblogWithoutATemporaryFolder(t *testing.T) {
	b := failingBench(t)
	t.Setenv("TMPDIR", filepath.Join(b.dir, "none"))
	_, _, err := b.fetch(JobLog)
	require.ErrorIs(t, err, ErrNoTemporary)
}
