package redisstore_test

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

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
