package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// busyMaster has a value in every field of the overview.
func busyMaster() *fakeMaster {
	f := withFiles()
	f.overview.Leader = messages.Leader{MasterID: "m1", API: "127.0.0.1:3001"}
	f.overview.Settling, f.overview.Ignored = 3, 4
	f.overview.Forecast = messages.Forecast{ItemsPerS: 81.23456, Remaining: 900, ETA: began.Add(11 * time.Second)}
	f.overview.OldestReady = 1234567 * time.Microsecond
	f.overview.Dispatch = messages.Dispatch{Paused: true, Until: began.Add(time.Hour), MaxItemsPerS: 2.5, By: "api", Since: began}
	f.overview.Counted = messages.Totals{DoneChunks: 2, DoneItems: 70, FailedItems: 9, DeadChunks: 1, DeadItems: 40}
	f.overview.Problems = []messages.Problem{
		{Kind: messages.ProblemNoFiles, Part: "input", Text: "one", Since: began, Count: 1}, {Kind: messages.ProblemNoPartition, Part: "workers", Text: "two", Since: began, Count: 2,
			Place: messages.Place{File: 4, Path: "a.txt", Worker: "w-1", Chunk: "a_chunk_2"},
			Cures: []messages.Cure{{Text: "look"}, {Text: "stop it", Command: "kafka-master recall w-1 a_chunk_2", Call: &messages.Call{Method: "POST", Path: "workers/w-1/recall", Body: map[string]any{"chunk": "a_chunk_2"}}}}},
	}
	return f
}

func TestOverviewGolden(t *testing.T) {
	t.Parallel()
	got := start(t, Config{Asker: busyMaster()})(http.MethodGet, "/api/v1/overview")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, `{"role":"leader","term":3,"leader":{"master_id":"m1","api":"127.0.0.1:3001"},`+
		`"files":{"cancelled":0,"changed":1,"done":1,"done_with_rejects":1,"failed":0,"running":2},"settling":3,`+
		`"items":{"cut":260,"done":167,"failed":3,"dead":40,"cancelled":0,"open":50},"chunks":{"done":4,"dead":3,"cancelled":0,"ready":4,"running":2},`+
		`"items_per_s":81.235,"items_remaining":900,"eta_at":"2026-03-01T12:00:11.123Z","oldest_ready_s":1.235,`+
		`"workers":{"announced":1,"busy":1,"draining":1,"free":1,"gone":1,"lost":1,"suspect":1},"ignored_worker_messages":4,`+
		`"dispatch":{"paused":true,"until":"2026-03-01T13:00:00.123Z","max_items_per_s":2.5,"by":"api","since":"2026-03-01T12:00:00.123Z"},`+
		`"problems":[{"kind":"no_files","part":"input","text":"one","since":"2026-03-01T12:00:00.123Z","count":1,"file_id":0,"path":"","worker":"","chunk":"","cures":[]},`+
		`{"kind":"no_partition","part":"workers","text":"two","since":"2026-03-01T12:00:00.123Z","count":2,"file_id":4,"path":"a.txt","worker":"w-1","chunk":"a_chunk_2",`+
		`"cures":[{"text":"look","command":"","call":null},{"text":"stop it","command":"kafka-master recall w-1 a_chunk_2","call":{"method":"POST","path":"workers/w-1/recall","body":{"chunk":"a_chunk_2"}}}]}]}`, got.body)
	f := newFake()
	f.overview, f.workers = messages.Overview{Role: "leader"}, nil
	require.Contains(t, start(t, Config{Asker: f})(http.MethodGet, "/api/v1/overview").body, `"problems":[]`)
}

// A standby does not know the files, and must not answer as if there were none.
func TestStandbyForwardsReadingCalls(t *testing.T) {
	leader := busyMaster()
	server := httptest.NewServer(New(Config{Asker: leader}).Handler())
	t.Cleanup(server.Close)
	f := newFake()
	f.overview = messages.Overview{Role: "standby", Term: 3, Leader: messages.Leader{MasterID: "m1", API: server.Listener.Addr().String()}}
	s := New(Config{Asker: f})
	t.Cleanup(s.leader.CloseIdleConnections)
	for _, target := range []string{"/api/v1/overview", "/api/v1/files?limit=2", "/api/v1/files/6"} {
		w := call(s, target)
		require.Equal(t, http.StatusOK, w.Code, target)
		want := httptest.NewRecorder()
		New(Config{Asker: leader}).Handler().ServeHTTP(want, httptest.NewRequest(http.MethodGet, target, nil))
		require.Equal(t, want.Body.String(), w.Body.String())
		require.Equal(t, http.StatusServiceUnavailable, call(s, target, forwardedHeader, "1").Code)
	}
	require.Equal(t, http.StatusNotFound, call(s, "/api/v1/files/77").Code, "the leader's answer is returned")
	require.Equal(t, http.StatusUnprocessableEntity, call(s, "/api/v1/files?limit=x").Code)
}

func TestNoListsWithoutALeader(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"standby", "starting", "stopping"} {
		f := newFake()
		f.overview = messages.Overview{Role: role}
		call := start(t, Config{Asker: f})
		for _, target := range []string{"/api/v1/overview", "/api/v1/files", "/api/v1/files/1"} {
			got := call(http.MethodGet, target)
			require.Equal(t, http.StatusServiceUnavailable, got.status, role+target)
			require.NotEmpty(t, got.header.Get("Retry-After"))
		}
	}
}
