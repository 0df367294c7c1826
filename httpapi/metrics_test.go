package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// own returns the lines of a scrape with the master's own metrics, without comments.
func own(t *testing.T, f *fakeMaster) []string {
	t.Helper()
	got := start(t, Config{Asker: f})(http.MethodGet, "/metrics")
	require.Equal(t, http.StatusOK, got.status)
	require.True(t, strings.HasPrefix(got.kind, "text/plain; version=0.0.4"), got.kind)
	for _, name := range []string{"go_goroutines ", "process_resident_memory_bytes "} {
		require.Contains(t, got.body, "\n"+name)
	}
	var out []string
	for line := range strings.Lines(got.body) {
		if strings.HasPrefix(line, "kafka_master_") {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func TestMetricsOfALeader(t *testing.T) {
	t.Parallel()
	f := busyMaster()
	f.workers[1].Kind = messages.Native
	got := own(t, f)
	for _, line := range []string{
		"kafka_master_leader 1", "kafka_master_term 3",
		`kafka_master_problems{kind="no_files",part="input"} 1`, `kafka_master_problems{kind="no_partition",part="workers"} 2`,
		`kafka_master_problems{kind="kafka_unavailable",part="kafka"} 0`, `kafka_master_problems{kind="no_workers",part="workers"} 0`,
		`kafka_master_files{state="settling"} 3`, `kafka_master_files{state="running"} 2`, `kafka_master_files{state="failed"} 0`,
		`kafka_master_file_items{state="done"} 167`, `kafka_master_file_items{state="failed"} 3`, `kafka_master_file_items{state="dead"} 40`, `kafka_master_file_items{state="cancelled"} 0`, `kafka_master_file_items{state="open"} 50`,
		`kafka_master_chunks{state="ready"} 4`, `kafka_master_chunks{state="running"} 2`,
		`kafka_master_items_total{result="done"} 70`, `kafka_master_items_total{result="failed"} 9`, `kafka_master_items_total{result="dead"} 40`, `kafka_master_items_total{result="cancelled"} 0`,
		"kafka_master_items_remaining 900", "kafka_master_oldest_ready_seconds 1.234567",
		"kafka_master_chunks_done_total 2", "kafka_master_chunks_dead_total 1", "kafka_master_worker_messages_ignored_total 4",
		`kafka_master_workers{kind="classic",state="free"} 1`, `kafka_master_workers{kind="native",state="busy"} 1`, `kafka_master_workers{kind="classic",state="busy"} 0`,
	} {
		require.Contains(t, got, line)
	}
	require.Len(t, got, 2+len(messages.ProblemKinds())+7+5+2+2+4+2+1+2*7)
	f.overview.Remaining = -1
	require.NotContains(t, strings.Join(own(t, f), "\n"), "items_remaining")
}

// A standby has metrics about itself only, and does not ask the leader.
func TestMetricsOfAStandby(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.overview = messages.Overview{
		Role: "standby", Term: 4, Leader: messages.Leader{MasterID: "m1", API: "127.0.0.1:1"},
		Problems: []messages.Problem{{Kind: messages.ProblemState, Part: "state", Text: "Redis is away", Count: 1}},
	}
	got := own(t, f)
	require.Len(t, got, 2+len(messages.ProblemKinds()))
	for _, line := range []string{"kafka_master_leader 0", `kafka_master_problems{kind="state_unavailable",part="state"} 1`, "kafka_master_term 4"} {
		require.Contains(t, got, line)
	}
}

// The metrics of the process do not depend on the master.
func TestMetricsWithoutAnswer(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.err = errors.New("canary")
	require.Empty(t, own(t, f))
	f.err, f.odd = nil, true
	require.Empty(t, own(t, f))
}

func TestMetricsAreLintFree(t *testing.T) {
	t.Parallel()
	problems, err := testutil.CollectAndLint(scrape{busyMaster(), slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Two servers in one process have separate metrics.
func TestMetricsOfTwoServers(t *testing.T) {
	t.Parallel()
	a, b := newFake(), newFake()
	a.overview.Term, b.overview.Term = 8, 9
	require.Contains(t, own(t, a), "kafka_master_term 8")
	require.Contains(t, own(t, b), "kafka_master_term 9")
}
