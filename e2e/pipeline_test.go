package e2e

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/logstore"
	"kafka-master/messages"
)

// results returns the items in the results of a file.
func (s *site) results(file string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "data", "results", file, "*.jsonl"))
	require.NoError(s.t, err)
	return s.resultItems(paths...)
}

// resultItems returns the items of the results with these paths, in their order.
func (s *site) resultItems(paths ...string) []string {
	s.t.Helper()
	var items []string
	for _, line := range readLines(s.t, paths...) {
		var r struct{ Item string }
		require.NoError(s.t, json.Unmarshal([]byte(line), &r))
		items = append(items, r.Item)
	}
	return items
}

func TestEmbeddedDefaultAccountsForEveryLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	items := numbered(20_000)
	s.drop("a.txt", items)
	r := s.run()
	r.log.awaitLine(t, isFileEnded)
	s.drop("later.txt", items[:10])
	r.log.awaitLine(t, func(l logLine) bool { return isBalanced(10, 0)(l) && l.text("file") == "later.txt" })
	require.Equal(t, app.ExitOK, r.end())
	s.sameItems(items, s.results("a.txt"))
	require.Len(t, s.results("later.txt"), 10)
}

func TestKilledEmbeddedMasterContinues(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts a master twice")
	}
	s := newSite(t)
	items := numbered(100_000)
	s.drop("a.txt", items)
	for range 3 {
		p := s.spawn(roleMaster)
		p.out.awaitLine(t, isLeading)
		require.Eventually(t, func() bool {
			done, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
			return len(done) > 10
		}, 30*time.Second, 5*time.Millisecond)
		p.kill()
	}
	p := s.spawn(roleMaster)
	s.awaitDone("a.txt")
	require.Equal(t, app.ExitOK, p.terminate())
	s.sameItems(items, s.results("a.txt"))
}

// Workers and the master are killed, and the batch size changes, in the middle of a file.
// The file is completed, and exactly one accepted attempt delivers each line.
func TestEveryLineIsDeliveredOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"] = "0"
	items := numbered(200_000)
	s.drop("a.txt", items)
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	ws := []*process{s.recordingWorker("w0"), s.recordingWorker("w1"), s.recordingWorker("w2")}

	s.awaitDeliveries(40)
	ws[0].kill()
	ws[0] = s.recordingWorker("w0")
	s.awaitDeliveries(80)
	status, body := s.get("/api/updateNumBatches?numBatches=300")
	require.Equal(t, 200, status, body)
	s.awaitDeliveries(120)
	m.kill()
	m = s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.awaitDeliveries(200)
	ws[1].kill() // it does not come back, and is lost for its silence
	s.awaitDone("a.txt")
	_, size := s.get("/api/getNumBatches")
	require.Equal(t, "300", size, "the value of the API survives the master")
	require.Equal(t, app.ExitOK, m.terminate())
	s.checkDeliveries(items)
}

// deliveries returns what recording workers have received.
func (s *site) deliveries() []delivery {
	s.t.Helper()
	if _, err := os.Stat(s.deliveriesPath()); err != nil {
		return nil
	}
	var out []delivery
	for _, line := range readLines(s.t, s.deliveriesPath()) {
		var d delivery
		if json.Unmarshal([]byte(line), &d) == nil { // the last line may be incomplete
			out = append(out, d)
		}
	}
	return out
}

func (s *site) awaitDeliveries(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.deliveries()) >= n }, 40*time.Second, 20*time.Millisecond)
}

// awaitDone waits until the file is done, whichever master saw it end: one that is killed
// may have been faster than the test.
func (s *site) awaitDone(path string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		status, body := s.get("/api/v1/files?state=done&q=" + path)
		return status == 200 && strings.Contains(body, `"total":1,`)
	}, 4*time.Minute, 20*time.Millisecond)
}

