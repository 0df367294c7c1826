package embedded

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// firstPause and lastPause are between tries to accept a connection while the
	// process is out of what one needs.
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// guardListener wraps every connection in a guardConn. It goes on where kfake
// would stop accepting for good: when the process or the machine is out of
// descriptors or buffers for a while.
type guardListener struct {
	net.Listener
	gate *gate
	log  *slog.Logger

	closing sync.Once
	closed  chan struct{}
}

func newGuardListener(l net.Listener, g *gate, log *slog.Logger) *guardListener {
	return &guardListener{Listener: l, gate: g, log: log, closed: make(chan struct{})}
}

// Accept waits for the next connection that has a place. It fails only once the
// listener is closed.
func (l *guardListener) Accept() (net.Conn, error) {
	for pause := firstPause; ; {
		c, err := l.Listener.Accept()
		switch {
		case err == nil && l.gate.entered():
			return &guardConn{Conn: c, gate: l.gate}, nil
		case err == nil:
			l.log.Warn("the embedded broker refuses a connection, it has too many", "from", c.RemoteAddr().String(), "allowed", l.gate.most)
			_ = c.Close() // nothing was said on it
			continue
		case !temporary(err):
			return nil, err
		}
		if pause == firstPause {
			l.log.Warn("the embedded broker cannot accept connections for now", "err", err)
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// Close ends Accept, also one that pauses.
func (l *guardListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// temporary says whether accepting may work again later.
func temporary(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
