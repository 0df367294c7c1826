package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/infratest"
)

// redisSite is a site with a real Kafka and a Redis of its own. Chunks have 10 lines.
func redisSite(t *testing.T, args ...string) (*site, *infratest.RedisServer) {
	t.Helper()
	r := infratest.StartRedis(t, args...)
	s := realSite(t, 0)
	s.vars["REDIS_URL"], s.vars["BATCH_SIZE"] = r.URL(), "10"
	return s, r
}

// slowWorkers starts two workers that take 50 ms for each chunk.
func (s *site) slowWorkers() []*process {
	var all []*process
	for _, id := range []string{"w0", "w1"} {
		all = append(all, s.command(roleMaster, []string{"worker", "--parallel", "4", "--exec", "sleep 0.05; cat",
			"--results", filepath.Join(s.dir, "data", "results")}, "WORKER_ID="+id))
	}
	return all
}

// awaitResults waits until there are n more result files.
func (s *site) awaitResults(n int) {
	s.t.Helper()
	count := func() int {
		done, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
		return len(done)
	}
	until := count() + n
	require.Eventually(s.t, func() bool { return count() >= until }, time.Minute, 10*time.Millisecond)
}

// plainResults returns the items in the results of workers with the command cat.
func (s *site) plainResults(file string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "data", "results", file, "*.jsonl"))
	require.NoError(s.t, err)
	return readLines(s.t, paths...)
}

// outage returns for how long a server is away: AWAY, or the default.
func outage(t *testing.T, byDefault time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv("AWAY"); text != "" {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		return d
	}
	return byDefault
}

// A file is completed while its Redis is killed, comes back without its last commits, is
// emptied, comes back empty, and hangs.
func TestRedisFaultsLoseNoLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s, r := redisSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	workers := s.slowWorkers()
	items := numbered(12_000)
	s.drop("a.txt", items)
	s.awaitResults(60)

	r.Kill()
	r.Start()
	s.awaitResults(60)

	terms := len(m.out.lines(isLeading))
	r.Kill()
	r.LoseLast(20_000)
	r.Start()
	m.out.awaitLines(t, terms+1, isLeading) // the leader notices the lost commits
	s.awaitResults(60)

	terms = len(m.out.lines(isLeading))
	r.Do("FLUSHALL")
	m.out.awaitLines(t, terms+1, isLeading) // it leads again with the restored state
	s.awaitResults(60)

	r.Kill()
	r.Forget()
	require.Eventually(t, func() bool {
		status, body := s.get("/readyz")
		return status == 503 && strings.Contains(body, "state: ") && strings.Contains(body, "REDIS_URL")
	}, 20*time.Second, 20*time.Millisecond)
	time.Sleep(outage(t, 5*time.Second)) // the length of the outage is what is tested
	r.Start()
	s.awaitResults(60)

	r.Stop()
	time.Sleep(6 * time.Second) // longer than the lease
	r.Continue()
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(12_000, 0)), 1)
	require.Len(t, m.out.lines(isFileTaken), 1, "the file was not planned again")
	require.Equal(t, app.ExitOK, m.terminate())
	for _, w := range workers {
		require.Equal(t, app.ExitOK, w.terminate())
	}
	s.sameItems(items, s.plainResults("a.txt"))
}

// If both the master and the data of Redis are lost, files are planned from the start, with a
// warning.
func TestMasterAndStateLostPlansAgain(t *testing.T) {
	t.Parallel()
	s, r := redisSite(t)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.slowWorkers()
	items := numbered(1000)
	s.drop("a.txt", items)
	s.awaitResults(20)
	m.kill()
	r.Kill()
	r.Forget()
	r.Start()
	m = s.spawn(roleMaster)
	m.out.awaitLine(t, isWarning)
	m.out.awaitLine(t, isFileEnded)
	require.Len(t, m.out.lines(isBalanced(1000, 0)), 1)
	require.Equal(t, app.ExitOK, m.terminate())
	s.sameItems(items, s.plainResults("a.txt"))
}
