package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// exampleLetters are dead chunks of two files, and one that is done with failed items.
func exampleLetters() []*messages.Letter {
	letter := func(file messages.FileID, index int, path, reason string) *messages.Letter {
		return &messages.Letter{
			Path: path, Generation: 1, Name: fmt.Sprintf("x_chunk_%d", index),
			OpenChunk: messages.OpenChunk{
				Chunk: messages.Chunk{ID: messages.ChunkID{File: file, Index: index}, Offset: 100, Length: 20, FirstLine: 11, Lines: 3, Items: 2},
				State: messages.ChunkDead, Attempt: 3, Worker: "w2", Reason: reason, FirstItem: "10.0.0.1",
				FailedBy: []messages.WorkerID{"w1", "w2"}, EndedAt: time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC),
			},
		}
	}
	failed := letter(2, 3, "b.txt", "")
	failed.State, failed.FailedItems, failed.FailedBy = messages.ChunkDoneWithFailed, 1, nil
	return []*messages.Letter{
		letter(1, 4, "a.txt", "exit status 1: line 17"), letter(1, 5, "a.txt", "exit status 1: line 230"),
		letter(1, 9, "a.txt", "lost"), letter(2, 0, "b.txt", "exit status 2: line 1"),
		failed,
	}
}

// lettered answers questions about dead chunks, and takes those off the list that are
// retried or discarded. Chunk 1/5 is refused. Nil means that it is another question.
func (f *fakeMaster) lettered(q messages.Query) any {
	var list []*messages.Letter
	switch q := q.(type) {
	case messages.QueryLetters:
		return slices.Clone(f.letters)
	case messages.RetryLetters:
		list = q.Letters
	case messages.DiscardLetters:
		list = q.Letters
	default:
		return nil
	}
	out := messages.LettersChanged{Reached: len(list)}
	if f.reach > 0 {
		out.Reached = min(f.reach, len(list))
	}
	f.changes++
	for _, x := range list[:out.Reached] {
		if x.ID == (messages.ChunkID{File: 1, Index: 5}) {
			out.Refused = append(out.Refused, messages.Refusal{ID: x.ID, Reason: "other\x1b bytes"})
			continue
		}
		out.Accepted++
		out.Items += x.Concerned()
		f.letters = slices.DeleteFunc(f.letters, func(y *messages.Letter) bool { return x == y })
	}
	return out
}

// poster serves an API and returns a function that posts JSON to it.
func poster(t *testing.T, cfg Config) func(path, body string, headers ...string) reply {
	t.Helper()
	send := sender(t, cfg)
	return func(path, body string, headers ...string) reply {
		t.Helper()
		return send(http.MethodPost, path, body, headers...)
	}
}

// sender serves an API and returns a function that sends JSON to it.
func sender(t *testing.T, cfg Config) func(method, path, body string, headers ...string) reply {
	t.Helper()
	srv := httptest.NewServer(New(cfg).Handler())
	t.Cleanup(srv.Close)
	return func(method, path, body string, headers ...string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return reply{resp.StatusCode, resp.Header.Get("Content-Type"), string(got), resp.Header}
	}
}

// The name of a group finds its chunks.
func TestAGroupIsAFilter(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake()})
	got := call(http.MethodGet, "/api/v1/dead?error="+url.QueryEscape("exit status #: line #"))
	require.Contains(t, got.body, `"total":3,`)
	require.Contains(t, got.body, `"groups":[{"error":"exit status #: line #","chunks":3,`)
	require.Contains(t, call(http.MethodGet, "/api/v1/dead?error="+url.QueryEscape("line 23")).body, `"total":1,`)
}

