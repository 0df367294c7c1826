package smbfiles

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	// grace is the time for which a call may continue after its context has ended.
	grace = time.Second
	// maxTimeouts is the number of time-outs that a call may take while the server sends
	// bytes, which may belong to other calls.
	maxTimeouts = 10
)

// watchdog kills a connection whose server does not answer a call. Closing the TCP
// connection is the only safe way to end a call of the library.
type watchdog struct {
	c           *connection
	start       time.Time
	stopContext func() bool

	mu      sync.Mutex
	timer   *time.Timer
	limit   time.Duration // longest silence of the server
	stopped bool
}

func startWatchdog(ctx context.Context, c *connection) *watchdog {
	w := &watchdog{c: c, start: time.Now(), limit: c.timeout}
	w.mu.Lock()
	w.timer = time.AfterFunc(w.limit, w.check)
	w.mu.Unlock()
	w.stopContext = context.AfterFunc(ctx, w.shorten)
	return w
}

func (w *watchdog) stop() {
	w.stopContext()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// check kills the connection if the server was silent for the limit.
func (w *watchdog) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	since := w.start
	if heard := w.c.conn.lastHeard(); heard.After(since) {
		since = heard
	}
	quiet := time.Since(since)
	if quiet < w.limit && time.Since(w.start) < maxTimeouts*w.c.timeout {
		w.timer.Reset(w.limit - quiet)
		return
	}
	w.c.kill(fmt.Errorf("%w: it did not answer for %s: %w", errAway, w.limit, os.ErrDeadlineExceeded))
}

// shorten reduces the remaining time of the call to its grace.
func (w *watchdog) shorten() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if w.start = time.Now(); w.limit > grace {
		w.limit = grace
	}
	w.timer.Reset(w.limit)
}
