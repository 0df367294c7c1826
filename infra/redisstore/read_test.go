package redisstore_test

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/redisstore"
	"kafka-master/messages"
)

// A command reads the state whoever leads.
func TestReadBesideAMaster(t *testing.T) {
	url := "redis://" + miniredis.RunT(t).Addr()
	reader, master := open(t, url), open(t, url)
	ctx := context.Background()
	_, err := reader.Read(ctx)
	require.ErrorIs(t, err, messages.ErrEmpty)

	term := lead(t, master, "m1")
	require.NoError(t, master.Commit(ctx, term, messages.Batch{Number: 1, ID: "b", Files: []*messages.File{{ID: 1, Base: "a"}}}))
	snap, err := reader.Read(ctx)
	require.NoError(t, err)
	require.Len(t, snap.Files, 1)
	require.Equal(t, "a", snap.Files[0].Base)
}

// A state that was made for a test leaves nothing, and its neighbours stay.
func TestForget(t *testing.T) {
	server := miniredis.RunT(t)
	url := "redis://" + server.Addr()
	ctx := context.Background()
	mine, err := redisstore.Open(redisstore.Config{URL: url, Prefix: "a*"})
	require.NoError(t, err)
	defer mine.Close()
	other, err := redisstore.Open(redisstore.Config{URL: url, Prefix: "ab"})
	require.NoError(t, err)
	defer other.Close()
	for _, s := range []*redisstore.Store{mine, other} {
		term := lead(t, s, "m")
		require.NoError(t, s.Commit(ctx, term, messages.Batch{Number: 1, ID: "b", Files: []*messages.File{{ID: 1, Base: "a"}}}))
	}
	require.NoError(t, mine.Forget(ctx))
	_, err = mine.Read(ctx)
	require.ErrorIs(t, err, messages.ErrEmpty)
	_, err = other.Read(ctx)
	require.NoError(t, err)
	for _, key := range server.Keys() {
		require.Contains(t, key, "{ab}:")
	}
}
