package e2e

import (
	"encoding/json"
	"fmt"
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

// results returns the items of a file's result files.
func (s *site) results(file string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "data", "results", file, "*.jsonl"))
	require.NoError(s.t, err)
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
	r.log.await(t, `"msg":"input file ended"`)
	s.drop("later.txt", items[:10])
	r.log.await(t, `"file":"later.txt","state":"done"`)
	require.Equal(t, app.ExitOK, r.end())
	s.sameItems(items, s.results("a.txt"))
	require.Len(t, s.results("later.txt"), 10)
}

func TestKilledEmbeddedMasterGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	items := numbered(100_000)
	s.drop("a.txt", items)
	for range 3 {
		p := s.spawn(roleMaster)
		p.out.await(t, `"msg":"this master leads"`)
		require.Eventually(t, func() bool {
			done, _ := filepath.Glob(filepath.Join(s.dir, "data", "results", "a.txt", "*.jsonl"))
			return len(done) > 10
		}, 30*time.Second, 5*time.Millisecond)
		p.kill()
	}
	p := s.spawn(roleMaster)
	p.out.await(t, `"msg":"input file ended"`)
	require.Equal(t, app.ExitOK, p.terminate())
	s.sameItems(items, s.results("a.txt"))
}

// A file goes to its end although workers and the master are killed, and the
// batch size changes, in the middle of it; every line is delivered by exactly
// one accepted attempt.
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
	m.out.await(t, `"msg":"this master leads"`)
	ws := []*process{s.ledgerWorker("w0"), s.ledgerWorker("w1"), s.ledgerWorker("w2")}

	s.awaitLedger(40)
	ws[0].kill()
	ws[0] = s.ledgerWorker("w0")
	s.awaitLedger(80)
	status, body := s.get("/api/updateNumBatches?numBatches=300")
	require.Equal(t, 200, status, body)
	s.awaitLedger(120)
	m.kill()
	m = s.spawn(roleMaster)
	m.out.await(t, `"msg":"this master leads"`)
	s.awaitLedger(200)
	ws[1].kill() // for good: found by its silence
	m.out.await(t, `"msg":"input file ended"`)
	_, size := s.get("/api/getNumBatches")
	require.Equal(t, "300", size, "the API's value outlives the master")
	require.Equal(t, app.ExitOK, m.terminate())
	s.checkLedger(items)
}

func (s *site) ledger() []entry {
	s.t.Helper()
	if _, err := os.Stat(filepath.Join(s.dir, "ledger")); err != nil {
		return nil
	}
	var out []entry
	for _, line := range readLines(s.t, filepath.Join(s.dir, "ledger")) {
		var e entry
		if json.Unmarshal([]byte(line), &e) == nil { // the last line may be half written
			out = append(out, e)
		}
	}
	return out
}

func (s *site) awaitLedger(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.ledger()) >= n }, 40*time.Second, 20*time.Millisecond)
}

// checkLedger compares what the accepted attempts delivered with the input.
func (s *site) checkLedger(items []string) {
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
	for _, e := range s.ledger() {
		delivered[e.BatchID] = e.Items
	}
	accepted, got := map[messages.ChunkID]bool{}, []string{}
	for _, a := range journal {
		if a.Outcome != "done" && a.Outcome != "late" {
			continue
		}
		require.False(s.t, accepted[a.Chunk], "chunk %v was accepted twice", a.Chunk)
		accepted[a.Chunk] = true
		id := messages.BatchID(f.Base, a.Chunk.Index, f.Generation, a.Number)
		require.Contains(s.t, delivered, id)
		got = append(got, delivered[id]...)
	}
	s.sameItems(items, got)
}

// sameItems compares multisets.
func (s *site) sameItems(want, got []string) {
	s.t.Helper()
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	require.True(s.t, slices.Equal(want, got), "%d items, want %d", len(got), len(want))
}

func TestSeedEndpoints(t *testing.T) {
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

func TestMistakesAreReportedAtOnceWithStatus2(t *testing.T) {
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

func TestWhatIsInTheWayIsNamedWithStatus1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.run()
	r.log.await(t, `"msg":"this master leads"`)
	for name, port := range map[string]string{"API_SERVER_PORT": s.vars["API_SERVER_PORT"], "KAFKA_BROKER_PORT": s.vars["KAFKA_BROKER_PORT"]} {
		other := newSite(t)
		other.vars[name] = port
		x := other.run()
		require.Equal(t, app.ExitCannot, <-x.code)
		require.Contains(t, x.log.text(), fmt.Sprintf("port %s is taken", port))
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
	s := newSite(t)
	s.vars["EMBEDDED_WORKERS"] = "0"
	s.drop("a.txt", numbered(3000))
	r := s.run()
	r.log.await(t, `"msg":"this master leads"`)
	w := s.run("worker", "--exec", `sed "s/.*/{\"item\":\"&\"}/"`, "--parallel", "3")
	r.log.await(t, `"msg":"input file ended"`)
	require.Equal(t, app.ExitOK, w.end())
	require.Equal(t, app.ExitOK, r.end())
	s.sameItems(numbered(3000), s.results("a.txt"))
	require.True(t, strings.HasPrefix(w.out.text(), "worker "))
}
