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
	// firstPause and lastPause bound the back-off between attempts to accept a
	// connection while the process lacks descriptors or buffers.
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// frameListener wraps every connection in a frameConn. It keeps accepting connections
// after the process or the machine lacked descriptors or buffers for a while; kfake itself
// would stop for good.
type frameListener struct {
	net.Listener
	limits *connLimits
	log    *slog.Logger

	closing sync.Once
	closed  chan struct{}
}

func newFrameListener(l net.Listener, g *connLimits, log *slog.Logger) *frameListener {
	return &frameListener{Listener: l, limits: g, log: log, closed: make(chan struct{})}
}

// Accept waits for the next connection within the limit. It fails only after Close.
func (l *frameListener) Accept() (net.Conn, error) {
	for pause := firstPause; ; {
		c, err := l.Listener.Accept()
		switch {
		case err == nil && l.limits.enter():
			return newFrameConn(c, l.limits), nil
		case err == nil:
			l.log.Warn("embedded broker refused a connection, it has too many", "from", c.RemoteAddr().String(), "allowed", l.limits.maxConns)
			_ = c.Close() // nothing was sent on it
			continue
		case !temporary(err):
			return nil, err
		}
		if pause == firstPause {
			l.log.Warn("embedded broker cannot accept connections at present", "err", err)
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// Close ends Accept.
func (l *frameListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// temporary reports whether Accept may succeed again later.
func temporary(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
