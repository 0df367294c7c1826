package kafkabus

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// connections knows every open connection, so that Close can end those that are
// waiting for an answer. kafka-go itself closes only idle ones. The zero value
// is ready.
type connections struct {
	mu     sync.Mutex
	open   map[*trackedConn]struct{}
	once   map[string]bool // addresses that were reached
	closed bool
}

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
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
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
	s.open[c] = struct{}{}
	return c, nil
}

// reached says whether an address was reached since the bus was made.
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
		_ = c.Conn.Close() // nothing is written that could get lost
	}
}

// Close closes the connection and forgets it.
func (c *trackedConn) Close() error {
	c.set.mu.Lock()
	delete(c.set.open, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}
