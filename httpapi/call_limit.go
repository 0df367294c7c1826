package httpapi

import (
	"bytes"
	"net/http"
	"sync/atomic"
	"time"
)

// How many calls are worked on at once, and how many more may wait for that. It is
// few: however many callers there are, the master's own work gets its share of the
// processor. What waits or is worked on keeps its connection (see limit), so all
// together must be fewer than MaxConnections.
const (
	maxCalls       = 16
	maxCallQueue   = 128
	maxProbes      = 8
	maxProbesQueue = 256
)

// turns lets a few calls at once in.
type turns struct {
	slots   chan struct{}
	waiting atomic.Int64
	most    int64
}

func newTurns(slots, queue int) *turns {
	return &turns{slots: make(chan struct{}, slots), most: int64(queue)}
}

// take waits for a turn; ok is false when too many wait, or for too long.
func (t *turns) take(r *http.Request) (ok bool) {
	select {
	case t.slots <- struct{}{}:
		return true
	default:
	}
	if t.waiting.Add(1) > t.most {
		t.waiting.Add(-1)
		return false
	}
	defer t.waiting.Add(-1)
	late := time.NewTimer(AskTimeout)
	defer late.Stop()
	select {
	case t.slots <- struct{}{}:
		return true
	case <-late.C:
	case <-r.Context().Done():
	}
	return false
}

func (t *turns) give() { <-t.slots }

// takeTurns bounds the calls that are worked on. An answer is written after its
// turn: a client that reads slowly holds up nobody.
func (s *Server) takeTurns(next http.Handler) http.Handler {
	calls, probes := newTurns(maxCalls, maxCallQueue), newTurns(maxProbes, maxProbesQueue)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pathLive { // it asks nobody
			next.ServeHTTP(w, r)
			return
		}
		t := calls
		if isProbe(r) {
			t = probes
		}
		answer := &held{header: w.Header()}
		if !s.serveInTurn(next, t, answer, r) {
			w.Header().Set("Retry-After", retryAfter)
			refuse(w, http.StatusServiceUnavailable, "Too many calls are open. Try again in a moment.")
			return
		}
		if answer.status != 0 {
			w.WriteHeader(answer.status)
		}
		_, _ = w.Write(answer.body.Bytes()) // the client may be gone
	})
}

func (s *Server) serveInTurn(next http.Handler, t *turns, w http.ResponseWriter, r *http.Request) bool {
	done := working(r)
	defer done()
	if !t.take(r) {
		return false
	}
	defer t.give()
	next.ServeHTTP(w, r)
	return true
}

// held is an answer that is not written yet. Its size is bounded by what the
// routes answer.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (h *held) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(status int) {
	if h.status == 0 && status >= 200 {
		h.status = status
	}
}

// Write implements http.ResponseWriter.
func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}
