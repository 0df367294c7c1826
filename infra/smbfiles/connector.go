package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kafka-master/messages"
)

// How long the server is left alone after a failed attempt to connect. A login
// that is refused for its settings must not be repeated often, or the account
// gets locked.
const (
	awayWaitMin   = 20 * time.Millisecond
	awayWaitMax   = time.Second
	configWaitMin = time.Second
	configWaitMax = time.Minute
)

// link keeps the one session of a Files: made when it is wanted, replaced when it
// is dead. It is safe for concurrent use.
type link struct {
	cfg     Config
	dialing chan struct{} // holds a token while nobody dials
	life    context.Context
	end     context.CancelFunc

	mu      sync.Mutex
	current *session
	closed  bool
	refusal error         // why the last attempt failed
	until   time.Time     // when the next one may be
	wait    time.Duration // that followed the last one
	told    bool          // how the connection is protected was logged
}

func newLink(c Config) *link {
	l := &link{cfg: c, dialing: make(chan struct{}, 1)}
	l.dialing <- struct{}{}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// session returns the live session. One caller connects, the others wait for it.
// Soon after a failure it returns that failure again.
func (l *link) session(ctx context.Context) (*session, error) {
	if s, err := l.known(); s != nil || err != nil {
		return s, err
	}
	select {
	case <-l.dialing:
		defer func() { l.dialing <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s, err := l.known(); s != nil || err != nil {
		return s, err
	}
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	s, err := dial(alive, l.cfg)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return l.keep(s, err)
}

// known returns the session, or the error to answer without an attempt, or
// neither.
func (l *link) known() (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, errClosed
	case l.current != nil && !l.current.dead():
		return l.current, nil
	case time.Now().Before(l.until):
		return nil, l.refusal
	}
	return nil, nil
}

// keep stores what an attempt brought.
func (l *link) keep(s *session, err error) (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		if s != nil {
			s.kill(errClosed)
		}
		return nil, errClosed
	}
	if l.current != nil {
		l.current.kill(errAway) // frees the TCP connection that the server has ended
		l.current = nil
	}
	if err != nil {
		l.refuse(err)
		return nil, l.refusal
	}
	l.current, l.refusal, l.wait, l.until = s, nil, 0, time.Time{}
	l.tell(s)
	return s, nil
}

// refuse keeps everybody from connecting for a while, longer each time. It is own
// code, since a back-off of cenkalti/backoff has one pair of bounds: here the kind of
// the last error chooses them, and the pause grows on from where it was.
func (l *link) refuse(err error) {
	low, high := awayWaitMin, awayWaitMax
	if errors.Is(err, messages.ErrConfig) {
		low, high = configWaitMin, configWaitMax
	}
	l.wait = min(max(2*l.wait, low), high)
	l.until = time.Now().Add(l.wait)
	l.refusal = err
	if l.wait >= configWaitMin && low == configWaitMin {
		l.refusal = fmt.Errorf("%w (next login in %s at the earliest)", err, l.wait)
	}
}

// tell logs once how the connection is protected.
func (l *link) tell(s *session) {
	if l.told {
		return
	}
	l.told = true
	switch {
	case s.conn.plain.Load():
		l.cfg.Logger.Warn("the SMB server took the user for a guest: nothing is signed or encrypted", "folder", l.cfg.String())
	case !s.conn.seals.Load():
		l.cfg.Logger.Info("the SMB connection is signed, not encrypted; encryption is safer and more than twice as fast "+
			"(Samba: server smb encrypt = required)", "folder", l.cfg.String())
	}
}

// close ends the session for good.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.end()
	if l.current != nil {
		l.current.kill(errClosed)
	}
}
