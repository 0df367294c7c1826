package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// The document changes only together with this file: UPDATE=1 writes it.
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	got := start(t, Config{Asker: newFake(), Version: "test"})(http.MethodGet, pathDocument)
	require.Equal(t, http.StatusOK, got.status)
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, []byte(got.body), "", " "))
	pretty.WriteByte('\n')
	const golden = "testdata/openapi.json"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, pretty.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), pretty.String())
}

// example is a call of an operation, and its status.
type example struct {
	operation, target, body string
	status                  int
}

// examples are calls of all operations.
func examples() []example {
	return []example{
		{"get-caller", "/caller", "", 200}, {"get-caller", "/caller?x=1", "", 422},
		{"list-files", "/files?limit=2", "", 200}, {"list-files", "/files?limit=x", "", 422},
		{"get-file", "/files/5", "", 200}, {"get-file", "/files/2", "", 200}, {"get-file", "/files/77", "", 404},
		{"get-strip", "/files/6/strip", "", 200}, {"get-strip", "/files/6/strip?cells=x", "", 422}, {"get-strip", "/files/77/strip", "", 404},
		{"list-chunks", "/files/6/chunks", "", 200}, {"list-chunks", "/files/6/chunks?state=x", "", 422}, {"list-chunks", "/files/77/chunks", "", 404},
		{"acknowledge-file", "/files/6/acknowledge", "", 200}, {"acknowledge-file", "/files/77/acknowledge", "", 404}, {"acknowledge-file", "/files/5/acknowledge", "", 409},
		{"cancel-file", "/files/6/cancel", "", 200}, {"cancel-file", "/files/77/cancel", "", 404}, {"cancel-file", "/files/5/cancel", "", 409},
		{"rescan-files", "/files/rescan", "", 200},
		{"get-books", "/files/6/books", "", 200}, {"get-books", "/files/77/books", "", 404},
		{"list-downloads", "/files/6/downloads", "", 200}, {"list-downloads", "/files/77/downloads", "", 404},
		{"download-results", "/files/6/results", "", 404}, {"download-results", "/files/x/results", "", 422}, {"download-failed", "/files/77/failed", "", 404},
		{"download-failed-lines", "/files/6/failed-lines?x=1", "", 422}, {"download-summary", "/files/0/summary", "", 422}, {"download-joblog", "/files/6/joblog", "", 404},
		{"get-events", "/events?x=1", "", 422},
		{"get-overview", "/overview", "", 200}, {"get-overview", "/overview?x=1", "", 422},
		{"get-series", "/series", "", 200}, {"get-series", "/series?window=2h", "", 422},
		{"get-dispatch", "/dispatch", "", 200}, {"get-dispatch", "/dispatch?x=1", "", 422},
		{"set-dispatch", "/dispatch", `{"paused":true,"until":null,"max_items_per_s":2.5}`, 200}, {"set-dispatch", "/dispatch", `{"paused":1}`, 422},
		{"list-waiting", "/waiting?limit=1", "", 200}, {"set-waiting", "/waiting", `{"path":"1.txt","priority":1}`, 200}, {"set-waiting", "/waiting", `{"path":"x","priority":1}`, 404},
		{"set-file", "/files/6", `{"paused":true}`, 200}, {"set-file", "/files/6", `{"share":0}`, 422},
		{"set-file", "/files/77", `{"share":1}`, 404}, {"set-file", "/files/2", `{"share":1}`, 409},
		{"list-topics", "/topics", "", 200},
		{"get-settings", "/settings", "", 200}, {"set-settings", "/settings", `{"batch_size":50}`, 200}, {"set-settings", "/settings", `{"partitions":3}`, 409}, {"set-settings", "/settings", `{}`, 422},
		{"list-masters", "/masters", "", 200}, {"step-down", "/masters/step-down", "", 200},
		{"get-worker", "/workers/w-free", "", 200}, {"get-worker", "/workers/nobody", "", 404},
		{"drain-worker", "/workers/w-free/drain", "", 200}, {"resume-worker", "/workers/w-free/resume", "", 200},
		{"forget-worker", "/workers/w-lost/forget", "", 200}, {"forget-worker", "/workers/w-free/forget", "", 409}, {"drain-worker", "/workers/nobody/drain", "", 404},
		{"recall-chunks", "/workers/w-free/recall", `{"chunk":"f_chunk_1"}`, 200}, {"recall-chunks", "/workers/w-free/recall", `{"chunk":1}`, 422},
		{"recall-chunks", "/workers/nobody/recall", `{}`, 404}, {"recall-chunks", "/workers/w-classic/recall", `{}`, 409},
		{"list-workers", "/workers?kind=x", "", 422}, {"list-workers", "/workers", "", 200}, {"list-workers", "/workers?state=x", "", 422},
		{"list-dead", "/dead", "", 200}, {"get-dead", "/dead/1/4", "", 200}, {"get-dead", "/dead/9/9", "", 404},
		{"list-failed", "/failed", "", 200}, {"get-failed", "/failed/2/3", "", 200},
		{"retry-dead", "/dead/retry", `{"ids":["1/4","1/5"]}`, 200}, {"retry-dead", "/dead/retry", `{"ids":[1]}`, 422},
		{"discard-dead", "/dead/discard", `{"filter":{}}`, 200},
		{"retry-failed", "/failed/retry", `{"filter":{}}`, 200},
		{"discard-failed", "/failed/discard", `{"ids":["2/3"]}`, 200}, {"discard-failed", "/failed/discard", `{"ids":["x"]}`, 422},
	}
}