// checkDeliveries compares the items of the accepted attempts with the input.
func (s *site) checkDeliveries(items []string) {
	s.t.Helper()
	store, err := logstore.Open(logstore.Config{Dir: filepath.Join(s.dir, "data", "state"), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(s.t, err)
	defer store.Close()
	lease, err := store.Acquire(s.t.Context(), messages.Claim{Holder: "test"}, time.Minute)
	require.NoError(s.t, err)
	snap, err := store.Load(s.t.Context(), lease.Term)
	require.NoError(s.t, err)
	require.Len(s.t, snap.Files, 1)
	f := snap.Files[0]
	require.Equal(s.t, messages.FileDone, f.State)
	require.Equal(s.t, []int64{int64(len(items)), 0, 0}, []int64{f.DoneItems, f.Missing(), f.Duplicates})
	journal, err := store.Journal(s.t.Context(), f.ID, messages.JournalCap)
	require.NoError(s.t, err)
	delivered := map[string][]string{}
	for _, d := range s.deliveries() {
		delivered[d.BatchID] = d.Items
	}
	accepted, got := map[messages.ChunkID]bool{}, []string{}
	for _, a := range journal {
		if a.Outcome != "done" && a.Outcome != "late" {
			continue
		}
		require.False(s.t, accepted[a.Chunk], "chunk %v was accepted twice", a.Chunk)
		accepted[a.Chunk] = true
		id := f.BatchID(a.Chunk, a.Number)
		require.Contains(s.t, delivered, id)
		got = append(got, delivered[id]...)
	}
	s.sameItems(items, got)
}

// sameItems compares two lists of items in any order.
func (s *site) sameItems(want, got []string) {
	s.t.Helper()
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	require.True(s.t, slices.Equal(want, got), "%d items, want %d", len(got), len(want))
}

func TestLegacyEndpoints(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.run("--embedded-workers=1")
	require.Eventually(t, func() bool {
		status, body := s.get("/api/getWorkersStatus")
		return status == 200 && body == `{"embedded-1":"1"}`
	}, 20*time.Second, 20*time.Millisecond)
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/api/getNumBatches", "500", 200},
		{"/api/updateNumBatches?numBatches=250", "numBatches updated to 250. Assigner loop continues.", 200},
		{"/api/getNumBatches", "250", 200},
		{"/api/updatePartitions?value=5", `[{"topic":"master-heartbeat","partitions":1},{"topic":"master-signal","partitions":5},{"topic":"worker-connection","partitions":1},{"topic":"worker-signal","partitions":1}]`, 200},
		{"/livez", "", 200},
		{"/version", "", 200},
	} {
		status, body := s.get(c.path)
		require.Equal(t, c.status, status, c.path)
		if c.body != "" {
			require.Equal(t, c.body, body, c.path)
		}
	}
	for path, want := range map[string]int{
		"/api/updateNumBatches?numBatches=0": 400, "/api/updateNumBatches?numBatches=12abc": 400, "/api/updateNumBatches": 400,
		"/api/updatePartitions?value=4": 409, "/api/updatePartitions?value=x": 400, "/nothing": 404,
	} {
		status, _ := s.get(path)
		require.Equal(t, want, status, path)
	}
	_, body := s.get("/api/getNumBatches")
	require.Equal(t, "250", body, "bad values change nothing")
	require.Equal(t, app.ExitOK, r.end())
}

func TestMistakesAreReportedTogetherWithStatus2(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.vars["BATCH_SIZE"], s.vars["WORKER_TIMEOUT"] = "many", "-1"
	r := s.run()
	require.Equal(t, app.ExitUsage, <-r.code)
	for _, want := range []string{"BATCH_SIZE", "many", "WORKER_TIMEOUT", "-1"} {
		require.Contains(t, r.log.text(), want)
	}
	require.Equal(t, app.ExitUsage, <-newSite(t).run("--batch-sise=3").code)
	require.Equal(t, app.ExitUsage, <-newSite(t).run("serve").code)
}

func TestObstaclesAreNamedWithStatus1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.run()
	r.log.awaitLine(t, isLeading)
	for name, port := range map[string]string{"API_SERVER_PORT": s.vars["API_SERVER_PORT"], "KAFKA_BROKER_PORT": s.vars["KAFKA_BROKER_PORT"]} {
		other := newSite(t)
		other.vars[name] = port
		x := other.run()
		require.Equal(t, app.ExitCannot, <-x.code)
		require.Contains(t, x.log.text(), port)
		require.Contains(t, x.log.text(), name)
	}
	same := newSite(t)
	same.vars["DATA_DIR"] = s.vars["DATA_DIR"]
	x := same.run()
	require.Equal(t, app.ExitCannot, <-x.code)
	require.Contains(t, x.log.text(), "data/state")
	require.Equal(t, app.ExitOK, r.end())
}

func TestConfigShowsValuesAndSourcesButNoSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.vars["API_TOKEN"], s.vars["REDIS_URL"] = "canary-token-1234", "redis://u:canary-password@127.0.0.1:1"
	r := s.run("config", "--batch-size", "77")
	require.Equal(t, app.ExitOK, <-r.code)
	require.NotContains(t, r.out.text()+r.log.text(), "canary")
	require.Regexp(t, `BATCH_SIZE\s+77\s+flag`, r.out.text())
}

func TestExecWorkerOnItsOwn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts a master and a worker")
	}
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"] = "0"
	s.drop("a.txt", numbered(3000))
	r := s.run()
	r.log.awaitLine(t, isLeading)
	w := s.run("worker", "--exec", `sed "s/.*/{\"item\":\"&\"}/"`, "--parallel", "3")
	r.log.awaitLine(t, isFileEnded)
	require.Equal(t, app.ExitOK, w.end())
	require.Equal(t, app.ExitOK, r.end())
	s.sameItems(numbered(3000), s.results("a.txt"))
	require.True(t, strings.HasPrefix(w.out.text(), "worker "))
}
