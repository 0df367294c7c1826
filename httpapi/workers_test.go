package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestWorkersGolden(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.workers = []messages.WorkerStatus{
		{ID: "c1", Kind: messages.Classic, State: messages.WorkerAnnounced, Capacity: 1, Seen: began, Done: 17, Note: "has no partition", Why: messages.Why{Reason: messages.WhyNoPartition, Text: "has no partition"}},
		{ID: "n1", Kind: messages.Native, State: messages.WorkerBusy, Partitions: []int32{3}, Capacity: 2, Held: []messages.HeldChunk{{BatchID: "a_chunk_0", Since: began, Began: began.Add(time.Second), StalledSince: began.Add(2 * time.Second)}, {BatchID: "a_chunk_1_a2", Since: began.Add(time.Second)}}, Seen: began},
	}
	call := start(t, Config{Asker: f})
	const c1 = `{"id":"c1","kind":"classic","state":"announced","partitions":[],"partition_count":0,"capacity":1,"held":[],"held_count":0,"held_since":[],"running":[],"queued":[],` +
		`"seen_at":"2026-03-01T12:00:00.123Z","note":"has no partition","drained_by":"","drained_since":null,"why":{"reason":"no_partition","text":"has no partition"},"done_count":17}`
	const n1 = `{"id":"n1","kind":"native","state":"busy","partitions":[3],"partition_count":1,"capacity":2,"held":["a_chunk_0","a_chunk_1_a2"],"held_count":2,"held_since":["2026-03-01T12:00:00.123Z","2026-03-01T12:00:01.123Z"],` +
		`"running":[{"chunk":"a_chunk_0","since":"2026-03-01T12:00:01.123Z","stalled_since":"2026-03-01T12:00:02.123Z"}],"queued":[{"chunk":"a_chunk_1_a2","since":"2026-03-01T12:00:01.123Z","stalled_since":null}],` +
		`"seen_at":"2026-03-01T12:00:00.123Z","note":"","drained_by":"","drained_since":null,"why":null,"done_count":0}`
	for query, want := range map[string]string{
		"": `{"total":2,"workers":[` + c1 + `,` + n1 + `],"next":""}`, "?limit=1": `{"total":2,"workers":[` + c1 + `],"next":"c1"}`,
		"?limit=1&cursor=c1": `{"total":2,"workers":[` + n1 + `],"next":""}`, "?cursor=n1": `{"total":2,"workers":[],"next":""}`,
		"?state=busy": `{"total":1,"workers":[` + n1 + `],"next":""}`, "?state=lost": `{"total":0,"workers":[],"next":""}`,
		"?kind=native": `{"total":1,"workers":[` + n1 + `],"next":""}`, "?q=C1": `{"total":1,"workers":[` + c1 + `],"next":""}`, "?q=x": `{"total":0,"workers":[],"next":""}`,
	} {
		got := call(http.MethodGet, "/api/v1/workers"+query)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, want, got.body)
	}
}

// Ids of workers come from workers, and may hold any characters.
func TestWorkersAreNamedByPaths(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := sender(t, Config{Asker: f})
	for _, id := range []string{"w-1", "a/b", "a%2Fb", "../x", "..", ".", "ü ö+&?=#", "a:b;c,d", "%", "drain", "w/drain", "//", `a\b`} {
		f.workers = []messages.WorkerStatus{{ID: messages.WorkerID(id)}}
		got := call(http.MethodGet, "/api/v1/workers/"+url.PathEscape(id), "")
		require.Equal(t, http.StatusOK, got.status, "%q: %s", id, got.body)
		var w struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(got.body), &w))
		require.Equal(t, id, w.ID)
		got = call(http.MethodPost, "/api/v1/workers/"+url.PathEscape(id)+"/drain", "")
		require.Equal(t, http.StatusOK, got.status, "%q: %s", id, got.body)
		require.Equal(t, messages.WorkerID(id), f.steered)
	}
	requireProblem(t, call(http.MethodGet, "/api/v1/workers/nobody", ""), http.StatusNotFound)
	requireProblem(t, call(http.MethodGet, "/api/v1/workers/%00", ""), http.StatusNotFound)
}

func TestWorkersAreSteered(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := sender(t, Config{Asker: f, Token: token})
	drained := `{"state":"draining","drained_by":"api","drained_since":"2026-03-01T12:00:00.123Z"}`
	for _, x := range []struct {
		path, want string
	}{
		{"w-busy/drain", `{"old":{"state":"busy","drained_by":"","drained_since":null},"new":` + drained + `}`},
		{"w-busy/resume", `{"old":` + drained + `,"new":{"state":"announced","drained_by":"","drained_since":null}}`},
		{"w-lost/forget", `{"old":{"state":"lost","drained_by":"","drained_since":null},"new":{"state":"gone","drained_by":"","drained_since":null}}`},
	} {
		got := call(http.MethodPost, "/api/v1/workers/"+x.path, "", "Authorization", "Bearer "+token)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, x.want, got.body)
	}
	requireProblem(t, call(http.MethodPost, "/api/v1/workers/w-busy/forget", "", "Authorization", "Bearer "+token), http.StatusConflict, "busy")
	requireProblem(t, call(http.MethodPost, "/api/v1/workers/nobody/drain", "", "Authorization", "Bearer "+token), http.StatusNotFound, "nobody")
}
