package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
)

// verify runs the command on a file of the site.
func (s *site) verify(args ...string) (code int, text string) {
	var out, errs bytes.Buffer
	code = app.Run(context.Background(), append([]string{"verify"}, args...), s.lookup, &out, &errs)
	return code, out.String() + errs.String()
}

// A master is killed again and again while its workers write results. Then an independent
// count agrees, asked of the master and of the state alone, until somebody changes a byte.
func TestVerifyAfterKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts a master three times")
	}
	s := newSite(t)
	s.vars["MERGE"] = "false"
	s.drop("a.txt", append(numbered(50_000), "", " "))
	folder := filepath.Join(s.dir, "data", "results", "a.txt")
	for range 2 {
		p := s.spawn(roleMaster)
		p.out.awaitLine(t, isLeading)
		require.Eventually(t, func() bool {
			list, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
			return len(list) > 10
		}, 30*time.Second, 5*time.Millisecond)
		p.kill()
	}
	p := s.spawn(roleMaster)
	s.awaitDone("a.txt")
	code, text := s.verify("a.txt")
	require.Equal(t, app.ExitOK, code, text)
	require.Equal(t, app.ExitOK, p.terminate())
	require.Contains(t, p.out.text(), "Every item was done exactly once; checked were the order of the chunks")

	code, text = s.verify("--all")
	require.Equal(t, app.ExitOK, code, text)
	path := filepath.Join(folder, "a_chunk_2.jsonl")
	result, err := os.ReadFile(path)
	require.NoError(t, err)
	result[len(result)/2] ^= 1
	require.NoError(t, os.WriteFile(path, result, 0o600))
	code, text = s.verify("a.txt")
	require.Equal(t, app.ExitWrong, code, text)
	require.Contains(t, text, "lines 1,001 to 1,500: the result a_chunk_2.jsonl has other bytes")
	require.NoError(t, os.Remove(filepath.Join(s.dir, "in", "a.txt")))
	require.NoError(t, os.RemoveAll(folder))
	code, text = s.verify("a.txt")
	require.Equal(t, app.ExitWrong, code, text)
}

// A deployment of processes is damaged in every way that the self-test knows, and the
// count agrees in the end.
func TestSelftest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	p := newSite(t).command(roleMaster, []string{"selftest", "--for", "8s", "--seed", "1"})
	select {
	case <-p.dead:
	case <-time.After(4 * time.Minute):
		require.Fail(t, "it does not end")
	}
	require.Equal(t, app.ExitOK, p.cmd.ProcessState.ExitCode(), p.out.text())
	require.Contains(t, p.out.text(), "The self-test passed")
	require.Contains(t, p.out.text(), "master killed")
}

// Two lines of a file fail whatever is tried, masters and workers are killed, and the rest
// is done. Once the command is repaired, the two lines are done as well.
func TestBadLinesAloneAreDeadUntilTheyAreRetried(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	s := newSite(t)
	s.vars["MERGE"], s.vars["EMBEDDED_WORKERS"], s.vars["MAX_ATTEMPTS"] = "false", "0", "2"
	lines := numbered(20_000)
	lines[4_999], lines[11_999] = "POISON 1", "POISON 2"
	s.drop("a.txt", lines)
	repaired := filepath.Join(s.dir, "repaired")
	work := `f=$(cat); case "$f" in *POISON*) [ -e '` + repaired + `' ] || exit 1;; esac; printf '%s\n' "$f"`
	start := func(id string) *process {
		return s.command(roleMaster, []string{"worker", "--exec", work, "--parallel", "2"}, "WORKER_ID="+id, "KAFKA_BROKER_ADDRESS="+s.broker())
	}
	p := s.spawn(roleMaster)
	p.out.awaitLine(t, isLeading)
	one := start("w1")
	start("w2")
	results := func() int {
		list, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
		return len(list)
	}
	require.Eventually(t, func() bool { return results() > 5 }, time.Minute, 5*time.Millisecond)
	p.kill()
	one.kill()
	p = s.spawn(roleMaster)
	start("w1")
	p.out.awaitLine(t, isFileEnded)
	code, text := s.verify("a.txt")
	require.Equal(t, app.ExitOK, code, text)
	require.Contains(t, text, "20,000 cut = 19,998 done + 0 failed + 2 dead + 0 missing")

	require.NoError(t, os.WriteFile(repaired, nil, 0o600))
	var out, errs bytes.Buffer
	require.Equal(t, app.ExitOK, app.Run(context.Background(), []string{"dead", "retry", "--file", "a.txt", "--yes"}, s.lookup, &out, &errs), out.String()+errs.String())
	s.awaitDone("a.txt")
	code, text = s.verify("a.txt")
	require.Equal(t, app.ExitOK, code, text)
	require.Contains(t, text, "20,000 cut = 20,000 done + 0 failed + 0 dead + 0 missing")
	require.Equal(t, app.ExitOK, p.terminate())
}
