package embedded_test

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/infra/embedded"
)

// Clients within the process and those of the network see the same records.
func TestDialWithinTheProcess(t *testing.T) {
	b := start(t, embedded.Config{DataDir: t.TempDir(), Brokers: 2})
	within := client(t, b.Addrs(), kgo.Dialer(b.Dial))
	create(t, within, "t", 1)
	produce(t, within, "t", "within")
	produce(t, client(t, b.Addrs()), "t", "network")
	require.Equal(t, []string{"within", "network"}, consume(t, b.Addrs(), "t", 2))
	for _, address := range b.Addrs() {
		c, err := b.Dial(t.Context(), "tcp", address)
		require.NoError(t, err)
		require.Equal(t, "pipe", c.RemoteAddr().Network())
		require.NoError(t, c.Close())
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

// Whatever else is dialled is reached by the network.
func TestDialOfAnotherAddress(t *testing.T) {
	b, other := start(t, embedded.Config{}), start(t, embedded.Config{})
	c, err := b.Dial(t.Context(), "tcp", other.Addrs()[0])
	require.NoError(t, err)
	require.Equal(t, "tcp", c.RemoteAddr().Network())
	require.NoError(t, c.Close())
}

// A broker that is closed ends its connections, and has no new ones.
func TestDialOfAClosedBroker(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	require.NoError(t, err)
	c, err := b.Dial(t.Context(), "tcp", b.Addrs()[0])
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, c.Close())
	_, err = b.Dial(context.Background(), "tcp", b.Addrs()[0])
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}
