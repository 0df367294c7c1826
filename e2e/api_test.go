package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
)

// The API and the metrics report the progress of a file correctly.
func TestProgressOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.drop("a.txt", numbered(3000))
	r := s.run("--embedded-workers=2")
	type file struct {
		ID           int
		Path, State  string
		Size, Offset int64
		ItemsCut     int64  `json:"items_cut"`
		ItemsDone    int64  `json:"items_done"`
		ItemsFailed  int64  `json:"items_failed"`
		ItemsDead    int64  `json:"items_dead"`
		ChunksDone   int64  `json:"chunks_done"`
		EndedAt      string `json:"ended_at"`
	}
	var list struct {
		Total int
		Files []file
	}
	require.Eventually(t, func() bool {
		status, body := s.get("/api/v1/files?state=done&q=a.txt")
		return status == 200 && json.Unmarshal([]byte(body), &list) == nil && list.Total == 1
	}, time.Minute, 20*time.Millisecond)
	f := list.Files[0]
	require.Equal(t, []int64{3000, 3000, 0, 0, 6, f.Size}, []int64{f.ItemsCut, f.ItemsDone, f.ItemsFailed, f.ItemsDead, f.ChunksDone, f.Offset})
	require.Positive(t, f.Size)
	require.NotEmpty(t, f.EndedAt)

	status, body := s.get("/api/v1/overview")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"items":{"cut":3000,"done":3000,"failed":0,"dead":0,"cancelled":0,"open":0},"chunks":{"done":6,"dead":0,"cancelled":0,"ready":0,"running":0}`)
	require.Contains(t, body, `"api":"127.0.0.1:`+s.vars["API_SERVER_PORT"]+`"`)
	status, body = s.get("/api/v1/workers?limit=1")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"kind":"native"`)
	_, body = s.get("/metrics")
	for _, line := range []string{
		"kafka_master_leader 1\n", "kafka_master_term 1\n", `kafka_master_items_total{result="done"} 3000` + "\n",
		"kafka_master_chunks_done_total 6\n", `kafka_master_files{state="done"} 1` + "\n",
	} {
		require.Contains(t, body, "\n"+line)
	}
	require.Equal(t, app.ExitOK, r.end())
}
