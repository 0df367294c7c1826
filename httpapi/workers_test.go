package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestWorkersGolden(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.workers = []messages.WorkerStatus{
		{ID: "c1", Kind: messages.Classic, State: messages.WorkerAnnounced, Capacity: 1, Seen: began, Done: 17, Note: "has no partition"},
		{ID: "n1", Kind: messages.Native, State: messages.WorkerBusy, Partitions: []int32{3}, Capacity: 2, Held: []string{"a_chunk_0", "a_chunk_1_a2"}, HeldSince: []time.Time{began, began.Add(time.Second)}, Seen: began},
	}
	call := start(t, Config{Asker: f})
	const c1 = `{"id":"c1","kind":"classic","state":"announced","partitions":[],"partition_count":0,"capacity":1,"held":[],"held_count":0,"held_since":[],` +
		`"seen_at":"2026-03-01T12:00:00.123Z","note":"has no partition","done_count":17}`
	const n1 = `{"id":"n1","kind":"native","state":"busy","partitions":[3],"partition_count":1,"capacity":2,"held":["a_chunk_0","a_chunk_1_a2"],"held_count":2,"held_since":["2026-03-01T12:00:00.123Z","2026-03-01T12:00:01.123Z"],` +
		`"seen_at":"2026-03-01T12:00:00.123Z","note":"","done_count":0}`
	for query, want := range map[string]string{
		"": `{"total":2,"workers":[` + c1 + `,` + n1 + `],"next":""}`, "?limit=1": `{"total":2,"workers":[` + c1 + `],"next":"c1"}`,
		"?limit=1&cursor=c1": `{"total":2,"workers":[` + n1 + `],"next":""}`, "?cursor=n1": `{"total":2,"workers":[],"next":""}`,
		"?state=busy": `{"total":1,"workers":[` + n1 + `],"next":""}`, "?state=lost": `{"total":0,"workers":[],"next":""}`,
	} {
		got := call(http.MethodGet, "/api/v1/workers"+query)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, want, got.body)
	}
}
