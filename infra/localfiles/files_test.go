package localfiles_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/infra/infratest"
	"kafka-master/infra/localfiles"
	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFiles(t *testing.T) {
	infratest.ExerciseFiles(t, func(t *testing.T) (infratest.Files, infratest.Folder) {
		dir := t.TempDir()
		return localfiles.New(dir), infratest.DirFolder(dir)
	})
}

func names(t *testing.T, files *localfiles.Files) (list []string) {
	t.Helper()
	infos, err := files.List(context.Background())
	require.NoError(t, err)
	for _, f := range infos {
		list = append(list, f.Path)
	}
	return list
}

func info(t *testing.T, path, name string) messages.FileInfo {
	t.Helper()
	stat, err := os.Stat(path)
	require.NoError(t, err)
	return messages.FileInfo{Path: name, Size: stat.Size(), ModTime: stat.ModTime()}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, missing := range map[string]bool{filepath.Join(dir, "none"): true, file: false} {
		files := localfiles.New(path)
		_, err := files.List(ctx)
		require.ErrorIs(t, err, messages.ErrConfig)
		require.Equal(t, missing, errors.Is(err, fs.ErrNotExist))
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "INPUT_DIR")
		err = files.Stream(ctx, messages.FileInfo{Path: "a.txt"}, 0, 0, nil)
		require.ErrorIs(t, err, messages.ErrConfig)
		require.NotErrorIs(t, err, messages.ErrFileChanged)
	}
}

func TestFolderThatComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "late")
	files := localfiles.New(dir)
	_, err := files.List(context.Background())
	require.ErrorIs(t, err, messages.ErrConfig)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.Empty(t, names(t, files))
}

func TestNothingOutsideIsTouched(t *testing.T) {
	ctx := context.Background()
	outside, dir := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret.txt")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "link.txt")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "sub")))
	relative, err := filepath.Rel(dir, secret)
	require.NoError(t, err)
	files := localfiles.New(dir)
	require.Empty(t, names(t, files))
	for _, path := range []string{"link.txt", "sub/secret.txt", relative, secret} {
		f := info(t, secret, path)
		err := files.Stream(ctx, f, 0, f.Size, func([]byte) error {
			t.Errorf("%s was read", path)
			return nil
		})
		require.Error(t, err, path)
		_, err = files.Fingerprint(ctx, f)
		require.Error(t, err, path)
		require.Error(t, files.Archive(ctx, f), path)
	}
	require.FileExists(t, secret)
}

func TestArchiveDoesNotLeaveTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "processed")))
	path := filepath.Join(dir, "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.Error(t, localfiles.New(dir).Archive(context.Background(), info(t, path, "a.txt")))
	require.FileExists(t, path)
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestInterruptedArchive repeats an Archive after which the file has both names.
func TestInterruptedArchive(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "processed"), 0o700))
	require.NoError(t, os.Link(path, filepath.Join(dir, "processed", "a.txt")))
	require.NoError(t, localfiles.New(dir).Archive(context.Background(), info(t, path, "a.txt")))
	require.NoFileExists(t, path)
	left, err := os.ReadDir(filepath.Join(dir, "processed"))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestBadNamesAreLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(was)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad\xff.txt"), nil, 0o600); err != nil {
		t.Skip("this file system takes UTF-8 names only")
	}
	require.NoError(t, os.Symlink("good.txt", filepath.Join(dir, "link.txt")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good.txt"), nil, 0o600))
	files := localfiles.New(dir)
	for range 3 {
		require.Equal(t, []string{"good.txt"}, names(t, files))
	}
	require.Equal(t, 2, strings.Count(out.String(), "level=WARN"), out.String())
	require.Equal(t, 1, strings.Count(out.String(), "link.txt"), out.String())
}

func TestPanicOfFeedLeavesNoGoroutine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	require.NoError(t, os.WriteFile(path, make([]byte, 8<<20), 0o600))
	f := info(t, path, "a.txt")
	require.Panics(t, func() {
		_ = localfiles.New(dir).Stream(context.Background(), f, 0, f.Size, func([]byte) error { panic("bug") })
	})
	goleak.VerifyNone(t)
}

func BenchmarkStream(b *testing.B) {
	const size = 256 << 20
	dir := b.TempDir()
	path := filepath.Join(dir, "a.txt")
	require.NoError(b, os.WriteFile(path, make([]byte, size), 0o600))
	stat, err := os.Stat(path)
	require.NoError(b, err)
	f := messages.FileInfo{Path: "a.txt", Size: size, ModTime: stat.ModTime()}
	files := localfiles.New(dir)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, files.Stream(context.Background(), f, 0, size, func([]byte) error { return nil }))
	}
}

func BenchmarkStreamOneChunk(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "a.txt")
	require.NoError(b, os.WriteFile(path, make([]byte, 1<<20), 0o600))
	stat, err := os.Stat(path)
	require.NoError(b, err)
	f := messages.FileInfo{Path: "a.txt", Size: 1 << 20, ModTime: stat.ModTime()}
	files := localfiles.New(dir)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, files.Stream(context.Background(), f, 4096, 8000, func([]byte) error { return nil }))
	}
}
