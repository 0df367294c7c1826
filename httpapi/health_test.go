package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestReady(t *testing.T) {
	t.Parallel()
	input := messages.Problem{Part: "input", Text: "the folder is missing"}
	kafka := messages.Problem{Kind: messages.ProblemKafka, Part: "kafka", Text: "no broker\nanswers\x1b[31m " + strings.Repeat("x", 5000)}
	for _, c := range []struct {
		name   string
		o      messages.Overview
		status int
		want   string
		lines  int // with ?verbose
	}{
		{"leader", messages.Overview{Role: "leader", Term: 3}, 200, "ready: leader, term 3", 1},
		{"deaf", messages.Overview{Role: "leader", Problems: []messages.Problem{{Kind: messages.ProblemMasterStuck, Part: "master", Text: "stuck"}}}, 503, "not ready: master: stuck", 2},
		{"a topic", messages.Overview{Role: "leader", Problems: []messages.Problem{{Kind: messages.ProblemTopic, Part: "kafka", Text: "compacted"}}}, 200, "ready: leader", 2},
		{"skipped", messages.Overview{Role: "leader", Problems: []messages.Problem{{Kind: messages.ProblemBadMessages, Part: "kafka", Text: "skipped"}}}, 200, "ready: leader", 2},
		{"standby", messages.Overview{Role: "standby", Term: 3}, 200, "ready: standby, term 3", 1},
		{"starting", messages.Overview{Role: "starting"}, 503, "not ready: the master is starting", 1},
		{"stopping", messages.Overview{Role: "stopping"}, 503, "not ready: the master is stopping", 1},
		{"input", messages.Overview{Role: "leader", Problems: []messages.Problem{input}}, 200, "ready: leader", 2},
		{"skipped messages", messages.Overview{Role: "leader", Term: 1, Problems: []messages.Problem{{Kind: messages.ProblemBadMessages, Part: "kafka", Text: "x"}}}, 200, "ready: leader, term 1", 2},
		{"kafka", messages.Overview{Role: "leader", Problems: []messages.Problem{input, kafka}}, 503, "not ready: kafka: no broker?answers?[31m xxx", 3},
		{"state", messages.Overview{Role: "standby", Problems: []messages.Problem{{Kind: messages.ProblemState, Part: "state", Text: "Redis is away"}}}, 503, "not ready: state: Redis is away", 2},
	} {
		f := newFake()
		f.overview = c.o
		call := start(t, Config{Asker: f})
		got := call(http.MethodGet, "/readyz")
		require.Equal(t, c.status, got.status, c.name)
		require.True(t, strings.HasPrefix(got.body, c.want), got.body)
		require.Equal(t, 1, strings.Count(got.body, "\n"))
		got = call(http.MethodGet, "/readyz?verbose")
		require.Equal(t, c.status, got.status)
		require.Equal(t, c.lines, strings.Count(got.body, "\n"))
		require.Less(t, len(got.body), 1500)
		require.Equal(t, http.StatusOK, call(http.MethodGet, "/livez").status)
	}
}

// Probes without a token get no addresses.
func TestReadyWithoutTheToken(t *testing.T) {
	t.Parallel()
	kafka := messages.Problem{Kind: messages.ProblemKafka, Part: "kafka", Text: "dial tcp 10.0.0.7:9092: refused"}
	f := newFake()
	f.overview.Problems = []messages.Problem{kafka}
	for _, cfg := range []Config{{Asker: f, Token: token}, {Asker: f, AllowedHosts: []string{"localhost"}}} {
		call := start(t, cfg)
		got := call(http.MethodGet, "/readyz?verbose", "Host", "evil.example")
		require.Equal(t, http.StatusServiceUnavailable, got.status)
		require.Equal(t, "not ready: kafka: kafka_unavailable\n", got.body)
		got = call(http.MethodGet, "/readyz?verbose", "Authorization", "Bearer "+token, "Host", "localhost")
		require.Equal(t, "not ready: kafka: dial tcp 10.0.0.7:9092: refused\nkafka: dial tcp 10.0.0.7:9092: refused (kafka_unavailable)\n", got.body)
	}
	standby := newFake()
	standby.overview = messages.Overview{Role: "standby", Term: 2, Leader: messages.Leader{MasterID: "m", API: "10.0.0.8:3001"}}
	require.Equal(t, "ready: standby, term 2\n", start(t, Config{Asker: standby, Token: token})(http.MethodGet, "/readyz").body)
}

// Below each problem stands what can be done about it.
func TestReadyShowsCures(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.overview.Problems = []messages.Problem{{
		Kind: messages.ProblemSlowTail, Part: "workers", Text: "it waits for w-3", Since: time.Now().Add(-12 * time.Second),
		Cures: []messages.Cure{{Text: "give it nothing more", Command: "kafka-master drain w-3"}, {Text: "look\nat it"}},
	}}
	require.Regexp(t, `\nworkers: it waits for w-3 \(slow_tail, for 1\d s\)\n  give it nothing more: kafka-master drain w-3\n  look\?at it\n$`,
		start(t, Config{Asker: f})(http.MethodGet, "/readyz?verbose").body)
}

func TestReadyWithoutAnswer(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.err = errors.New("canary")
	call := start(t, Config{Asker: f})
	got := call(http.MethodGet, "/readyz?verbose")
	require.Equal(t, 503, got.status)
	require.True(t, strings.HasPrefix(got.body, "not ready: "), got.body)
	require.NotContains(t, got.body, "canary")
	f.err, f.odd = nil, true
	require.Equal(t, 503, call(http.MethodGet, "/readyz").status)
}

// Liveness does not depend on the master.
func TestLiveAsksNobody(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.panics = true
	got := start(t, Config{Asker: f})(http.MethodGet, "/livez")
	require.Equal(t, "ok\n", got.body)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := start(t, Config{Asker: newFake(), Version: "1.2"})(http.MethodGet, "/version")
	require.Equal(t, typeJSON, got.kind)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &v))
	require.Equal(t, "1.2", v["version"])
	require.Equal(t, runtime.Version(), v["go"])
	require.Contains(t, v, "revision")
}
