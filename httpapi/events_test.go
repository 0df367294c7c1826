package httpapi

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// told is an event as a client reads it; the kind of a comment is ":", that of the end "end".
type told struct{ id, kind, data string }

// countingAsker counts the questions to a master.
type countingAsker struct {
	*fakeMaster
	asked atomic.Int64
}

func (a *countingAsker) Ask(ctx context.Context, q messages.Query) (any, error) {
	a.asked.Add(1)
	return a.fakeMaster.Ask(ctx, q)
}

// change changes what the master answers. Answers that it has given stay as they are.
func (f *fakeMaster) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files, f.workers = slices.Clone(f.files), slices.Clone(f.workers)
	do()
}

// site is a server in a bubble of synctest, and what is needed to call it.
type site struct {
	*Server
	in *listener
}

func serveInBubble(t *testing.T, cfg Config) *site {
	s := &site{New(cfg), &listener{conns: make(chan net.Conn), closed: make(chan struct{})}}
	served := make(chan error, 1)
	go func() { served <- s.Serve(s.in) }()
	t.Cleanup(func() {
		require.NoError(t, s.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
	return s
}

// follow opens a stream of events.
func (s *site) follow(t *testing.T, headers string) (events chan told, leave func()) {
	t.Helper()
	conn, server := net.Pipe()
	s.in.conns <- &peer{Conn: server, host: "10.0.0.1"}
	_, err := io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n"+headers+"\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	require.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	require.Empty(t, resp.Header.Get("Content-Encoding"))
	events = make(chan told, 10_000)
	go readEvents(resp.Body, events)
	return events, func() { conn.Close(); synctest.Wait() }
}

// readEvents parses a stream until it ends.
func readEvents(body io.Reader, events chan<- told) {
	var e told
	for lines := bufio.NewReader(body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			events <- told{kind: "end"}
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case ":":
			e.kind = ":"
		case "":
			events <- e
			e = told{}
		}
	}
}

// read returns the events that have come by now.
func read(events chan told) (all []told) {
	synctest.Wait()
	for {
		select {
		case e := <-events:
			all = append(all, e)
		default:
			return all
		}
	}
}

func kinds(all []told) (out []string) {
	for _, e := range all {
		out = append(out, e.kind)
	}
	return out
}

// A client is told what it needs at first, then what changes, for much longer than any
// other answer may take.
func TestEventsTellWhatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := busyMaster()
		slices.SortFunc(f.workers, func(a, b messages.WorkerStatus) int { return strings.Compare(string(a.ID), string(b.ID)) })
		s := serveInBubble(t, Config{Asker: f})
		events, leave := s.follow(t, "")
		all := read(events)
		require.Equal(t, []string{"hello", "notice", "overview"}, kinds(all))
		require.Equal(t, told{"3-2", "hello", `{"id":"3-2","role":"api"}`}, all[0])
		require.Contains(t, all[1].data, `"text":"Master m1 leads.","level":"info"`)
		require.JSONEq(t, overviewOf(s, "/api/v1/overview"), all[2].data)

		f.change(func() { f.overview.EndedCount++ }) // which the overview does not show
		time.Sleep(40 * time.Second)
		require.Equal(t, []string{":", ":"}, kinds(read(events)))

		f.change(func() { f.files[3].Ready = 5; f.workers[2].State = messages.WorkerLost })
		time.Sleep(time.Second)
		all = read(events)
		require.Equal(t, []string{"overview", "files", "workers", "notice"}, kinds(all))
		require.Contains(t, all[1].data, `[{"id":6,`)
		require.NotContains(t, all[1].data, `"id":9`)
		require.Contains(t, all[2].data, `[{"id":"w-free",`)
		require.Contains(t, all[3].data, `"text":"Worker w-free is lost.","level":"warn"`)
		require.Equal(t, "3-6", all[3].id)

		f.change(func() { f.files = f.files[1:]; f.workers = f.workers[3:] })
		time.Sleep(time.Second)
		all = read(events)
		require.Equal(t, []string{"overview", "gone"}, kinds(all))
		require.JSONEq(t, `{"files":[2],"workers":["w-busy","w-draining","w-free"]}`, all[1].data)
		leave()
	})
}

func overviewOf(s *site, target string) string {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Body.String()
}

// The master is asked twice a second while somebody listens, however many do, and not at all
// otherwise. Whoever comes back gets what it has missed.
func TestEventsThatWereMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &countingAsker{fakeMaster: busyMaster()}
		s := serveInBubble(t, Config{Asker: f})
		events, leave := s.follow(t, "")
		_, leave2 := s.follow(t, "")
		all := read(events)
		last := all[len(all)-1].id
		f.asked.Store(0)
		time.Sleep(10*time.Second + time.Millisecond)
		require.EqualValues(t, 3*20, f.asked.Load())
		leave()
		leave2()
		f.asked.Store(0)
		f.change(func() { f.files[3].Ready = 50 })
		time.Sleep(time.Minute)
		require.Zero(t, f.asked.Load())

		events, leave = s.follow(t, "Last-Event-ID: "+last+"\r\n")
		time.Sleep(time.Second)
		all = read(events)
		require.Equal(t, []string{"hello", "overview", "files"}, kinds(all))
		require.Equal(t, last, all[0].id, "a client that is cut off here has missed nothing")
		leave()
		for _, id := range []string{"3-999", "2-1", "x", "18446744073709551615-1", "3"} {
			events, leave = s.follow(t, "Last-Event-ID: "+id+"\r\n")
			require.Equal(t, []string{"hello", "stale", "notice", "overview"}, kinds(read(events)), id)
			leave()
		}
		events, leave = s.follow(t, "Last-Event-ID: 3-0\r\n")
		require.Equal(t, []string{"hello", "overview", "notice", "overview", "files"}, kinds(read(events)))
		for range 2 * maxRing {
			f.change(func() { f.overview.Ignored++ })
			time.Sleep(eventEvery)
		}
		leave()
		events, leave = s.follow(t, "Last-Event-ID: 3-1\r\n")
		require.Equal(t, []string{"hello", "stale", "overview"}, kinds(read(events)), "the ring has an end")
		leave()
	})
}

