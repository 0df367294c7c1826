package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/messages"
)

// A worker runs a command for each item and is killed on the way. In the end every item is
// in the result, in the order of the input, or in the list of failed items.
func TestEachAccountsForEveryItem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"], s.vars["BATCH_SIZE"] = "0", "50"
	items := numbered(600)
	for i := range items {
		if i%100 == 7 {
			items[i] = "bad " + items[i] + " $(touch hacked)"
		}
	}
	results := filepath.Join(s.dir, "data", "results")
	work := func() *process {
		return s.command(roleMaster, []string{"worker", "--each", `sh -c 'case $1 in bad*) echo no such host >&2; exit 3;; esac; echo "$1"' - {}`,
			"--jobs", "8", "--results", results}, "WORKER_ID=w1")
	}
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.drop("a.txt", items)
	w := work()
	require.Eventually(t, func() bool {
		done, _ := filepath.Glob(filepath.Join(results, "a.txt", "*.jsonl"))
		return len(done) >= 3
	}, time.Minute, 5*time.Millisecond)
	w.kill()
	w = work()
	m.out.awaitLine(t, func(l logLine) bool {
		return isFileEnded(l) && l.text("state") == messages.FileDoneWithRejects.String() && l.number("items") == 600 &&
			l.number("done") == 594 && l.number("failed") == 6 && l.number("dead") == 0
	})
	isBad := func(item string) bool { return strings.HasPrefix(item, "bad ") }
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(results, "a.txt.summary.json"))
		return !errors.Is(err, fs.ErrNotExist)
	}, time.Minute, 5*time.Millisecond, "the leader merges the results")
	require.Equal(t, slices.DeleteFunc(slices.Clone(items), isBad), readLines(t, filepath.Join(results, "a.txt.jsonl")))
	require.Equal(t, slices.DeleteFunc(slices.Clone(items), func(item string) bool { return !isBad(item) }), readLines(t, filepath.Join(results, "a.txt.failed.txt")))
	failed := readLines(t, filepath.Join(results, "a.txt.failed.jsonl"))
	require.Equal(t, `{"line":108,"item":"`+items[107]+`","exit":3,"error":"exit status 3: no such host"}`, failed[1])
	require.NoFileExists(t, filepath.Join(s.dir, "hacked"))
	code, text := s.verify("a.txt")
	require.Equal(t, app.ExitOK, code, text)
	for _, end := range []string{".jsonl", ".failed.jsonl", ".failed.txt", ".summary.json"} {
		path := filepath.Join(results, "a.txt"+end)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		changed := bytes.Clone(whole)
		changed[5] ^= 1
		require.NoError(t, os.WriteFile(path, changed, 0o600))
		code, text = s.verify("a.txt")
		require.Equal(t, app.ExitWrong, code, text)
		require.Contains(t, text, "WRONG     lines 1 to ", "%s: %s", end, text)
		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
	require.Equal(t, app.ExitOK, w.terminate())
	require.Equal(t, app.ExitOK, m.terminate())
}

// The list of failed items, and the command of an item, have the lines that an editor shows,
// wherever the file has blank lines.
func TestFailedItemsHaveTheirLines(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"], s.vars["BATCH_SIZE"] = "0", "7"
	blank := []string{"", "", " \t", "\r", "  \r"}
	lines := slices.Clone(blank)
	for i, item := range numbered(100) {
		lines = append(lines, item+strings.Repeat("\r", i%2))
		if i%3 == 0 {
			lines = append(lines, blank[:1+i%len(blank)]...)
		}
	}
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.drop("a.txt", append(lines, blank...))
	w := s.command(roleMaster, []string{"worker", "--each", `sh -c 'echo "$KM_LINE" >&2; exit 3'`, "--results", filepath.Join(s.dir, "data", "results")}, "WORKER_ID=w1")
	m.out.awaitLine(t, func(l logLine) bool { return isFileEnded(l) && l.number("items") == 100 && l.number("failed") == 100 })
	path := filepath.Join(s.dir, "data", "results", "a.txt.failed.jsonl")
	require.Eventually(t, func() bool {
		_, err := os.Stat(path)
		return !errors.Is(err, fs.ErrNotExist)
	}, time.Minute, 5*time.Millisecond, "the leader merges the results")
	var want []string
	for i, line := range lines {
		if item := strings.TrimSpace(line); item != "" {
			want = append(want, fmt.Sprintf(`{"line":%d,"item":%q,"exit":3,"error":"exit status 3: %d"}`, i+1, item, i+1))
		}
	}
	require.Equal(t, want, readLines(t, path))
	code, text := s.verify("a.txt")
	require.Equal(t, app.ExitOK, code, text)
	require.Equal(t, app.ExitOK, w.terminate())
	require.Equal(t, app.ExitOK, m.terminate())
}
