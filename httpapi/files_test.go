package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// began is the start time of the files in the tests, in another time zone than UTC.
var began = time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("", 3600))

// exampleFiles are five versions of four paths.
func exampleFiles() []messages.FileStatus {
	file := func(id messages.FileID, path string, state messages.FileState) messages.FileStatus {
		f := messages.File{ID: id, Info: messages.FileInfo{Path: path, Size: 1000}, Generation: 1, State: state, Started: began}
		if state.Terminal() {
			f.Ended = began.Add(time.Minute)
		}
		return messages.FileStatus{File: &f}
	}
	out := []messages.FileStatus{
		file(2, "a.txt", messages.FileDone), file(3, "Big A.txt", messages.FileDoneWithRejects), file(5, "<b>.txt", messages.FileChanged),
		file(6, "c.txt", messages.FileRunning), file(9, "a.txt", messages.FileRunning),
	}
	out[0].Items, out[0].DoneItems, out[0].DoneChunks, out[0].Repeats, out[0].Cursor.Offset = 100, 100, 2, 1, 1000
	out[1].Items, out[1].DoneItems, out[1].FailedItems, out[1].DoneChunks, out[1].DeadItems, out[1].DeadChunks = 90, 47, 3, 1, 40, 1
	out[2].Reason, out[2].DeadBytes, out[2].DeadChunks, out[2].Left = "it was deleted while it was in work", 600, 2, began.Add(time.Hour)
	out[3].Items, out[3].DoneItems, out[3].DoneChunks, out[3].Ready, out[3].Running, out[3].Cursor.Offset = 70, 20, 1, 4, 2, 640
	out[4].Generation = 2
	return out
}

func withFiles() *fakeMaster {
	f := newFake()
	f.files = exampleFiles()
	return f
}

func TestFilesAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: withFiles()})
	for query, want := range map[string]struct {
		total int
		ids   []messages.FileID
	}{
		"":                        {5, []messages.FileID{9, 6, 5, 3, 2}},
		"?limit=2":                {5, []messages.FileID{9, 6}},
		"?limit=1000":             {5, []messages.FileID{9, 6, 5, 3, 2}},
		"?state=running":          {2, []messages.FileID{9, 6}},
		"?state=failed":           {0, []messages.FileID{}},
		"?q=A.t":                  {3, []messages.FileID{9, 3, 2}},
		"?q=a.t&state=done":       {1, []messages.FileID{2}},
		"?q=%3Cb":                 {1, []messages.FileID{5}},
		"?q=nothing":              {0, []messages.FileID{}},
		"?limit=1&q=a&state=done": {1, []messages.FileID{2}},
		"?cursor=6&limit=2":       {5, []messages.FileID{5, 3}},
		"?cursor=2":               {5, []messages.FileID{}},
		"?cursor=":                {5, []messages.FileID{9, 6, 5, 3, 2}},
	} {
		got := call(http.MethodGet, "/api/v1/files"+query)
		require.Equal(t, http.StatusOK, got.status, query)
		require.Equal(t, "application/json", got.kind)
		var body filesBody
		require.NoError(t, json.Unmarshal([]byte(got.body), &body))
		ids := []messages.FileID{}
		for _, f := range body.Files {
			ids = append(ids, f.ID)
		}
		require.Equal(t, want.total, body.Total, query)
		require.Equal(t, want.ids, ids, query)
	}
}

