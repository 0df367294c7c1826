package app

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

func TestOwnDeployment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Nil(t, ownDeployment("", dir, false), "another broker is another master's")
	require.Nil(t, ownDeployment("any", dir, true))
	require.Equal(t, "J6QK2", ownDeployment("J6QK2", dir, false)())
	own := ownDeployment("", dir, true)
	require.Empty(t, own(), "no master was here")
	n := &node{s: settings.Settings{DataDir: dir}, log: slog.New(slog.DiscardHandler)}
	for _, id := range []string{"FIRST", "SECOND"} {
		n.leaveDeployment(id)
		n.writes.Wait()
		require.Equal(t, id, own())
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "J6QK2", ownDeployment("J6QK2", dir, true)(), "the flag wins")
}
