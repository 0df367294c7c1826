package embedded

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// scriptedListener returns the errors and connections of its list, one after the other.
type scriptedListener struct {
	net.Listener
	list []any // error or net.Conn
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	next := l.list[0]
	l.list = l.list[1:]
	if err, ok := next.(error); ok {
		return nil, err
	}
	return next.(net.Conn), nil
}

func (l *scriptedListener) Close() error { return nil }

func acceptError(err error) error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
}

func TestAcceptContinuesAfterTemporaryErrors(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	gone := errors.New("gone")
	l := newFrameListener(&scriptedListener{list: []any{acceptError(syscall.EMFILE), acceptError(syscall.ECONNABORTED), here, gone}},
		&connLimits{maxConns: 1}, slog.New(slog.DiscardHandler))
	c, err := l.Accept()
	require.NoError(t, err)
	_, err = l.Accept()
	require.ErrorIs(t, err, gone)
	require.NoError(t, c.Close())
}

func TestAcceptEndsWithClose(t *testing.T) {
	var endless []any
	for range 100 {
		endless = append(endless, acceptError(syscall.ENFILE))
	}
	l := newFrameListener(&scriptedListener{list: endless}, &connLimits{maxConns: 1}, slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

// A connection beyond the limit is closed. When another one ends, a new one is accepted.
func TestConnectionsAreBounded(t *testing.T) {
	var conns []any
	for range 4 {
		c, _ := net.Pipe()
		conns = append(conns, c)
	}
	l := newFrameListener(&scriptedListener{list: conns}, &connLimits{maxConns: 2}, slog.New(slog.DiscardHandler))
	first, err := l.Accept()
	require.NoError(t, err)
	_, err = l.Accept()
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.ErrorIs(t, first.Close(), nil)
	_, err = l.Accept()
	require.NoError(t, err)
	require.False(t, l.limits.enter())
}
