package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// These limits close connections that are not used.
func TestLimitsAreSet(t *testing.T) {
	t.Parallel()
	h := New(Config{Asker: newFake()}).http
	require.Equal(t, 5*time.Second, h.ReadHeaderTimeout)
	require.Equal(t, 10*time.Second, h.ReadTimeout)
	require.Equal(t, 15*time.Second, h.WriteTimeout)
	require.Equal(t, 60*time.Second, h.IdleTimeout)
	require.Equal(t, 16<<10, h.MaxHeaderBytes)
	require.Greater(t, h.WriteTimeout, messages.AskTimeout, "a late 503 must still reach the client")
}

func TestLimitsOfRequests(t *testing.T) {
	t.Parallel()
	s := New(Config{Asker: newFake()})
	srv := httptest.NewUnstartedServer(s.Handler())
	srv.Config.MaxHeaderBytes = s.http.MaxHeaderBytes
	srv.Start()
	t.Cleanup(srv.Close)
	send := func(body io.Reader, length int64, header string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/getNumBatches", body)
		require.NoError(t, err)
		req.ContentLength = length
		req.Header.Set("X", header)
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, 200, send(strings.NewReader("x"), 1, ""))
	require.Equal(t, 413, send(strings.NewReader(strings.Repeat("x", MaxBody+1)), MaxBody+1, ""))
	require.Equal(t, 431, send(nil, 0, strings.Repeat("x", 32<<10)))
}

// A question without an answer becomes a 503 after 3 s.
func TestAskTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hang = true
		h := New(Config{Asker: f}).Handler()
		for _, target := range every() {
			if strings.HasPrefix(target, "/livez") || strings.HasPrefix(target, "/version") || target == "/metrics" || target == pathDocument {
				continue
			}
			before := time.Now()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
			require.Equal(t, http.StatusServiceUnavailable, w.Code, target)
			require.Equal(t, 3*time.Second, time.Since(before))
			require.NotEmpty(t, w.Header().Get("Retry-After"))
		}
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	var log buffer
	f := newFake()
	call := start(t, Config{Asker: f, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s := New(Config{Asker: f, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w := httptest.NewRecorder()
	s.logCall(s.recoverPanic(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary") }))).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "canary")
	require.Contains(t, log.String(), "canary")
	require.Contains(t, log.String(), "server_test.go")
	require.Panics(t, func() {
		s.recoverPanic(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
			ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil))
	})
	f.panics = true
	got := call(http.MethodGet, "/api/getNumBatches")
	require.Equal(t, 500, got.status)
	require.NotContains(t, got.body, "canary")
	requireProblem(t, call(http.MethodGet, "/api/v1/overview"), 500)
}

func TestServeAndShutdown(t *testing.T) {
	t.Parallel()
	s := New(Config{Asker: newFake()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	require.NoError(t, s.Shutdown(t.Context()))
	require.NoError(t, <-served)
}

// A call that does not end is cut when the deadline of the shutdown has passed.
func TestShutdownCuts(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.hang, f.asked = true, make(chan struct{}, 1)
	s := New(Config{Asker: f})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /api/getNumBatches HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	<-f.asked
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	require.NoError(t, <-served)
}

func TestServeError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, New(Config{Asker: newFake()}).Serve(l), net.ErrClosed)
}

// listener accepts connections that the test creates.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}
func (l *listener) Close() error   { close(l.closed); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// peer is the connection of a client with an address.
type peer struct {
	net.Conn
	host   string
	closed atomic.Bool
}

func (p *peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(p.host), Port: 1} }
func (p *peer) Close() error         { p.closed.Store(true); return p.Conn.Close() }

// A new connection replaces one that waits for its client: of the client with the most, the
// one that has been idle for the longest time. Connections with calls are not replaced.
func TestConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := &listener{conns: make(chan net.Conn, 8), closed: make(chan struct{})}
		l := limit(in, 3)
		open := func(host string) *peer {
			a, b := net.Pipe()
			t.Cleanup(func() { a.Close() })
			p := &peer{Conn: b, host: host}
			in.conns <- p
			time.Sleep(time.Second)
			return p
		}
		accepted := make(chan *slot, 8)
		done := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					done <- err
					return
				}
				accepted <- c.(*slot)
			}
		}()
		first, second, other := open("10.0.0.1"), open("10.0.0.1"), open("10.0.0.2")
		(<-accepted).addCalls(+1) // the first one has a call
		open("10.0.0.2")
		require.Equal(t, []bool{false, true, false}, []bool{first.closed.Load(), second.closed.Load(), other.closed.Load()})
		open("10.0.0.3")
		require.Equal(t, []bool{false, true}, []bool{first.closed.Load(), other.closed.Load()})
		<-accepted
		<-accepted
		for range 2 {
			(<-accepted).addCalls(+1)
		}
		late := open("10.0.0.4")
		require.True(t, late.closed.Load(), "all have calls")
		require.False(t, first.closed.Load())
		require.Len(t, l.open, 3)
		for s := range l.open {
			require.NoError(t, s.Close())
			_ = s.Close() // a second close has no effect
		}
		require.Empty(t, l.hosts)
		require.NoError(t, l.Close())
		require.Error(t, <-done)
	})
}

// A client with 512 idle connections does not lock others out.
func TestIdleConnectionsLockNobodyOut(t *testing.T) {
	t.Parallel()
	s := New(Config{Asker: newFake()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	dial := func(text string) *bufio.Reader {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		return bufio.NewReader(conn)
	}
	const request = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	for i := range MaxConnections {
		r := dial([]string{request, "GET / HTTP/1.1\r\nX: "}[i%2])
		if i%2 == 0 { // answered, and kept alive
			_, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
		}
	}
	for range 3 {
		resp, err := http.ReadResponse(dial(request), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_ = s.Shutdown(ctx)
	require.NoError(t, <-served)
}

// Calls beyond those that may run and wait are refused with Retry-After. Probes have limits of
// their own.
func TestOpenCallsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{Asker: healthOnly{}}).Handler()
		get := func(target string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
			return w
		}
		ended := make(chan int, maxCalls+maxCallQueue)
		for range maxCalls + maxCallQueue {
			go func() { ended <- get("/api/getNumBatches").Code }()
		}
		synctest.Wait()
		before := time.Now()
		w := get("/api/getNumBatches")
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, retryAfter, w.Header().Get("Retry-After"))
		require.Equal(t, http.StatusOK, get("/readyz").Code)
		require.Equal(t, http.StatusOK, get("/livez").Code)
		require.Zero(t, time.Since(before))
		for range maxCalls + maxCallQueue {
			require.Equal(t, http.StatusServiceUnavailable, <-ended)
		}
		require.LessOrEqual(t, time.Since(before), 2*messages.AskTimeout)
	})
}

// healthOnly answers only questions about health.
type healthOnly struct{}

func (healthOnly) Ask(ctx context.Context, q messages.Query) (any, error) {
	if _, ok := q.(messages.QueryHealth); ok {
		return messages.Overview{Role: "leader"}, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Probes of a master that hangs wait for the same question, not one after the other.
func TestProbesOfAHungMaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hang = true
		h := New(Config{Asker: f}).Handler()
		before := time.Now()
		ended := make(chan int, 50)
		for range 50 {
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
				ended <- w.Code
			}()
		}
		for range 50 {
			require.Equal(t, http.StatusServiceUnavailable, <-ended)
		}
		require.Equal(t, messages.AskTimeout, time.Since(before))
	})
}
