package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/results"
	"kafka-master/messages"
)

// recordable returns attempt n at a chunk of a.txt, as a worker gets it.
func recordable(n int) Chunk {
	return Chunk{
		BatchID: messages.ChunkName{Base: "a", Index: 4}.BatchID(n), Name: "a_chunk_4", File: "a.txt", Generation: 1, Attempt: n, Deployment: "D",
		FirstLine: 21, Offset: 40, Length: 10, Hash: "44bc2cf5ad770999", Items: []string{"x", "y", "z"},
		Worker: messages.WorkerID(fmt.Sprint("w-", n)), report: &report{},
	}
}

// commitResult writes and commits a result; failed are the items that failed.
func commitResult(t *testing.T, r Results, c Chunk, text string, failed ...int) {
	t.Helper()
	for _, i := range failed {
		c.Fail(i, errors.New("refused"))
	}
	f, err := r.Create(c)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// manifest returns all lines about a.txt.
func manifest(t *testing.T, dir string) (lines []results.Line) {
	t.Helper()
	root := os.DirFS(dir)
	names, err := results.Manifests(root, "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		_, err := results.ReadManifest(root, name, 0, func(_ results.At, l results.Line, damage error) error {
			lines = append(lines, l)
			return damage
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestResultIsRecorded(t *testing.T) {
	dir := t.TempDir()
	c := recordable(1)
	commitResult(t, NewResults(dir), c, "one\ntwo", 1, 2)
	lines := manifest(t, dir)
	if len(lines) != 1 {
		t.Fatalf("lines %+v", lines)
	}
	l := lines[0]
	if l.Started == "" || l.Ended < l.Started {
		t.Errorf("times %q, %q", l.Started, l.Ended)
	}
	l.Started, l.Ended, l.Hash, l.FailedListHash = "", "", "", ""
	want := results.Line{
		BatchID: "a_chunk_4", Index: 4, Attempt: 1, Deployment: "D", Generation: 1, Offset: 40, Length: 10, FirstLine: 21, Items: 3,
		InputHash: "44bc2cf5ad770999", Failed: 2, FailedItems: [][2]int{{1, 2}}, Result: "a_chunk_4.jsonl", Lines: 2, Bytes: 7, Worker: "w-1",
	}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("line\n%+v, want\n%+v", l, want)
	}
	if got := contents(t, filepath.Join(dir, "a.txt", "a_chunk_4.failed.jsonl")); strings.Count(got, "\n") != 2 || !strings.Contains(got, `{"line":22,"item":"y"`) {
		t.Errorf("failed list %s", got)
	}
	if got := *c.report.recorded; !reflect.DeepEqual(got, recorded{FailedItems: 2, FailedRanges: []messages.ItemRange{{First: 1, Last: 2}}, OutputLines: 2}) {
		t.Errorf("reported %+v", got)
	}
}

// The result that stands, its line, its list and what is reported belong together.
func TestSecondAttempt(t *testing.T) {
	result := func(dir string) string { return contents(t, filepath.Join(dir, "a.txt", "a_chunk_4.jsonl")) }
	list := func(dir string) int {
		return strings.Count(contents(t, filepath.Join(dir, "a.txt", "a_chunk_4.failed.jsonl")), "\n")
	}
	t.Run("a result that a line vouches for is kept", func(t *testing.T) {
		dir := t.TempDir()
		commitResult(t, NewResults(dir), recordable(1), "first\n", 1)
		second := recordable(2)
		commitResult(t, NewResults(dir), second, "second\nof two lines\n")
		if got := result(dir); got != "first\n" || list(dir) != 1 {
			t.Errorf("result %q, list of %d", got, list(dir))
		}
		want := recorded{FailedItems: 1, FailedRanges: []messages.ItemRange{{First: 1, Last: 1}}, OutputLines: 1}
		if got := *second.report.recorded; !reflect.DeepEqual(got, want) {
			t.Errorf("reported %+v", got)
		}
	})
	replaced := map[string]func(dir string) error{
		"a result without a line": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "a.txt", results.ManifestFolder)) },
		"a result that was edited": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a.txt", "a_chunk_4.jsonl"), []byte("First\n"), 0o644)
		},
		"a result whose list is missing": func(dir string) error { return os.Remove(filepath.Join(dir, "a.txt", "a_chunk_4.failed.jsonl")) },
	}
	for name, change := range replaced {
		t.Run(name+" is replaced", func(t *testing.T) {
			dir := t.TempDir()
			commitResult(t, NewResults(dir), recordable(1), "first\n", 1)
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			second := recordable(2)
			commitResult(t, NewResults(dir), second, "second\n")
			if got := result(dir); got != "second\n" || list(dir) != 0 || second.report.recorded.FailedItems != 0 {
				t.Errorf("result %q, list of %d, reported %+v", got, list(dir), second.report.recorded)
			}
		})
	}
	for name, other := range map[string]func(c *Chunk){
		"deployment": func(c *Chunk) { c.Deployment = "E" },
		"input":      func(c *Chunk) { c.Hash = "0000000000000001" },
	} {
		t.Run("a result of another "+name+" is replaced", func(t *testing.T) {
			dir := t.TempDir()
			commitResult(t, NewResults(dir), recordable(1), "first\n", 1)
			second := recordable(2)
			other(&second)
			commitResult(t, NewResults(dir), second, "second\n")
			if got := result(dir); got != "second\n" || list(dir) != 0 {
				t.Errorf("result %q, list of %d", got, list(dir))
			}
		})
	}
}

