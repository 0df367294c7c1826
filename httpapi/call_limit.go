package httpapi

import (
	"bytes"
	"net/http"
	"sync/atomic"
	"time"

	"kafka-master/messages"
)

// The numbers of calls that run at once, and of those that may wait. They are small, so
// that the master's own work gets its share of the processor however many callers there
// are. A call that runs or waits keeps its connection (see limit), so the sum of the
// numbers, of maxStreams and of maxDownloads must be below MaxConnections.
const (
	maxCalls      = 16
	maxCallQueue  = 128
	maxProbes     = 8
	maxProbeQueue = 256
)

// callLimiter bounds the calls that run at once and those that wait.
type callLimiter struct {
	slots    chan struct{}
	waiting  atomic.Int64
	maxQueue int64
}

func newCallLimiter(slots, queue int) *callLimiter {
	return &callLimiter{slots: make(chan struct{}, slots), maxQueue: int64(queue)}
}

// acquire waits for a slot; ok is false when too many calls wait, or for too long.
func (t *callLimiter) acquire(r *http.Request) (ok bool) {
	select {
	case t.slots <- struct{}{}:
		return true
	default:
	}
	if t.waiting.Add(1) > t.maxQueue {
		t.waiting.Add(-1)
		return false
	}
	defer t.waiting.Add(-1)
	late := time.NewTimer(messages.AskTimeout)
	defer late.Stop()
	select {
	case t.slots <- struct{}{}:
		return true
	case <-late.C:
	case <-r.Context().Done():
	}
	return false
}

func (t *callLimiter) release() { <-t.slots }

// limitCalls bounds the calls that run at once. The answer is written after the slot
// was released, so a client that reads slowly does not block other calls.
func (s *Server) limitCalls(next http.Handler) http.Handler {
	calls, probes := newCallLimiter(maxCalls, maxCallQueue), newCallLimiter(maxProbes, maxProbeQueue)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == pathLive: // needs nothing of the master
			next.ServeHTTP(w, r)
			return
		case r.URL.Path == pathEvents, isDownload(r): // does not end soon, and has a bound of its own
			done := keepConnection(r)
			defer done()
			next.ServeHTTP(w, r)
			return
		}
		t := calls
		if isProbe(r) {
			t = probes
		}
		answer := &bufferedAnswer{header: w.Header()}
		if !s.serveLimited(next, t, answer, r) {
			refuse(w, r, http.StatusServiceUnavailable, "Too many calls are open. Try again in a moment.")
			return
		}
		if answer.status != 0 {
			w.WriteHeader(answer.status)
		}
		_, _ = w.Write(answer.body.Bytes()) // the client may be gone
	})
}

func (s *Server) serveLimited(next http.Handler, t *callLimiter, w http.ResponseWriter, r *http.Request) bool {
	done := keepConnection(r)
	defer done()
	if !t.acquire(r) {
		return false
	}
	defer t.release()
	next.ServeHTTP(w, r)
	return true
}

// bufferedAnswer holds an answer until it is written. Each route bounds the size of its
// answers.
type bufferedAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *bufferedAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *bufferedAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *bufferedAnswer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}
