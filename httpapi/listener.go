package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// limit returns a listener with at most n open connections. When it is full, the
// next connection takes the place of one that waits for its client, so that nobody
// shuts others out by holding connections: one of the client with the most of them,
// and of these the one that was quiet for longest. It is own code, since
// netutil.LimitListener accepts nothing while it is full: a client that holds all
// connections would shut out everybody, health probes included.
func limit(l net.Listener, n int) *limited {
	return &limited{Listener: l, most: n, open: map[*slot]bool{}, hosts: map[string]int{}}
}

type limited struct {
	net.Listener
	most int

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
		s := &slot{Conn: c, in: l, host: hostOf(c), quiet: time.Now()}
		victim, ok := l.enter(s)
		if victim != nil {
			_ = victim.Close() // frees nothing but its own place
		}
		if ok {
			return s, nil
		}
		_ = c.Close()
	}
}

// enter gives a connection a place, if need be that of another one, which the
// caller closes.
func (l *limited) enter(s *slot) (victim *slot, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		if victim = l.victim(); victim == nil {
			return nil, false
		}
		l.remove(victim)
	}
	l.open[s] = true
	l.hosts[s.host]++
	return victim, true
}

func (l *limited) victim() (v *slot) {
	for s := range l.open {
		if s.busy > 0 {
			continue
		}
		if v == nil || l.hosts[s.host] > l.hosts[v.host] || l.hosts[s.host] == l.hosts[v.host] && s.quiet.Before(v.quiet) {
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

// slot is a connection with its place.
type slot struct {
	net.Conn
	in    *limited
	host  string
	busy  int       // calls that are worked on
	quiet time.Time // since when there is none
}

// Close implements net.Conn.
func (s *slot) Close() error {
	s.in.mu.Lock()
	s.in.remove(s)
	s.in.mu.Unlock()
	return s.Conn.Close()
}

// work notes that a call begins (+1) or ends (-1).
func (s *slot) work(n int) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.busy += n
	s.quiet = time.Now()
}

func hostOf(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}

type slotKey struct{}

// connContext lets a call find its connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, slotKey{}, c)
}

// working keeps the place of the call's connection until done is called.
func working(r *http.Request) (done func()) {
	s, ok := r.Context().Value(slotKey{}).(*slot)
	if !ok {
		return func() {}
	}
	s.work(+1)
	return func() { s.work(-1) }
}
