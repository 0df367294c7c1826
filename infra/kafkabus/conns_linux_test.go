package kafkabus_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// silentAddress returns an address that does not answer at all, like that of a
// machine without power: the queue of its socket is full, so the kernel drops what
// comes.
func silentAddress(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	at, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	for {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// A named broker whose machine has no power costs one time-out, not one for each
// connection: the others are asked within the time that one connection has.
func TestNamedBrokerWithoutPower(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b := openBus(t, []string{silentAddress(t), c.ListenAddrs()[0]})
	failed := 0
	for range 8 {
		if err := refresh(t, b); err != nil { // on new connections
			t.Log(err)
			failed++
		}
	}
	require.LessOrEqual(t, failed, 1)
}
