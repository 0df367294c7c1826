package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/httpapi"
	"kafka-master/infra/logstore"
	"kafka-master/infra/results"
	"kafka-master/messages"
	"kafka-master/worker"
)

// bookMaster is a master with the books of files.
type bookMaster struct{ books []messages.Books }

// Ask implements httpapi.Asker.
func (m bookMaster) Ask(_ context.Context, q messages.Query) (any, error) {
	switch q := q.(type) {
	case messages.QueryFiles:
		var all []*messages.FileStatus
		for _, b := range m.books {
			all = append(all, &messages.FileStatus{File: &b.File})
		}
		return all, nil
	case messages.QueryBooks:
		i := slices.IndexFunc(m.books, func(b messages.Books) bool { return b.ID == q.ID })
		return &m.books[i], nil
	}
	return nil, messages.ErrUnavailable
}

// endedFile returns the books of a version of a.txt with two chunks, and leaves the results
// of both.
func endedFile(t *testing.T, dir string, generation int, text string) messages.Books {
	t.Helper()
	f := messages.File{
		ID: messages.FileID(generation), Info: messages.FileInfo{Path: "a.txt", Size: 8}, Generation: generation, Base: "a", State: messages.FileDone,
		Cursor: messages.Cursor{Index: 2, Offset: 8, Line: 5}, Items: 4, DoneChunks: 2, DoneItems: 4, Started: time.Unix(1, 0), Ended: time.Unix(2, 0),
	}
	r := worker.NewResults(dir)
	for i := range 2 {
		name := messages.ChunkName{Base: "a", Generation: generation, Index: i}
		out, err := r.Create(worker.Chunk{
			BatchID: name.BatchID(1), Name: name.String(), File: "a.txt", Generation: generation, Attempt: 1, Deployment: "D", Offset: int64(4 * i),
			Length: 4, Hash: fmt.Sprintf("%016d", i), Items: []string{"x", "y"}, Worker: "w-1",
		})
		require.NoError(t, err)
		_, err = fmt.Fprintf(out, "%s %d\n", text, i)
		require.NoError(t, err)
		require.NoError(t, out.Commit())
	}
	return messages.Books{File: f, Deployment: "D"}
}

// run runs a command line with these settings.
func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = Run(t.Context(), args, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &out, &problems)
	return code, out.String(), problems.String()
}

func TestMergeAsksTheMaster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := bookMaster{[]messages.Books{endedFile(t, dir, 1, "first"), endedFile(t, dir, 2, "second")}}
	server := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m}).Handler())
	defer server.Close()
	env := map[string]string{"RESULTS_DIR": dir}
	code, out, problems := run(t, env, "merge", "./a.txt", "--api", server.URL)
	require.Equal(t, ExitOK, code, problems)
	require.Contains(t, out, filepath.Join(dir, "a.txt@2.jsonl")+": 2 lines, 18 B")
	text, err := os.ReadFile(filepath.Join(dir, "a.txt@2.jsonl"))
	require.NoError(t, err)
	require.Equal(t, "second 0\nsecond 1\n", string(text))

	home := t.TempDir()
	code, out, problems = run(t, env, "merge", "--all", "--api", server.URL, "--json", "-o", home, "--ext", "csv")
	require.Equal(t, ExitOK, code, problems)
	var s results.Summary
	lines := json.NewDecoder(bytes.NewReader([]byte(out)))
	for _, want := range []string{"a.txt.csv", "a.txt@2.csv"} {
		require.NoError(t, lines.Decode(&s))
		require.Equal(t, want, s.Result.Name)
		require.FileExists(t, filepath.Join(home, want))
	}
	require.Equal(t, dir, s.Settings["RESULTS_DIR"])

	code, _, problems = run(t, env, "merge", "b.txt", "--api", server.URL)
	require.Equal(t, ExitCannot, code)
	require.Contains(t, problems, `"b.txt"`)
	code, _, _ = run(t, env, "merge", "a.txt", "--api", "127.0.0.1:1")
	require.Equal(t, ExitUnreachable, code)
}

// Without a running master, the state that the settings name is read.
func TestMergeReadsTheState(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	dir := filepath.Join(data, "results")
	books := endedFile(t, dir, 1, "r")
	s, err := logstore.Open(logstore.Config{Dir: filepath.Join(data, "state")})
	require.NoError(t, err)
	lease, err := s.Acquire(t.Context(), messages.Claim{Holder: "m"}, time.Second)
	require.NoError(t, err)
	require.NoError(t, s.Commit(t.Context(), lease.Term, messages.Batch{
		Number: 1, ID: "b", Files: []*messages.File{&books.File}, Values: []messages.Value{{Name: messages.ValueDeployment, Value: "D"}},
	}))
	require.NoError(t, s.Close())
	env := map[string]string{"DATA_DIR": data, "API_SERVER_PORT": "1"}
	code, _, problems := run(t, env, "merge", "a.txt")
	require.Equal(t, ExitOK, code, problems)
	require.FileExists(t, filepath.Join(dir, "a.txt.summary.json"))

	code, out, problems := run(t, env, "joblog", "a.txt")
	require.Equal(t, ExitOK, code, problems)
	require.Regexp(t, `(?m)^Seq\tHost.*\n1\tw-1\t.*\ta_chunk_0\n2\tw-1\t.*\ta_chunk_1\n$`, out)

	code, _, problems = run(t, map[string]string{"DATA_DIR": t.TempDir(), "API_SERVER_PORT": "1"}, "merge", "a.txt")
	require.Equal(t, ExitUnreachable, code, problems)
}

func TestMergeUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"a.txt", "b.txt"}, {"a.txt", "--all"}, {"--all", "--generation", "2"}, {"a.txt", "--generation", "-1"},
		{"a.txt", "--ext", ""}, {"a.txt", "--ext", "txt"}, {"a.txt", "--ext", "failed.TXT"}, {"a.txt", "--ext", "../x"}, {"a.txt", "--ext", "a/b"},
		{"a.txt", "--replace", "--out", "home"},
	} {
		code, _, problems := run(t, nil, append([]string{"merge"}, args...)...)
		require.Equalf(t, ExitUsage, code, "%v: %s", args, problems)
	}
	code, _, _ := run(t, nil, "joblog")
	require.Equal(t, ExitUsage, code)
}

func TestNewestGeneration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "a.txt@2", "a.txt@10", "a.txt@011", "a.txt@x", "b.txt@12"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	require.Equal(t, 10, newestGeneration(root, "a.txt"))
	require.Equal(t, 1, newestGeneration(root, "c.txt"))
}
