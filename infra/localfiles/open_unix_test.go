//go:build unix

package localfiles

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// TestPipeInPlaceOfAFile opens a file that a pipe has replaced after its name was checked.
func TestPipeInPlaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "a.txt"), 0o600))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	_, err = openRegular(root, messages.FileInfo{Path: "a.txt", ModTime: time.Unix(1, 0)})
	require.ErrorIs(t, err, messages.ErrFileChanged)
}