func TestDeadChunksAreListed(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake()})
	for query, want := range map[string]struct {
		total int
		ids   []string
		next  string
	}{
		"":                               {4, []string{"1/4", "1/5", "1/9", "2/0"}, ""},
		"?limit=2":                       {4, []string{"1/4", "1/5"}, "1/5"},
		"?limit=2&cursor=1/5":            {4, []string{"1/9", "2/0"}, ""},
		"?limit=1&cursor=1/7":            {4, []string{"1/9"}, "1/9"},
		"?cursor=2/0":                    {4, nil, ""},
		"?file=a.txt":                    {3, []string{"1/4", "1/5", "1/9"}, ""},
		"?file=a":                        {0, nil, ""},
		"?error=EXIT+status":             {3, []string{"1/4", "1/5", "2/0"}, ""},
		"?error=exit&file=b.txt":         {1, []string{"2/0"}, ""},
		"?error=exit&limit=1&cursor=1/4": {3, []string{"1/5"}, "1/5"},
	} {
		got := call(http.MethodGet, "/api/v1/dead"+query)
		require.Equal(t, http.StatusOK, got.status, query)
		var body lettersBody
		require.NoError(t, json.Unmarshal([]byte(got.body), &body))
		var ids []string
		for _, x := range body.Chunks {
			ids = append(ids, x.ID)
		}
		require.Equal(t, want.ids, ids, query)
		require.Equal(t, want.total, body.Total, query)
		require.EqualValues(t, 2*want.total, body.Items, query)
		require.Equal(t, want.next, body.Next, query)
	}
}

func TestDeadGolden(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: newFake()})
	const one = `{"id":"1/9","file_id":1,"path":"a.txt","generation":1,"chunk":"x_chunk_9","first_line":11,"lines":3,"items":2,"items_failed":0,"offset":100,"length":20,` +
		`"attempts":3,"workers":["w1","w2"],"error":"lost","first_item":"10.0.0.1","ended_at":"2026-03-01T13:00:00Z"}`
	require.JSONEq(t, one, call(http.MethodGet, "/api/v1/dead/1/9").body)
	require.JSONEq(t, `{"total":1,"items":2,"groups":[{"error":"lost","chunks":1,"items":2}],"chunks":[`+one+`],"next":""}`,
		call(http.MethodGet, "/api/v1/dead?error=lost").body)
	require.JSONEq(t, `{"total":0,"items":0,"groups":[],"chunks":[],"next":""}`, call(http.MethodGet, "/api/v1/dead?error=none").body)
	require.Contains(t, call(http.MethodGet, "/api/v1/dead?limit=1").body,
		`"groups":[{"error":"exit status #: line #","chunks":3,"items":6},{"error":"lost","chunks":1,"items":2}]`)
	for path, status := range map[string]int{
		"1/7": 404, "9/1": 404, "1/4.s2": 404, "1/x": 422, "1/+4": 422, "01/4": 422, "1/4%20": 422, "x/4": 422, "1/4?q=1": 422,
	} {
		require.Equal(t, status, call(http.MethodGet, "/api/v1/dead/"+path).status, path)
	}
	for _, query := range []string{"limit=0", "limit=1001", "cursor=4", "file=", "q=a", "file=a&file=b"} {
		requireProblem(t, call(http.MethodGet, "/api/v1/dead?"+query), http.StatusUnprocessableEntity)
	}
}

func TestDeadChunksAreRetried(t *testing.T) {
	t.Parallel()
	for _, path := range letterChanges()[:2] {
		for body, want := range map[string]string{
			`{"ids":["1/9","1/4","1/9"]}`: `{"matched":2,"accepted":2,"items":4,"refused":[],"next":""}`,
			`{"ids":["1/5","7/7"]}`:       `{"matched":1,"accepted":0,"items":0,"refused":[{"id":"7/7","reason":"no dead chunk has this id"},{"id":"1/5","reason":"other? bytes"}],"next":""}`,
			`{"ids":["7/7"]}`:             `{"matched":0,"accepted":0,"items":0,"refused":[{"id":"7/7","reason":"no dead chunk has this id"}],"next":""}`,
			`{"filter":{}}`:               `{"matched":4,"accepted":3,"items":6,"refused":[{"id":"1/5","reason":"other? bytes"}],"next":""}`,
			`{"filter":{"file":"b.txt"}}`: `{"matched":1,"accepted":1,"items":2,"refused":[],"next":""}`,
			`{"filter":{"error":"exit","file":"a.txt"},"cursor":"1/4"}`: `{"matched":1,"accepted":0,"items":0,"refused":[{"id":"1/5","reason":"other? bytes"}],"next":""}`,
			`{"filter":{"error":"none"}}`:                               `{"matched":0,"accepted":0,"items":0,"refused":[],"next":""}`,
		} {
			got := poster(t, Config{Asker: newFake()})(path, body)
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.JSONEq(t, want, got.body, body)
		}
	}
}

