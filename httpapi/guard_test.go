package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const token = "canary-token-0123456789"

// every returns a valid call of each route that answers GET.
func every() []string {
	return []string{
		"/api/getWorkersStatus", "/api/getNumBatches", "/api/updateNumBatches?numBatches=5", "/api/getPartitions",
		"/api/updatePartitions?value=20", "/api/v1/overview", "/api/v1/caller", "/api/v1/dispatch", "/api/v1/waiting", "/api/v1/series?window=1h", "/api/v1/files", "/api/v1/files/1", "/api/v1/files/1/books", "/api/v1/files/1/chunks", "/api/v1/workers", "/api/v1/workers/w-free", "/api/v1/masters", "/api/v1/settings", "/api/v1/topics",
		"/api/v1/files/1/strip", "/api/v1/files/1/downloads", "/api/v1/files/1/results", "/api/v1/files/1/failed", "/api/v1/files/1/failed-lines", "/api/v1/files/1/summary", "/api/v1/files/1/joblog",
		"/api/v1/dead", "/api/v1/dead/1/4", "/api/v1/failed", "/api/v1/failed/2/3", "/api/v1/openapi.json", "/metrics", "/version", "/livez", "/readyz",
	}
}

func TestEveryRouteIsInTheTests(t *testing.T) {
	t.Parallel()
	example := strings.NewReplacer("/failed/{file}/{chunk}", "/failed/2/3", "/workers/{id}", "/workers/w-free", "{id}", "1", "{file}", "1", "{chunk}", "4")
	s := New(Config{Asker: newFake()})
	var reading []string
	for _, r := range s.plainRoutes() {
		reading = append(reading, r.path)
	}
	for path, op := range s.api.OpenAPI().Paths {
		if op.Get != nil && path != pathEvents { // which does not end, see events_test.go
			reading = append(reading, example.Replace(path))
		}
		if op.Post != nil {
			require.Contains(t, everyPost(), example.Replace(path))
		}
		if op.Patch != nil {
			require.Contains(t, everyPatch(), example.Replace(path))
		}
	}
	var tested []string
	for _, target := range every() {
		path, _, _ := strings.Cut(target, "?")
		tested = append(tested, path)
	}
	require.ElementsMatch(t, reading, tested)
}

// everyPatch returns the path of each route that answers PATCH beside GET.
func everyPatch() []string {
	return []string{"/api/v1/dispatch", "/api/v1/files/1", "/api/v1/waiting", "/api/v1/settings"}
}

// everyPost returns the path of each route that answers POST, first those that take letters.
func everyPost() []string {
	return append(letterChanges(), "/api/v1/files/1/cancel", "/api/v1/files/1/acknowledge", "/api/v1/files/rescan",
		"/api/v1/workers/w-free/drain", "/api/v1/workers/w-free/resume", "/api/v1/workers/w-free/forget", "/api/v1/workers/w-free/recall", "/api/v1/masters/step-down")
}

// letterChanges returns those of them that change letters.
func letterChanges() []string {
	return []string{"/api/v1/dead/retry", "/api/v1/dead/discard", "/api/v1/failed/retry", "/api/v1/failed/discard"}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake(), Results: &fakeResults{failed: true}})
	for _, target := range every() {
		changes := strings.Contains(target, "/update")
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			want := "GET, HEAD"
			switch {
			case changes:
				want = "GET"
			case slices.Contains(everyPatch(), target):
				want = "GET, HEAD, PATCH"
			}
			if strings.Contains(want, method) {
				continue
			}
			got := call(method, target)
			require.Equal(t, http.StatusMethodNotAllowed, got.status, method+target)
			require.Equal(t, want, got.header.Get("Allow"))
		}
		got := call(http.MethodHead, target)
		require.Empty(t, got.body)
		if changes {
			require.Equal(t, http.StatusMethodNotAllowed, got.status)
		} else {
			require.Equal(t, http.StatusOK, got.status)
		}
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake()})
	for _, target := range []string{"/", "/api", "/api/", "/api/nope", "/api/getNumBatches/", "/api/updateNumBatches/x?numBatches=8", "/..%2fetc", "//livez", "/API/getNumBatches", "/api/v1"} {
		got := call(http.MethodGet, target)
		require.Equal(t, http.StatusNotFound, got.status, target)
		require.Equal(t, typeText, got.kind)
		require.Contains(t, got.body, "/api/getWorkersStatus\n")
		require.Contains(t, got.body, "/api/v1/files/{id}\n")
		require.NotContains(t, got.body, "etc")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake(), Token: token})
	for _, target := range append(every(), "/nope") {
		for _, auth := range []string{"Bearer " + token, "Bearer no"} {
			h := call(http.MethodGet, target, "Authorization", auth, "Origin", "http://evil.example").header
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", h.Get("Cache-Control"))
			require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
			require.Empty(t, h.Get("Server"))
			require.Empty(t, h.Get("X-Powered-By"))
			require.Empty(t, h.Get("Access-Control-Allow-Origin"))
		}
	}
}

