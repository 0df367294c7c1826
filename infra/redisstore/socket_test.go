package redisstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/redisstore"
	"kafka-master/messages"
)

// A Redis can be reached through a Unix socket.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.sock")
	infratest.StartRedis(t, "--unixsocket", path)
	s := open(t, "unix://"+path+"?db=1")
	require.Eventually(t, func() bool { return s.Ping(t.Context()) == nil }, 10*time.Second, 5*time.Millisecond, "the socket is created after the port")
	term := lead(t, s, "a")
	require.NoError(t, s.Commit(t.Context(), term, messages.Batch{Number: 1, ID: "x", Values: []messages.Value{{Name: "n", Value: "v"}}}))
	snap, err := s.Load(t.Context(), term)
	require.NoError(t, err)
	require.Equal(t, "v", snap.Values["n"])
}

func TestOtherSchemesAreRefused(t *testing.T) {
	for _, url := range []string{"redisx://h", "http://h", "unix", "/run/redis.sock"} {
		_, err := redisstore.Open(redisstore.Config{URL: url})
		require.ErrorIs(t, err, messages.ErrConfig, url)
	}
}
