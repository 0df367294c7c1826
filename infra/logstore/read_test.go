package logstore_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/logstore"
	"kafka-master/messages"
)

// A command reads the state while a master uses it, and after it has stopped.
func TestReadBesideAMaster(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	_, err := logstore.Read(dir)
	require.ErrorIs(t, err, messages.ErrEmpty)

	ctx := context.Background()
	s, err := logstore.Open(config(dir, logstore.SyncAlways))
	require.NoError(t, err)
	got, err := s.Acquire(ctx, messages.Claim{Holder: "m"}, time.Second)
	require.NoError(t, err)
	f := messages.File{ID: 1, Info: messages.FileInfo{Path: "a.txt"}, Digest: 7, Digested: true, DoneChunks: 1}
	require.NoError(t, s.Commit(ctx, got.Term, messages.Batch{Number: 1, ID: "b", Files: []*messages.File{&f}}))
	for range 2 {
		snap, err := logstore.Read(dir)
		require.NoError(t, err)
		require.Len(t, snap.Files, 1)
		require.Equal(t, "a.txt", snap.Files[0].Info.Path)
		require.Equal(t, uint64(7), snap.Files[0].Digest)
		require.NoError(t, s.Close())
	}
}