func TestTokenMatrix(t *testing.T) {
	t.Parallel()
	var log buffer
	f := newFake()
	call := start(t, Config{Asker: f, Token: token, Results: &fakeResults{failed: true}, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	bad := [][]string{
		nil, {"Authorization", "Bearer"}, {"Authorization", "Bearer "}, {"Authorization", "Bearer " + token + "x"},
		{"Authorization", "Basic " + token}, {"Authorization", token}, {"Authorization", "Bearer " + token[1:]},
		{"Authorization", "Bearer " + token, "Authorization", "Bearer " + token}, {"Cookie", "token=" + token},
	}
	for _, target := range append(every(), "/nope", "/livez/", "/livez/../api/getNumBatches") {
		open := target == "/livez" || target == "/readyz"
		for _, h := range bad {
			got := call(http.MethodGet, target, h...)
			if open {
				require.Equal(t, http.StatusOK, got.status, target)
				require.Equal(t, http.StatusOK, call(http.MethodHead, target, h...).status)
				require.Equal(t, http.StatusUnauthorized, call(http.MethodPost, target, h...).status)
				continue
			}
			require.Equal(t, http.StatusUnauthorized, got.status, target)
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer")
		}
	}
	require.Zero(t, f.changes)
	for _, target := range every() {
		require.Equal(t, http.StatusOK, call(http.MethodGet, target, "Authorization", "bearer "+token).status, target)
	}
	require.Contains(t, log.String(), "/api/getNumBatches")
	require.NotContains(t, log.String(), "method=GET path=/livez ")
	require.NotContains(t, log.String(), "canary")
}

func TestCrossSiteMatrix(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := start(t, Config{Asker: f})
	const host = "master.example:3001"
	for _, c := range []struct {
		headers []string
		refused bool
	}{
		{nil, false},
		{[]string{"Sec-Fetch-Site", "same-origin"}, false},
		{[]string{"Sec-Fetch-Site", "none"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site"}, true},
		{[]string{"Sec-Fetch-Site", "same-site"}, true},
		{[]string{"Sec-Fetch-Site", "odd"}, true},
		{[]string{"Sec-Fetch-Site", "none", "Sec-Fetch-Site", "cross-site"}, true},
		{[]string{"Origin", "http://" + host}, false},
		{[]string{"Origin", "https://MASTER.example:3001"}, false},
		{[]string{"Origin", "http://master.example"}, true},
		{[]string{"Origin", "http://evil.example"}, true},
		{[]string{"Origin", "null"}, true},
		{[]string{"Origin", "%zz"}, true},
		{[]string{"Sec-Fetch-Site", "same-origin", "Origin", "http://evil.example"}, true},
		{[]string{"Referer", "http://" + host + "/x"}, false},
		{[]string{"Referer", "http://evil.example/img"}, true},
	} {
		for _, target := range []string{"/api/updateNumBatches?numBatches=5", "/api/updatenumbatches?numBatches=5", "/api/updatePartitions?value=15"} {
			before := f.changes
			got := call(http.MethodGet, target, append([]string{"Host", host}, c.headers...)...)
			if c.refused {
				require.Equal(t, http.StatusForbidden, got.status, "%v", c.headers)
				require.Equal(t, before, f.changes)
			} else {
				require.Equal(t, http.StatusOK, got.status, "%v", c.headers)
			}
		}
		got := call(http.MethodGet, "/api/getNumBatches", append([]string{"Host", host}, c.headers...)...)
		require.Equal(t, http.StatusOK, got.status, "reading is not guarded: without CORS a page cannot see it")
	}
}

func TestHostMatrix(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake(), AllowedHosts: LoopbackHosts()})
	for host, ok := range map[string]bool{
		"localhost": true, "LOCALHOST:3001": true, "127.0.0.1:3001": true, "127.0.0.1": true, "[::1]:3001": true, "[::1]": true, "localhost.": true,
		"evil.example": false, "evil.example:3001": false, "127.0.0.2": false, "localhost.evil.example": false, "0.0.0.0:3001": false,
	} {
		want := http.StatusForbidden
		if ok {
			want = http.StatusOK
		}
		require.Equal(t, want, call(http.MethodGet, "/api/getNumBatches", "Host", host).status, host)
		require.Equal(t, http.StatusOK, call(http.MethodGet, "/livez", "Host", host).status, host)
	}
	require.Equal(t, http.StatusOK, start(t, Config{Asker: newFake()})(http.MethodGet, "/api/getNumBatches", "Host", "any.example").status)
}