// Failed items have a list of their own.
func TestFailedItemsAreListedAndRetried(t *testing.T) {
	t.Parallel()
	f := newFake()
	call, post := start(t, Config{Asker: f}), poster(t, Config{Asker: f})
	const one = `{"id":"2/3","file_id":2,"path":"b.txt","generation":1,"chunk":"x_chunk_3","first_line":11,"lines":3,"items":2,"items_failed":1,"offset":100,"length":20,` +
		`"attempts":3,"workers":["w2"],"error":"","first_item":"10.0.0.1","ended_at":"2026-03-01T13:00:00Z"}`
	require.JSONEq(t, one, call(http.MethodGet, "/api/v1/failed/2/3").body)
	require.JSONEq(t, `{"total":1,"items":1,"groups":[{"error":"","chunks":1,"items":1}],"chunks":[`+one+`],"next":""}`, call(http.MethodGet, "/api/v1/failed").body)
	for _, path := range []string{"/api/v1/failed/1/4", "/api/v1/dead/2/3"} {
		require.Equal(t, http.StatusNotFound, call(http.MethodGet, path).status)
	}
	require.JSONEq(t, `{"matched":0,"accepted":0,"items":0,"refused":[{"id":"2/3","reason":"no dead chunk has this id"}],"next":""}`, post("/api/v1/dead/retry", `{"ids":["2/3"]}`).body)
	require.JSONEq(t, `{"matched":0,"accepted":0,"items":0,"refused":[{"id":"1/4","reason":"no chunk with failed items has this id"}],"next":""}`, post("/api/v1/failed/retry", `{"ids":["1/4"]}`).body)
	require.JSONEq(t, `{"matched":1,"accepted":1,"items":1,"refused":[],"next":""}`, post("/api/v1/failed/retry", `{"filter":{}}`).body)
	require.Len(t, f.letters, 4)
}

// A request that is not wholly carried out names where the next one begins. Requests that
// follow one another reach every chunk once, refused ones too.
func TestRetryGoesOnBehindWhatWasReached(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.reach = 1
	post := poster(t, Config{Asker: f})
	var accepted, refused int
	for after, n := "", 0; ; n++ {
		require.Less(t, n, 5)
		var body letterChangedBody
		require.NoError(t, json.Unmarshal([]byte(post("/api/v1/dead/retry", `{"filter":{},"cursor":"`+after+`"}`).body), &body))
		require.Equal(t, 4-n, body.Matched)
		accepted += body.Accepted
		refused += len(body.Refused)
		if after = body.Next; after == "" {
			break
		}
	}
	require.Equal(t, [2]int{3, 1}, [2]int{accepted, refused})
}

// One request changes no more than one commit holds.
func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.letters = nil
	for n := range messages.MaxLetters + 5 {
		f.letters = append(f.letters, &messages.Letter{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 3, Index: n}}, Reason: fmt.Sprintf("%d%c%d", n, 'a'+n%26, n) + strings.Repeat("z", n)}})
	}
	call := start(t, Config{Asker: f})
	require.Less(t, len(call(http.MethodGet, "/api/v1/dead?limit=1").body), 32<<10)
	var body letterChangedBody
	require.NoError(t, json.Unmarshal([]byte(poster(t, Config{Asker: f})("/api/v1/dead/retry", `{"filter":{}}`).body), &body))
	require.Equal(t, letterChangedBody{Matched: messages.MaxLetters + 5, Accepted: messages.MaxLetters, Refused: []letterRefusalBody{}, Next: "3/999"}, body)
}

func TestBadRetriesChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	post := poster(t, Config{Asker: f})
	many := strings.TrimSuffix(strings.Repeat(`"1/4",`, messages.MaxLetters+1), ",")
	for body, fact := range map[string]string{
		``: "body: ", `x`: "body: ", `[]`: "body: ", `{}`: "either", `{"ids":[]}`: "either", `{"ids":["1/4"],"filter":{}}`: "either", `null`: "body: ",
		`{"ids":["1/4"],"x":1}`: "body.x: ", `{"filter":{"path":"a"}}`: "body.filter.path: ", `{"ids":["1/4"]} {}`: "body: ", `{"ids":[4]}`: "body.ids[0]: ",
		`{"ids":["4"]}`: `"4"`, `{"ids":["1/4","1/04"]}`: "body.ids[1]: ", `{"filter":{},"cursor":"x"}`: "body.cursor: ", `{"ids":[` + many + `]}`: "1000",
	} {
		for _, path := range letterChanges() {
			requireProblem(t, post(path, body), http.StatusUnprocessableEntity, fact)
		}
	}
	requireProblem(t, post("/api/v1/dead/retry", `{"filter":{}}`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
	requireProblem(t, post("/api/v1/dead/retry?file=a", `{"filter":{}}`), http.StatusUnprocessableEntity)
	requireProblem(t, post("/api/v1/dead/retry", `{"filter":{}}`, "Origin", "http://evil.example"), http.StatusForbidden)
	requireProblem(t, post("/api/v1/dead/retry", strings.Repeat(" ", MaxBody+1)), http.StatusRequestEntityTooLarge)
	call := start(t, Config{Asker: f})
	for _, path := range letterChanges() {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			got := call(method, path)
			require.Equal(t, http.StatusMethodNotAllowed, got.status, method)
			require.Equal(t, "POST", got.header.Get("Allow"))
			if method != "HEAD" {
				requireProblem(t, got, http.StatusMethodNotAllowed, "POST")
			}
		}
	}
	require.Zero(t, f.changes)
	require.Len(t, f.letters, 5)
}

// A standby forwards a request with its body, and the leader believes no other body.
func TestStandbyForwardsRetries(t *testing.T) {
	t.Parallel()
	cfg := Config{Token: token}
	fake, api := startLeader(t, cfg)
	s := standby(t, api, cfg)
	r := httptest.NewRequest(http.MethodPost, "http://localhost:3002/api/v1/dead/retry", strings.NewReader(`{"ids":["1/4"]}`))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.JSONEq(t, `{"matched":1,"accepted":1,"items":2,"refused":[],"next":""}`, w.Body.String())
	require.Len(t, fake.letters, 4)

	key := newSigningKey(token)
	for body, status := range map[string]int{`{"ids":["1/9"]}`: http.StatusOK, `{"filter":{}}`: http.StatusUnauthorized, ``: http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+api+"/api/v1/dead/retry", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(forwardedHeader, key.sign(http.MethodPost, "/api/v1/dead/retry", api, []byte(`{"ids":["1/9"]}`)))
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, body)
	}
}

func FuzzParseWanted(f *testing.F) {
	f.Add([]byte(`{"ids":["1/4","2/7.s3"],"cursor":"1/2"}`))
	f.Add([]byte(`{"filter":{"file":"a.txt","error":"x"}}`))
	f.Add([]byte(`{"ids":["99999999999999999999/1"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var b letterChangeBody
		if json.Unmarshal(body, &b) != nil {
			return
		}
		want, err := parseWanted(b)
		if err != nil {
			return
		}
		require.True(t, (len(want.ids) > 0) != (want.filter != nil))
		want.choose(deadChunks, exampleLetters())
	})
}