// Attempts of many workers that end at the same time leave one result, and all report its
// figures.
func TestAttemptsTogether(t *testing.T) {
	dir := t.TempDir()
	const n = 16
	var chunks [n]Chunk
	var all sync.WaitGroup
	for i := range n {
		c := recordable(i + 1)
		chunks[i] = c
		all.Go(func() {
			var failed []int
			if i%2 == 0 {
				failed = []int{i % 3}
			}
			commitResult(t, NewResults(dir), c, strings.Repeat(fmt.Sprintf("%d\n", i), i+1), failed...)
		})
	}
	all.Wait()
	text := contents(t, filepath.Join(dir, "a.txt", "a_chunk_4.jsonl"))
	lines := int64(strings.Count(text, "\n"))
	winner := chunks[lines-1]
	want := recorded{OutputLines: lines}
	if f := winner.report.failures(); len(f) > 0 {
		want.FailedItems, want.FailedRanges = 1, []messages.ItemRange{{First: int32(f[0].Index), Last: int32(f[0].Index)}}
	}
	if text != strings.Repeat(fmt.Sprintf("%d\n", lines-1), int(lines)) {
		t.Errorf("result %q", text)
	}
	if list := contents(t, filepath.Join(dir, "a.txt", "a_chunk_4.failed.jsonl")); int64(strings.Count(list, "\n")) != want.FailedItems {
		t.Errorf("list %q with the result %q", list, text)
	}
	for i, c := range chunks {
		if got := *c.report.recorded; !reflect.DeepEqual(got, want) {
			t.Errorf("attempt %d reports %+v, want %+v", i+1, got, want)
		}
	}
	if got := manifest(t, dir); len(got) != n {
		t.Errorf("%d lines", len(got))
	}
	entries, err := os.ReadDir(filepath.Join(dir, "a.txt", tempFolder))
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

// Without a line in the manifest there is no result: neither the chunk nor its list counts.
func TestResultThatCannotBeRecorded(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt", results.ManifestFolder), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := recordable(1)
	c.Fail(1, errors.New("refused"))
	f, err := NewResults(dir).Create(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, ErrRetry) || asUnfit(err) != nil {
		t.Errorf("error %v", err)
	}
	if got := files(t, dir); fmt.Sprint(got) != "[a.txt/.manifest]" || c.report.recorded != nil {
		t.Errorf("files %v, reported %v", got, c.report.recorded)
	}
}

// A worker that stands still while it puts a result in place does not stop the others in
// silence: they give their chunk back and say who it is.
func TestCommitWaitsForALimitedTime(t *testing.T) {
	t.Parallel()
	r := NewResults(t.TempDir())
	r.wait = time.Millisecond
	commitResult(t, r, recordable(1), "1\n")
	root, err := os.OpenRoot(r.Dir)
	require.NoError(t, err)
	defer root.Close()
	unlock, err := results.Lock(root, "a.txt", "process 7 of worker w-7", time.Minute)
	require.NoError(t, err)
	c := recordable(2)
	c.BatchID, c.Name = "a_chunk_5_a2", "a_chunk_5"
	try := func() error {
		f, err := r.Create(c)
		require.NoError(t, err)
		_, err = f.Write([]byte("5\n"))
		require.NoError(t, err)
		return f.Commit()
	}
	err = try()
	require.ErrorIs(t, err, ErrRetry)
	require.ErrorIs(t, err, results.ErrBusy)
	require.False(t, errors.As(err, new(*unfitError)), "another file's results can be put in place")
	require.ErrorContains(t, err, "process 7 of worker w-7 has held the lock of the results of a.txt")
	require.NoFileExists(t, r.Path(c))
	unlock()
	require.NoError(t, try())
	require.FileExists(t, r.Path(c))
}
