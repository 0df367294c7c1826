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

// scriptedListener returns what its list says, one after the other.
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

func TestAcceptGoesOnAfterTemporaryErrors(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	gone := errors.New("gone")
	l := newGuardListener(&scriptedListener{list: []any{acceptError(syscall.EMFILE), acceptError(syscall.ECONNABORTED), here, gone}},
		&gate{most: 1}, slog.New(slog.DiscardHandler))
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
	l := newGuardListener(&scriptedListener{list: endless}, &gate{most: 1}, slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

// A connection beyond the bound is closed, and its place is free once another
// one has ended.
func TestConnectionsAreBounded(t *testing.T) {
	var conns []any
	for range 4 {
		c, _ := net.Pipe()
		conns = append(conns, c)
	}
	l := newGuardListener(&scriptedListener{list: conns}, &gate{most: 2}, slog.New(slog.DiscardHandler))
	first, err := l.Accept()
	require.NoError(t, err)
	_, err = l.Accept()
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.ErrorIs(t, first.Close(), nil)
	_, err = l.Accept()
	require.NoError(t, err)
	require.False(t, l.gate.entered())
}
