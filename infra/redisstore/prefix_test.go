package redisstore_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/redisstore"
	"kafka-master/messages"
)

// Two deployments in one Redis do not share anything.
func TestPrefixesTellDeploymentsApart(t *testing.T) {
	server := miniredis.RunT(t)
	url := "redis://" + server.Addr()
	other, err := redisstore.Open(redisstore.Config{URL: url, Prefix: "staging"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	one := open(t, url)
	for name, s := range map[string]*redisstore.Store{"production": one, "staging": other} {
		term := lead(t, s, name)
		require.NoError(t, s.Commit(t.Context(), term, messages.Batch{Number: 1, ID: "x", Values: []messages.Value{{Name: "n", Value: name}}}))
	}
	for name, s := range map[string]*redisstore.Store{"production": one, "staging": other} {
		got, err := s.Values(t.Context(), "n", "missing")
		require.NoError(t, err)
		require.Equal(t, map[string]string{"n": name}, got)
	}
	for _, key := range server.Keys() {
		require.True(t, strings.HasPrefix(key, "{kafka-master}:") || strings.HasPrefix(key, "{staging}:"), key)
	}
	require.True(t, server.Exists("{kafka-master}:head"))
}