func TestFileGolden(t *testing.T) {
	t.Parallel()
	f := withFiles()
	f.files[3].Why = messages.Why{Reason: messages.WhyNoWorker, Text: "there is no worker"}
	f.files[3].Forecast = messages.Forecast{ItemsPerS: 2.5, Remaining: -1}
	call := start(t, Config{Asker: f})
	const running = `{"id":6,"path":"c.txt","generation":1,"state":"running","reason":"","paused":"","paused_by":"","paused_since":null,"priority":0,"share":1,"why":{"reason":"no_worker","text":"there is no worker"},"size":1000,"offset":640,` +
		`"items_cut":70,"items_done":20,"items_failed":0,"items_dead":0,"items_cancelled":0,"chunks_done":1,"chunks_dead":0,"chunks_cancelled":0,"chunks_ready":4,"chunks_running":2,"items_per_s":2.5,"items_remaining":null,"eta_at":null,"repeats":0,` +
		`"started_at":"2026-03-01T12:00:00.123Z","ended_at":null}`
	require.JSONEq(t, `{"total":1,"files":[`+running+`],"next":""}`, call(http.MethodGet, "/api/v1/files?q=c.txt").body)
	require.Equal(t, `{"total":0,"files":[],"next":""}`, call(http.MethodGet, "/api/v1/files?q=none").body)

	got := call(http.MethodGet, "/api/v1/files/5")
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"id":5,"path":"<b>.txt","generation":1,"state":"changed","reason":"it was deleted while it was in work","paused":"","paused_by":"","paused_since":null,"priority":0,"share":1,"why":null,"size":1000,"offset":0,`+
		`"items_cut":0,"items_done":0,"items_failed":0,"items_dead":0,"items_cancelled":0,"chunks_done":0,"chunks_dead":2,"chunks_cancelled":0,"chunks_ready":0,"chunks_running":0,"items_per_s":0,"items_remaining":0,"eta_at":null,"repeats":0,`+
		`"started_at":"2026-03-01T12:00:00.123Z","ended_at":"2026-03-01T12:01:00.123Z",`+
		`"chunks_discarded":0,"items_discarded":0,"items_failed_discarded":0,"dead_ranges":3,"dead_bytes":600,"cancelled_bytes":0,"duplicates":0,"digest":"0000000000000000","chunks_recorded":0,"output_lines":0,"retries_unrecorded":0,"merged_at":null,"modified_at":null,"left_at":"2026-03-01T13:00:00.123Z"}`, got.body)
	require.NotContains(t, got.body, "<b>", "no page is made of a file's name")
}

// The books come as the store holds them, for commands that check or merge results.
func TestBooks(t *testing.T) {
	t.Parallel()
	f := withFiles()
	call := start(t, Config{Asker: f})
	got := call(http.MethodGet, "/api/v1/files/6/books")
	require.Equal(t, http.StatusOK, got.status)
	var b messages.Books
	require.NoError(t, json.Unmarshal([]byte(got.body), &b))
	require.Equal(t, messages.FileID(6), b.ID)
	require.Equal(t, "c.txt", b.Info.Path)
	require.Equal(t, int64(20), b.DoneItems)
	require.Equal(t, "J6QK2", b.Deployment)
	require.Equal(t, http.StatusNotFound, call(http.MethodGet, "/api/v1/files/10/books").status)
	require.Equal(t, http.StatusUnprocessableEntity, call(http.MethodGet, "/api/v1/files/x/books").status)
	require.Equal(t, http.StatusUnprocessableEntity, call(http.MethodGet, "/api/v1/files/6/books?limit=1").status)
}

func TestFileByID(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: withFiles()})
	for id, status := range map[string]int{
		"2": 200, "9": 200, "1": 404, "4": 404, "10": 404, "18446744073709551615": 404,
		"0": 422, "-2": 422, "+2": 422, "%202": 422, "2.0": 422, "abc": 422, "18446744073709551616": 422, "%00": 422, "2?x=1": 422,
	} {
		got := call(http.MethodGet, "/api/v1/files/"+id)
		require.Equal(t, status, got.status, id)
		if status != 200 {
			requireProblem(t, got, status)
		}
	}
	requireProblem(t, call(http.MethodGet, "/api/v1/files/abc"), http.StatusUnprocessableEntity, "path.id", `"abc"`)
}

// A call with a wrong parameter gets no list. The problem names the parameter and the value.
func TestWrongParameters(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: withFiles()})
	for target, facts := range map[string][]string{
		"/api/v1/files?limit=0":                        {"query.limit", `"0"`, ">= 1"},
		"/api/v1/files?limit=1001":                     {"query.limit", `"1001"`, "<= 1000"},
		"/api/v1/files?limit=":                         {"query.limit", "empty"},
		"/api/v1/files?limit=5&limit=5":                {"query.limit", "2 times"},
		"/api/v1/files?cursor=x":                       {"query.cursor", `"x"`},
		"/api/v1/files?state=settling":                 {"query.state", "running, done, done_with_rejects, changed, failed, cancelled", `"settling"`},
		"/api/v1/files?state=":                         {"query.state", "empty"},
		"/api/v1/files?q=":                             {"query.q", "empty"},
		"/api/v1/files?Limit=5":                        {"query.Limit", "cursor, limit, state, q"},
		"/api/v1/files?x%0A=%1b":                       {"query.x?", "cursor, limit, state, q"},
		"/api/v1/files?limit=5;q=a":                    {"query"},
		"/api/v1/files?%zz":                            {"query"},
		"/api/v1/workers?path=a":                       {"query.path", "cursor, limit, state, kind, q"},
		"/api/v1/workers?state=running":                {"query.state", "announced, free, busy, suspect, lost, draining, gone", `"running"`},
		"/api/v1/overview?verbose":                     {"query.verbose", "takes none"},
		"/api/v1/files/2?limit=5":                      {"query.limit", "takes none"},
		"/api/v1/workers?" + strings.Repeat("z", 5000): {"query." + strings.Repeat("z", maxShown-len("query.")) + "..."},
	} {
		got := call(http.MethodGet, target)
		requireProblem(t, got, http.StatusUnprocessableEntity, facts...)
		require.Less(t, len(got.body), 600)
		require.Equal(t, http.StatusUnprocessableEntity, call(http.MethodHead, target).status)
	}
	many := "/api/v1/files?"
	for i := range 500 {
		many += fmt.Sprintf("p%d=%s&", i, "x")
	}
	got := call(http.MethodGet, many)
	require.Len(t, requireProblem(t, got, http.StatusUnprocessableEntity).Errors, maxErrors)
}

// Answers are bounded however many files and workers there are.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 30_000 {
		f.files = append(f.files, messages.FileStatus{File: &messages.File{ID: messages.FileID(i + 2), Info: messages.FileInfo{Path: fmt.Sprintf("%0200d.txt", i)}}})
		f.workers = append(f.workers, messages.WorkerStatus{ID: messages.WorkerID(fmt.Sprintf("%0100d", i)), Partitions: make([]int32, 150)})
	}
	f.workers[7].Held = make([]messages.HeldChunk, 10_000)
	call := start(t, Config{Asker: f})
	for target, most := range map[string]int{
		"/api/v1/files": 100 << 10, "/api/v1/files?limit=1000": 1 << 20, "/api/v1/workers": 100 << 10, "/api/v1/workers?limit=1000": 1 << 20,
		"/api/v1/overview": 1 << 10, "/metrics": 100 << 10,
	} {
		got := call(http.MethodGet, target)
		require.Equal(t, http.StatusOK, got.status)
		require.Less(t, len(got.body), most, target)
	}
	var files filesBody
	require.NoError(t, json.Unmarshal([]byte(call(http.MethodGet, "/api/v1/files").body), &files))
	require.Equal(t, 30_001, files.Total)
	require.Len(t, files.Files, DefaultLimit)
	var workers workersBody
	require.NoError(t, json.Unmarshal([]byte(call(http.MethodGet, "/api/v1/workers?limit=1000").body), &workers))
	require.Equal(t, 30_007, workers.Total)
	require.Len(t, workers.Workers, MaxLimit)
	require.Equal(t, []int{maxListed, 150}, []int{len(workers.Workers[8].Partitions), workers.Workers[8].PartitionCount})
	require.Equal(t, []int{maxListed, 10_000}, []int{len(workers.Workers[7].Held), workers.Workers[7].HeldCount})
}

func FuzzParameters(f *testing.F) {
	f.Add("limit=5&q=a&state=done")
	f.Add("limit=5&limit=6")
	f.Add("state=%00%ff&cursor=")
	s := New(Config{Asker: withFiles()})
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/files", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		require.Contains(t, []int{http.StatusOK, http.StatusUnprocessableEntity}, w.Code)
		require.True(t, json.Valid(w.Body.Bytes()))
		require.False(t, bytes.ContainsFunc(w.Body.Bytes(), isControl), "%q", w.Body)
	})
}

// File systems have times that RFC 3339 cannot represent.
func TestTimesBeyondTheFormat(t *testing.T) {
	t.Parallel()
	f := withFiles()
	f.files[0].Info.ModTime, f.files[1].Info.ModTime = time.Date(30828, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1199, 1, 1, 0, 0, 0, 0, time.UTC)
	call := start(t, Config{Asker: f})
	require.Contains(t, call(http.MethodGet, "/api/v1/files/2").body, `"modified_at":"9999-12-31T23:59:59.999Z"`)
	require.Contains(t, call(http.MethodGet, "/api/v1/files/3").body, `"modified_at":"0000-01-01T00:00:00Z"`)
	require.Equal(t, http.StatusOK, call(http.MethodGet, "/api/v1/files").status)
}
