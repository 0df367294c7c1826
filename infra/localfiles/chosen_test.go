package localfiles_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/localfiles"
	"kafka-master/messages"
)

func TestChosenFilesOfSeveralFolders(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(one, "b.csv"), []byte("1\n2\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(two, "real"), []byte("3\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(two, "other.txt"), []byte("4\n"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(two, "real"), filepath.Join(one, "a")))
	files, err := localfiles.Choose([]string{filepath.Join(one, "b.csv"), filepath.Join(one, "a")})
	require.NoError(t, err)
	list, err := files.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2, "and nothing else of the folders")
	for i, want := range []string{"a 3\n", "b.csv 1\n2\n"} {
		text := list[i].Path + " "
		require.NoError(t, files.Stream(t.Context(), list[i], 0, list[i].Size, func(b []byte) error { text += string(b); return nil }))
		require.Equal(t, want, text)
		_, err := files.Fingerprint(t.Context(), list[i])
		require.NoError(t, err)
	}
	_, err = files.Fingerprint(t.Context(), messages.FileInfo{Path: "other.txt"})
	require.ErrorIs(t, err, messages.ErrFileChanged)
	require.NoError(t, os.Remove(filepath.Join(two, "real")))
	list, err = files.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestChosenFilesThatCannotBe(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), nil, 0o600))
	}
	for want, paths := range map[string][]string{
		"none.txt":                         {filepath.Join(one, "none.txt")},
		"is not a regular file":            {one},
		"two of the files are named a.txt": {filepath.Join(one, "a.txt"), filepath.Join(two, "a.txt")},
	} {
		_, err := localfiles.Choose(paths)
		require.ErrorContains(t, err, want)
	}
}
