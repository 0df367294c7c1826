package smbfiles

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	// grace is how long a call may go on when its context has ended.
	grace = time.Second
	// longest is how many timeouts a call may take while the server sends
	// something, which may be for others.
	longest = 10
)

// watch kills a session whose server does not answer a call. Closing the TCP
// connection is the only way to end a call of the library without harm.
type watch struct {
	s     *session
	start time.Time
	unctx func() bool

	mu      sync.Mutex
	timer   *time.Timer
	limit   time.Duration // of silence
	stopped bool
}

func startWatch(ctx context.Context, s *session) *watch {
	w := &watch{s: s, start: time.Now(), limit: s.timeout}
	w.mu.Lock()
	w.timer = time.AfterFunc(w.limit, w.check)
	w.mu.Unlock()
	w.unctx = context.AfterFunc(ctx, w.hurry)
	return w
}

func (w *watch) stop() {
	w.unctx()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// check kills the session unless the server has been heard.
func (w *watch) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	since := w.start
	if heard := w.s.conn.lastHeard(); heard.After(since) {
		since = heard
	}
	quiet := time.Since(since)
	if quiet < w.limit && time.Since(w.start) < longest*w.s.timeout {
		w.timer.Reset(w.limit - quiet)
		return
	}
	w.s.kill(fmt.Errorf("%w: it gave no answer for %s: %w", errAway, w.limit, os.ErrDeadlineExceeded))
}

// hurry leaves the call its grace only.
func (w *watch) hurry() {
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
