package results

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The folders of /proc cannot be synced, like those of some network file systems.
func TestFoldersThatCannotBeSynced(t *testing.T) {
	t.Parallel()
	d, err := os.Open("/proc")
	require.NoError(t, err)
	require.ErrorIs(t, d.Sync(), syscall.EINVAL, "choose another folder for this test")
	opened := func(string) (*os.File, error) { return d, nil }
	require.NoError(t, SyncFolder(opened, "/proc"))
	require.NoError(t, SyncFolder(os.Open, "/proc"))
	require.ErrorIs(t, SyncFolder(opened, "/proc"), os.ErrClosed, "another error is hidden")
}
