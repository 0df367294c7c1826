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

// redisSite is a site on a real Kafka and a Redis of its own, with two workers
// that take 50 ms for each chunk of 10 lines.
func redisSite(t *testing.T, args ...string) (*site, *infratest.RedisServer) {
	t.Helper()
	r := infratest.StartRedis(t, args...)
	s := realSite(t, 0)
	s.vars["REDIS_URL"], s.vars["BATCH_SIZE"] = r.URL(), "10"
	return s, r
}

func (s *site) slowWorkers() []*process {
	var all []*process
	for _, id := range []string{"w0", "w1"} {
		all = append(all, s.command(roleMaster, []string{"worker", "--parallel", "4", "--exec", "sleep 0.05; cat",
			"--results", filepath.Join(s.dir, "data", "results")}, "WORKER_ID="+id))
	}
	return all
}

// more waits until n more result files are there.
func (s *site) more(n int) {
	s.t.Helper()
	count := func() int {
		done, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
		return len(done)
	}
	until := count() + n
	require.Eventually(s.t, func() bool { return count() >= until }, time.Minute, 10*time.Millisecond)
}

// texts returns the items that a worker with the command cat left.
func (s *site) texts(file string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "data", "results", file, "*.jsonl"))
	require.NoError(s.t, err)
	return readLines(s.t, paths...)
}

func away(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv("AWAY"); text != "" {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		return d
	}
	return short
}

// One file goes to its end while its Redis is killed, comes back without its last
// commits, is emptied, comes back empty, and hangs.
func TestRedisFaultsLoseNoLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s, r := redisSite(t)
	m := s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
	workers := s.slowWorkers()
	items := numbered(12_000)
	s.drop("a.txt", items)
	s.more(60)

	r.Kill()
	r.Start()
	s.more(60)

	r.Kill()
	r.LoseLast(20_000)
	r.Start()
	s.more(60)
	require.Contains(t, m.out.text(), "beginning again", "the leader noticed")

	r.Do("FLUSHALL")
	m.out.await(t, `"msg":"the state was put back into the empty store as this master knew it"`)
	s.more(60)

	r.Kill()
	r.Forget()
	require.Eventually(t, func() bool {
		status, body := s.get("/readyz")
		return status == 503 && strings.Contains(body, "state: ") && strings.Contains(body, "REDIS_URL")
	}, 20*time.Second, 20*time.Millisecond)
	time.Sleep(away(t, 5*time.Second)) // how long it is away is what is tested
	r.Start()
	s.more(60)

	r.Stop()
	time.Sleep(6 * time.Second) // longer than the lease
	r.Continue()
	m.out.await(t, `"msg":"input file ended"`)
	require.Contains(t, m.out.text(), `"items":12000,"done":12000,"dead":0`)
	require.Equal(t, app.ExitOK, m.terminate())
	for _, w := range workers {
		require.Equal(t, app.ExitOK, w.terminate())
	}
	s.sameItems(items, s.texts("a.txt"))
}

// With the master and the Redis data both gone nobody knows: files are planned
// anew, and the log says so.
func TestMasterAndStateLostPlansAnew(t *testing.T) {
	t.Parallel()
	s, r := redisSite(t)
	m := s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
	s.slowWorkers()
	items := numbered(1000)
	s.drop("a.txt", items)
	s.more(20)
	m.kill()
	r.Kill()
	r.Forget()
	r.Start()
	m = s.spawn(roleMaster)
	m.out.await(t, "the state is empty, although workers have reported before")
	m.out.await(t, `"msg":"input file ended"`)
	require.Contains(t, m.out.text(), `"items":1000,"done":1000,"dead":0`)
	require.Equal(t, app.ExitOK, m.terminate())
	s.sameItems(items, s.texts("a.txt"))
}
