package results

import (
	"errors"
	"sync"
)

var errUnfinished = errors.New("the shared run did not return")

// group lets calls that come at the same time share one run, as the commits of a database
// do: calls that arrive during a run wait for the next one, which does the work of all of
// them. Its zero value is ready for use.
type group struct {
	mu   sync.Mutex
	keys map[string]*turns
}

// turns are the runs of one key.
type turns struct {
	users int        // calls that have not returned
	turn  sync.Mutex // held by the run in progress
	next  *round     // the run that new calls join
}

type round struct {
	payloads [][]byte
	done     chan struct{}
	err      error
}

// do passes the payload to run, together with those of other calls with this key, and
// returns the error of that run, which began after this call.
func (g *group) do(key string, payload []byte, run func(payloads [][]byte) error) error {
	t, r, first := g.join(key, payload)
	defer g.leave(key, t)
	if !first {
		<-r.done
		return r.err
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	g.mu.Lock()
	t.next = nil // later calls are for the next run
	g.mu.Unlock()
	defer close(r.done)
	r.err = errUnfinished // unless run returns
	r.err = run(r.payloads)
	return r.err
}

func (g *group) join(key string, payload []byte) (t *turns, r *round, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.keys == nil {
		g.keys = map[string]*turns{}
	}
	t = g.keys[key]
	if t == nil {
		t = &turns{}
		g.keys[key] = t
	}
	t.users++
	if first = t.next == nil; first {
		t.next = &round{done: make(chan struct{})}
	}
	t.next.payloads = append(t.next.payloads, payload)
	return t, t.next, first
}

func (g *group) leave(key string, t *turns) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(g.keys, key)
	}
}
