package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeMaster behaves like the actors: a setting has the value that was set last, and
// topics only grow.
type fakeMaster struct {
	mu       sync.Mutex
	workers  []messages.WorkerStatus
	batch    int
	topics   []messages.Topic
	overview messages.Overview
	files    []messages.FileStatus
	letters  []*messages.Letter
	series   *messages.Series
	reach    int           // most letters that are looked at in one request, 0 for all
	err      error         // answer to every question, if not nil
	hang     bool          // answer no question before its deadline
	asked    chan struct{} // receives a value for each hanging question, may be nil
	panics   bool          // panic on every question
	odd      bool          // answer with a wrong type
	changes  int           // number of changes that were asked for
	steering []any         // those of them that steer hand-outs
	logLevel messages.LogLevel
	steered  messages.WorkerID // worker that was drained, resumed or forgotten last
}

func newFake() *fakeMaster {
	return &fakeMaster{
		batch: 500,
		workers: []messages.WorkerStatus{
			{ID: "w-free", State: messages.WorkerFree}, {ID: "w-busy", State: messages.WorkerBusy},
			{ID: "w-suspect", State: messages.WorkerSuspect}, {ID: "w-draining", State: messages.WorkerDraining},
			{ID: "w-new", State: messages.WorkerAnnounced}, {ID: "w-lost", State: messages.WorkerLost},
			{ID: "w-gone", State: messages.WorkerGone},
		},
		topics: []messages.Topic{
			{Name: "worker-signal", Partitions: 1}, {Name: "__consumer_offsets", Partitions: 50},
			{Name: "master-signal", Partitions: 15}, {Name: "worker-connection", Partitions: 1},
		},
		overview: messages.Overview{Role: "leader", Term: 3},
		files:    []messages.FileStatus{{File: &messages.File{ID: 1}}},
		letters:  exampleLetters(),
		series:   exampleSeries(),
	}
}

func (f *fakeMaster) Ask(ctx context.Context, q messages.Query) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.hang:
		select {
		case f.asked <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return nil, ctx.Err()
	case f.panics:
		panic("canary")
	case f.odd:
		return "canary", nil
	case f.err != nil:
		return nil, f.err
	}
	switch q := q.(type) {
	case messages.QueryWorkers:
		return f.workers, nil
	case messages.QueryBatchSize:
		return f.batch, nil
	case messages.SetBatchSize:
		f.batch = q.Items
		f.changes++
		return f.batch, nil
	case messages.QueryTopics:
		return f.topics, nil
	case messages.GrowPartitions:
		return f.grow(q.Partitions)
	case messages.QueryWaiting, messages.SetWaiting:
		return f.waits(q)
	case messages.SetDispatch, messages.SetFile:
		return f.steer(q)
	case messages.QueryOverview, messages.QueryHealth:
		return f.shown(), nil
	case messages.QueryMasters:
		return exampleMasters(), nil
	}
	switch f.overview.Role {
	case "leader":
		if a, err := f.administered(q); a != nil || err != nil {
			return a, err
		}
		if a := f.lettered(q); a != nil {
			return a, nil
		}
		if a, err, ok := f.acted(q); ok {
			return a, err
		}
		if _, ok := q.(messages.QuerySeries); ok {
			return f.series, nil
		}
		return f.filed(q)
	case "standby":
		return nil, &messages.NotLeader{Leader: f.overview.Leader}
	}
	return nil, messages.ErrUnavailable
}

// shown returns the overview with the totals of files and workers.
func (f *fakeMaster) shown() messages.Overview {
	o := f.overview
	if o.Role != "leader" {
		return o
	}
	for _, x := range f.files {
		o.Files.Add(x, 1)
	}
	for _, w := range f.workers {
		o.Workers[w.Kind][w.State]++
	}
	return o
}

func (f *fakeMaster) filed(q messages.Query) (any, error) {
	var all []*messages.FileStatus
	for i := range f.files {
		all = append(all, &f.files[i])
		if x, ok := q.(messages.QueryFile); ok && x.ID == f.files[i].ID {
			return &f.files[i], nil
		}
		if x, ok := q.(messages.QueryBooks); ok && x.ID == f.files[i].ID {
			return &messages.Books{File: *f.files[i].File, Deployment: "J6QK2"}, nil
		}
	}
	switch q.(type) {
	case messages.QueryFile:
		return (*messages.FileStatus)(nil), nil
	case messages.QueryBooks:
		return (*messages.Books)(nil), nil
	}
	return all, nil
}

func (f *fakeMaster) grow(n int) (any, error) {
	if have := f.topics[2].Partitions; n < have {
		return nil, fmt.Errorf("%w: master-signal has %d, asked for %d", messages.ErrShrink, have, n)
	}
	f.topics[2].Partitions = n
	f.changes++
	return f.topics, nil
}

// buffer is a log that can be read while a server writes to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// reply is an answer as the client receives it.
type reply struct {
	status int
	kind   string
	body   string
	header http.Header
}

// requireShows checks that a text for a person contains the facts that matter in it,
// whatever its wording is.
func requireShows(t *testing.T, text string, facts ...string) {
	t.Helper()
	require.True(t, strings.HasSuffix(text, ".\n"), "a sentence: %q", text)
	for _, fact := range facts {
		require.Contains(t, text, fact)
	}
}

// requireProblem checks that an answer is a problem with this status, whose detail contains the
// facts that matter.
func requireProblem(t *testing.T, got reply, status int, facts ...string) huma.ErrorModel {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Equal(t, typeProblem, got.kind)
	var p huma.ErrorModel
	require.NoError(t, json.Unmarshal([]byte(got.body), &p))
	require.Equal(t, status, p.Status)
	require.Equal(t, http.StatusText(status), p.Title)
	require.True(t, strings.HasSuffix(p.Detail, "."), "a sentence: %q", p.Detail)
	for _, fact := range facts {
		require.Contains(t, p.Detail, fact)
	}
	return p
}

// start serves an API on a real connection and returns a function that calls it.
func start(t *testing.T, cfg Config) (call func(method, target string, headers ...string) reply) {
	t.Helper()
	srv := httptest.NewServer(New(cfg).Handler())
	client := srv.Client()
	t.Cleanup(func() { client.CloseIdleConnections(); srv.Close() })
	return func(method, target string, headers ...string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+target, nil)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			if headers[i] == "Host" {
				req.Host = headers[i+1]
				continue
			}
			req.Header.Add(headers[i], headers[i+1])
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return reply{resp.StatusCode, resp.Header.Get("Content-Type"), string(body), resp.Header}
	}
}
