package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
)

// localListener accepts connections from the network, and from within the process.
type localListener struct {
	*frameListener
	accepted chan accepted
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

func newLocalListener(l *frameListener) *localListener {
	out := &localListener{frameListener: l, accepted: make(chan accepted)}
	go out.acceptRemote()
	return out
}

// acceptRemote passes on the connections from the network until Close.
func (l *localListener) acceptRemote() {
	for {
		c, err := l.frameListener.Accept()
		select {
		case l.accepted <- accepted{c, err}:
		case <-l.closed:
			if err == nil {
				_ = c.Close() // nothing was read from it
			}
			return
		}
		if err != nil {
			return
		}
	}
}

// Accept waits for the next connection.
func (l *localListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// dial connects to the listener from within the process.
func (l *localListener) dial(ctx context.Context) (net.Conn, error) {
	if !l.limits.enter() {
		return nil, syscall.ECONNREFUSED
	}
	here, there := net.Pipe()
	framed := newFrameConn(there, l.limits)
	select {
	case l.accepted <- accepted{conn: framed}:
		return localConn{here}, nil
	case <-l.closed:
		return nil, errors.Join(syscall.ECONNREFUSED, framed.Close())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), framed.Close())
	}
}

// localConn is the client's end of a connection within the process. Its errors are those of
// a connection through the network.
type localConn struct{ net.Conn }

// Read implements net.Conn.
func (c localConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (c localConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = syscall.EPIPE
	}
	return n, err
}

// listeners are those of the brokers of a cluster.
type listeners struct{ list []*localListener }

func (s *listeners) add(l *frameListener) net.Listener {
	out := newLocalListener(l)
	s.list = append(s.list, out)
	return out
}

// Dial connects to an address. If it is one of a broker of this cluster, the connection stays
// within the process, where it costs less than through the network of the machine.
func (b *Broker) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	n := slices.IndexFunc(b.listeners.list, func(l *localListener) bool { return l.Addr().String() == address })
	if n < 0 {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c, err := b.listeners.list[n].dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return c, nil
}