// Each operation answers what the document says.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	doc := New(Config{Asker: newFake()}).api.OpenAPI()
	closeAnswers(doc)
	ops := map[string]*huma.Operation{}
	methods := map[string]string{}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "PUT": item.Put, "DELETE": item.Delete} {
			if op != nil {
				require.Equal(t, path, op.Path)
				require.NotEmpty(t, op.Summary, path)
				require.Nil(t, ops[op.OperationID], "the id %s is used twice", op.OperationID)
				ops[op.OperationID], methods[op.OperationID] = op, method
			}
		}
	}
	tried := map[string]bool{}
	for _, x := range examples() {
		op := ops[x.operation]
		require.NotNil(t, op, x.operation)
		tried[x.operation] = true
		got := send(t, busyMaster(), methods[x.operation], pathV1+x.target, x.body)
		require.Equal(t, x.status, got.status, got.body)
		documented := op.Responses[strconv.Itoa(got.status)]
		require.NotNil(t, documented, "%s answers %d", x.operation, got.status)
		require.NotNil(t, documented.Content[got.kind], "%s answers %s", x.operation, got.kind)
		requireValid(t, doc, documented.Content[got.kind].Schema, got.body)
	}
	for id := range ops {
		require.True(t, tried[id], "%s has no example", id)
	}
}

// send makes one call of an API of its own.
func send(t *testing.T, f *fakeMaster, method, target, body string) reply {
	t.Helper()
	if method == http.MethodGet {
		return start(t, Config{Asker: f})(method, target)
	}
	return sender(t, Config{Asker: f})(method, target, body)
}

// requireValid checks a JSON text against a schema.
func requireValid(t *testing.T, doc *huma.OpenAPI, schema *huma.Schema, text string) {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value))
	var result huma.ValidateResult
	huma.Validate(doc.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, &result)
	require.Empty(t, result.Errors, text)
}

// Every refusal of an operation is a problem, wherever it is made.
func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	guarded := start(t, Config{Asker: newFake(), Token: token, AllowedHosts: []string{"localhost"}})
	requireProblem(t, guarded(http.MethodGet, "/api/v1/files", "Host", "localhost"), http.StatusUnauthorized, "API_TOKEN")
	requireProblem(t, guarded(http.MethodGet, "/api/v1/files", "Host", "evil.example"), http.StatusForbidden)
	f := newFake()
	call := start(t, Config{Asker: f})
	requireProblem(t, call(http.MethodGet, "/api/v1/nope"), http.StatusNotFound, pathDocument)
	requireProblem(t, call(http.MethodGet, "/api/v1/"), http.StatusNotFound, pathDocument)
	requireProblem(t, call(http.MethodDelete, "/api/v1/files"), http.StatusMethodNotAllowed, "GET, HEAD")
	for err, status := range map[error]int{
		messages.ErrUnavailable: 503, messages.ErrConflict: 409, messages.ErrNotFound: 404, messages.ErrRange: 422, http.ErrNoCookie: 500,
	} {
		f.err = err
		got := call(http.MethodGet, "/api/v1/files")
		requireProblem(t, got, status)
		require.Equal(t, status == 503, got.header.Get("Retry-After") == retryAfter)
		require.NotContains(t, got.body, "cookie")
	}
	f.err = &messages.NotLeader{}
	requireProblem(t, call(http.MethodGet, "/api/v1/files"), http.StatusServiceUnavailable)
	f.err, f.odd = nil, true
	requireProblem(t, call(http.MethodGet, "/api/v1/files"), http.StatusInternalServerError)
}

// The leader's refusal reaches the client of a standby as it is, for HEAD too.
func TestProblemsAreForwarded(t *testing.T) {
	t.Parallel()
	fake, api := startLeader(t, Config{})
	fake.files = exampleFiles()
	w := call(standby(t, api, Config{}), "/api/v1/files/77")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, typeProblem, w.Header().Get("Content-Type"))
	w = serve(standby(t, api, Config{}), http.MethodHead, "/api/v1/files/77")
	require.Equal(t, http.StatusNotFound, w.Code)
}

// A value of a call that is shown in a problem is short, and nothing of it is interpreted.
func TestProblemsAreClean(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake()})
	got := call(http.MethodGet, "/api/v1/files?state=%1b%5b31m%E2%80%AE<b>"+strings.Repeat("x", 4000))
	p := requireProblem(t, got, http.StatusUnprocessableEntity)
	require.Less(t, len(got.body), 900)
	require.NotContains(t, got.body, "<b>")
	require.False(t, bytes.ContainsFunc([]byte(got.body), isControl))
	require.Equal(t, "query.state", p.Errors[0].Location)
}
