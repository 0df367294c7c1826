package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// connections knows every open connection, so that Close can end those that are
// waiting for an answer. kafka-go itself closes only idle ones. The zero value
// is ready.
type connections struct {
	dialer func(ctx context.Context, network, address string) (net.Conn, error) // nil for the network
	mu     sync.Mutex
	open   map[*trackedConn]struct{}
	once   map[string]bool // addresses that were reached before
	closed bool
	silent map[string]time.Time // end of the silentTimeout of addresses that did not answer
}

const (
	// silentTimeout bounds the dialling of an address that did not answer the last time, such
	// as that of a machine without power. All addresses share one dialTimeout, and the
	// following ones need their share.
	silentTimeout = time.Second
	// silentFor is how long that bound applies. Afterwards the address gets the whole time
	// once, because it may only be slow.
	silentFor = time.Minute
)

type trackedConn struct {
	net.Conn
	set *connections
}

// dialError keeps the address that could not be reached, as it was asked for.
type dialError struct {
	address string // host:port
	err     error
}

// Error implements error.
func (e *dialError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

func (s *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	began := time.Now()
	dial := s.dialer
	if dial == nil {
		dial = (&net.Dialer{Timeout: s.timeout(address)}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		s.markSilent(address, began, err)
		return nil, &dialError{address, err}
	}
	c := &trackedConn{Conn: conn, set: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s: %w", address, net.ErrClosed)
	}
	if s.open == nil {
		s.open, s.once = make(map[*trackedConn]struct{}), map[string]bool{}
	}
	s.once[address] = true
	delete(s.silent, address)
	s.open[c] = struct{}{}
	return c, nil
}

// timeout returns how long dialling an address may take.
func (s *connections) timeout(address string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.silent[address]) {
		return silentTimeout
	}
	return dialTimeout
}

// markSilent remembers an address that did not answer, unless it had hardly any time to do
// so.
func (s *connections) markSilent(address string, began time.Time, err error) {
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() || time.Since(began) < silentTimeout {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent == nil {
		s.silent = map[string]time.Time{}
	}
	if now := time.Now(); now.After(s.silent[address]) {
		s.silent[address] = now.Add(silentFor)
	}
}

// reached reports whether an address was reached since the bus was created.
func (s *connections) reached(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once[address]
}

func (s *connections) close() {
	s.mu.Lock()
	open := s.open
	s.open, s.closed = nil, true
	s.mu.Unlock()
	for c := range open {
		_ = c.Conn.Close() // no unwritten data can get lost
	}
}

// Close closes the connection and forgets it.
func (c *trackedConn) Close() error {
	c.set.mu.Lock()
	delete(c.set.open, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}