// The end of the leadership ends the stream, and another one begins anew.
func TestEventsEndWithTheLeadership(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := busyMaster()
		s := serveInBubble(t, Config{Asker: f})
		events, leave := s.follow(t, "")
		read(events)
		f.change(func() { f.err = messages.ErrUnavailable })
		time.Sleep(20 * time.Second)
		require.Equal(t, []string{":"}, kinds(read(events)), "a master that does not answer may still lead")
		f.change(func() { f.err = nil; f.overview.Role = "standby" })
		time.Sleep(time.Second)
		all := read(events)
		require.Equal(t, []string{"notice", "end"}, kinds(all))
		leave()
		f.change(func() { f.overview.Role, f.overview.Term = "leader", 5 })
		events, leave = s.follow(t, "Last-Event-ID: "+all[0].id+"\r\n")
		all = read(events)
		require.Equal(t, []string{"hello", "stale", "notice", "overview"}, kinds(all))
		require.Equal(t, "5-2", all[3].id)

		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(context.Background()) }()
		require.Equal(t, []string{"end"}, kinds(read(events)))
		leave()
		require.NoError(t, <-ended)
	})
}

// A client that does not read ends, and holds nobody up.
func TestEventsOfAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := busyMaster()
		s := serveInBubble(t, Config{Asker: f})
		conn, server := net.Pipe()
		defer conn.Close()
		s.in.conns <- &peer{Conn: server, host: "10.0.0.1"}
		_, err := io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		events, leave := s.follow(t, "")
		require.NotEmpty(t, read(events))
		require.Len(t, s.streams, 2)
		time.Sleep(writeTimeout + time.Second)
		synctest.Wait()
		require.Len(t, s.streams, 1)
		leave()
		require.Empty(t, s.streams)
	})
}

func TestEventsAreRefused(t *testing.T) {
	t.Parallel()
	s := New(Config{Asker: newFake(), Token: token, ReadToken: readToken})
	requireCode := func(status int, target, bearer string, headers ...string) {
		t.Helper()
		w := call(s, target, append(headers, "Authorization", "Bearer "+bearer)...)
		require.Equal(t, status, w.Code, w.Body)
		require.Equal(t, typeProblem, w.Header().Get("Content-Type"))
	}
	requireCode(http.StatusUnauthorized, pathEvents, "x")
	requireCode(http.StatusUnprocessableEntity, pathEvents+"?x=1", token)
	for range maxStreams {
		s.streams <- struct{}{}
	}
	requireCode(http.StatusServiceUnavailable, pathEvents, readToken)
	require.Equal(t, http.StatusMethodNotAllowed, serve(s, http.MethodPost, pathEvents, "Authorization", "Bearer "+token).Code)
	for _, role := range []string{"standby", "starting"} {
		f := newFake()
		f.overview.Role = role
		s = New(Config{Asker: f, Token: token})
		requireCode(http.StatusServiceUnavailable, pathEvents, token)
	}
	require.Less(t, maxStreams+maxDownloads+maxCalls+maxCallQueue+maxProbes+maxProbeQueue, MaxConnections)
}

// A standby passes the leader's stream on, with the place from which the client goes on and
// with what it may do.
func TestStandbyPassesEventsOn(t *testing.T) {
	t.Parallel()
	cfg := Config{Token: token, ReadToken: readToken}
	leader, api := startLeader(t, cfg)
	fake := newFake()
	fake.overview = messages.Overview{Role: "standby", Leader: messages.Leader{MasterID: "m1", API: api}}
	cfg.Asker = fake
	s := New(cfg)
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() { srv.Close(); s.leader.CloseIdleConnections(); s.leaderStreams.CloseIdleConnections() })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+pathEvents, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+readToken)
	r.Header.Set("Last-Event-ID", "1-1")
	resp, err := srv.Client().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	require.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
	events := make(chan told, 100)
	go readEvents(resp.Body, events)
	require.Equal(t, told{"3-2", "hello", `{"id":"3-2","role":"read"}`}, <-events)
	require.Equal(t, "stale", (<-events).kind)
	leader.change(func() { leader.overview.Role = "stopping" })
	var last []string
	for e := range events {
		if last = append(last, e.kind); e.kind == "end" {
			break
		}
	}
	require.Equal(t, []string{"notice", "end"}, last[len(last)-2:])
}

// What a late client can get is bounded, however large the events are.
func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	h := newEventHub(newFake())
	for range 2 * maxRing {
		h.add("files", "x")
	}
	require.Len(t, h.ring, maxRing)
	for range 12 {
		h.add("files", strings.Repeat("x", maxRingBytes/10))
		require.LessOrEqual(t, h.size, maxRingBytes)
	}
	require.EqualValues(t, 2*maxRing+12, h.ring[len(h.ring)-1].at.seq)
	h.add("files", strings.Repeat("x", 2*maxRingBytes))
	require.Len(t, h.ring, 1)
}
