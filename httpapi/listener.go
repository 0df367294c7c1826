package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// limit returns a listener with at most n open connections. If it is full, the next
// connection replaces one that waits for its client: of the client with the most
// connections, the one that has been idle for the longest time. So no client can lock others
// out by holding connections. netutil.LimitListener is not used, since it accepts nothing
// while it is full, not even health probes.
func limit(l net.Listener, n int) *limited {
	return &limited{Listener: l, maxConns: n, open: map[*slot]bool{}, hosts: map[string]int{}}
}

type limited struct {
	net.Listener
	maxConns int

	mu    sync.Mutex
	open  map[*slot]bool
	hosts map[string]int // open connections by the client's address
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s := &slot{Conn: c, in: l, host: hostOf(c), idleSince: time.Now()}
		victim, ok := l.enter(s)
		if victim != nil {
			_ = victim.Close() // the call waits for its client, so nothing is lost
		}
		if ok {
			return s, nil
		}
		_ = c.Close()
	}
}

// enter adds a connection, if necessary in the place of another one, which the caller has to
// close. ok is false if every connection is in use.
func (l *limited) enter(s *slot) (victim *slot, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.maxConns {
		if victim = l.victim(); victim == nil {
			return nil, false
		}
		l.remove(victim)
	}
	l.open[s] = true
	l.hosts[s.host]++
	return victim, true
}

// victim returns the connection to replace, or nil if every connection is in use.
func (l *limited) victim() (v *slot) {
	for s := range l.open {
		if s.calls > 0 {
			continue
		}
		if v == nil || l.hosts[s.host] > l.hosts[v.host] || l.hosts[s.host] == l.hosts[v.host] && s.idleSince.Before(v.idleSince) {
			v = s
		}
	}
	return v
}

func (l *limited) remove(s *slot) {
	if !l.open[s] {
		return
	}
	delete(l.open, s)
	if l.hosts[s.host]--; l.hosts[s.host] == 0 {
		delete(l.hosts, s.host)
	}
}

// slot is an open connection of a limited listener.
type slot struct {
	net.Conn
	in        *limited
	host      string
	calls     int       // calls that run or wait
	idleSince time.Time // end of the last call
}

// Close implements net.Conn.
func (s *slot) Close() error {
	s.in.mu.Lock()
	s.in.remove(s)
	s.in.mu.Unlock()
	return s.Conn.Close()
}

// addCalls counts a call that begins (+1) or ends (-1).
func (s *slot) addCalls(n int) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.calls += n
	s.idleSince = time.Now()
}

func hostOf(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}

type slotKey struct{}

// connContext stores the connection in the context of its calls.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, slotKey{}, c)
}

// keepConnection prevents the replacement of the call's connection until done is called.
func keepConnection(r *http.Request) (done func()) {
	s, ok := r.Context().Value(slotKey{}).(*slot)
	if !ok {
		return func() {}
	}
	s.addCalls(+1)
	return func() { s.addCalls(-1) }
}
