package smbfiles

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kafka-master/messages"
)

// The bounds of the back-off after a failed attempt to connect. A login that the server
// refuses must not be repeated often, since servers lock accounts.
const (
	awayWaitMin   = 20 * time.Millisecond
	awayWaitMax   = time.Second
	configWaitMin = time.Second
	configWaitMax = time.Minute
)

// connector holds the one connection of a Files, which it creates on demand and replaces
// when it is dead. It is safe for concurrent use.
type connector struct {
	cfg     Config
	dialing chan struct{} // contains a token unless a caller dials
	life    context.Context
	end     context.CancelFunc

	mu               sync.Mutex
	current          *connection
	closed           bool
	refusal          error         // error of the last attempt
	until            time.Time     // earliest time of the next attempt
	wait             time.Duration // pause after the last attempt
	protectionLogged bool          // whether logProtection has run
}

func newConnector(c Config) *connector {
	l := &connector{cfg: c, dialing: make(chan struct{}, 1)}
	l.dialing <- struct{}{}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// connection returns the live connection. If there is none, one caller connects and the
// others wait for it. During the back-off after a failure it returns the same error.
func (l *connector) connection(ctx context.Context) (*connection, error) {
	if c, err := l.usable(); c != nil || err != nil {
		return c, err
	}
	select {
	case <-l.dialing:
		defer func() { l.dialing <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c, err := l.usable(); c != nil || err != nil {
		return c, err
	}
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	c, err := dial(alive, l.cfg)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return l.store(c, err)
}

// usable returns the connection if it is alive, or the error to return without an attempt
// to connect, or neither.
func (l *connector) usable() (*connection, error) {
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

// store stores the result of an attempt to connect.
func (l *connector) store(c *connection, err error) (*connection, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		if c != nil {
			c.kill(errClosed)
		}
		return nil, errClosed
	}
	if l.current != nil {
		l.current.kill(errAway) // closes the TCP connection that the server has closed
		l.current = nil
	}
	if err != nil {
		l.backOff(err)
		return nil, l.refusal
	}
	l.current, l.refusal, l.wait, l.until = c, nil, 0, time.Time{}
	l.logProtection(c)
	return c, nil
}

// backOff prevents attempts to connect for a pause that doubles each time. cenkalti/backoff
// is not used, since it has fixed bounds: here the kind of the last error determines them,
// and the pause continues to grow.
func (l *connector) backOff(err error) {
	low, high := awayWaitMin, awayWaitMax
	if errors.Is(err, messages.ErrConfig) {
		low, high = configWaitMin, configWaitMax
	}
	l.wait = min(max(2*l.wait, low), high)
	l.until = time.Now().Add(l.wait)
	l.refusal = err
	if l.wait >= configWaitMin && low == configWaitMin {
		l.refusal = fmt.Errorf("%w (the next login is in %s at the earliest)", err, l.wait)
	}
}

// logProtection logs once how the connection is protected.
func (l *connector) logProtection(c *connection) {
	if l.protectionLogged {
		return
	}
	l.protectionLogged = true
	switch {
	case c.conn.plain.Load():
		l.cfg.Logger.Warn("the SMB server treats the user as a guest: nothing is signed or encrypted", "folder", l.cfg.String())
	case !c.conn.seals.Load():
		l.cfg.Logger.Info("the SMB connection is signed but not encrypted; encryption is safer and more than twice as fast "+
			"(Samba: server smb encrypt = required)", "folder", l.cfg.String())
	}
}

// close ends the connection and prevents new ones.
func (l *connector) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.end()
	if l.current != nil {
		l.current.kill(errClosed)
	}
}
