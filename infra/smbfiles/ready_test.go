//go:build linux

package smbfiles_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
)

func TestReady(t *testing.T) {
	s := startSamba(t)
	ctx := context.Background()
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(3<<20))
	require.True(t, readyOf(t, files, f))
	require.True(t, readyOf(t, files, f), "Ready changes nothing")
	list, err := files.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []messages.FileInfo{f}, list)

	other := newFiles(t, s.config(t, "in"))
	_, err = stream(other, f, func(off int) {
		if off == 0 {
			require.False(t, readyOf(t, files, f), "another client has it open")
			err := files.Archive(ctx, f)
			require.Error(t, err)
			require.NotErrorIs(t, err, messages.ErrConfig)
			require.NotErrorIs(t, err, messages.ErrFileChanged)
		}
	})
	require.NoError(t, err)
	require.True(t, readyOf(t, files, f))

	path := filepath.Join(s.Data, "in", "a.txt")
	require.NoError(t, os.Truncate(path, 5))
	_, err = files.Ready(ctx, f)
	require.ErrorIs(t, err, messages.ErrFileChanged)
	require.NoError(t, os.Remove(path))
	_, err = files.Ready(ctx, f)
	require.ErrorIs(t, err, messages.ErrFileChanged)
}

// TestReadOnlyShare checks that files can be read on a read-only share, and that the error of
// Archive names the cure.
func TestReadOnlyShare(t *testing.T) {
	s := startSamba(t)
	cfg := s.config(t, "in")
	cfg.Share = "ro"
	files := newFiles(t, cfg)
	data := random(100_000)
	f := put(t, s, files, "in", "a.txt", data)
	require.True(t, readyOf(t, files, f))
	got, err := stream(files, f, func(int) {})
	require.NoError(t, err)
	requireSame(t, data, got)
	err = files.Archive(context.Background(), f)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "ARCHIVE")
}

func TestNamesThatLeadElsewhere(t *testing.T) {
	s := startSamba(t)
	ctx := context.Background()
	files := newFiles(t, s.config(t, "in"))
	data := random(10)
	f := put(t, s, files, "in", "a.txt", data)
	require.NoError(t, os.WriteFile(filepath.Join(s.Data, "secret.txt"), data, 0o644))
	require.NoError(t, os.Chtimes(filepath.Join(s.Data, "secret.txt"), f.ModTime, f.ModTime))
	for _, path := range []string{
		"../secret.txt", `..\secret.txt`, "/secret.txt", `\secret.txt`, "a.txt:stream", "a.txt::$DATA", "*.txt", "", ".", "a.txt/", "./a.txt",
	} {
		f.Path = path
		_, err := stream(files, f, func(int) { t.Errorf("%q was read", path) })
		require.ErrorIs(t, err, messages.ErrFileChanged, path)
		_, err = files.Fingerprint(ctx, f)
		require.Error(t, err, path)
		_, err = files.Ready(ctx, f)
		require.Error(t, err, path)
		require.Error(t, files.Archive(ctx, f), path)
	}
	require.FileExists(t, filepath.Join(s.Data, "secret.txt"))
}

// TestHostileNames checks that names which a server cannot show get another name or are
// omitted, and that every listed file can be read and archived.
func TestHostileNames(t *testing.T) {
	s := startSamba(t)
	ctx := context.Background()
	files := newFiles(t, s.config(t, "in"))
	folder := s.folder("in")
	names := []string{
		"a:b.txt", "a*.txt", "a?.txt", `a\b.txt`, `..\up.txt`, "a|b.txt", "a<b>.txt", "quote\".txt", "tab\t.txt", "line\n.txt", "\x01.txt",
		"bad\xff.txt", "e\u0301.txt", "é.txt", "\U0001F642.txt", "-rf.txt", "$(id).txt", "%2e%2e%2f.txt", "nul.txt", "con.txt", " a.txt",
		"Case.txt", "case.txt", "a..txt", "\u202egnp.txt",
	}
	for _, name := range names {
		folder.Write(t, name, []byte(name), time.Now().Add(-time.Hour).Truncate(time.Second))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(s.Data, "in", "out.txt")))
	require.NoError(t, os.Symlink("none", filepath.Join(s.Data, "in", "dangling.txt")))
	list, err := files.List(ctx)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(list), len(names)-2)
	seen := map[string]bool{}
	for _, f := range list {
		require.NotContains(t, []string{"out.txt", "dangling.txt"}, f.Path)
		got, err := stream(files, f, func(int) {})
		require.NoError(t, err, f.Path)
		require.False(t, seen[string(got)], "%s twice", got)
		seen[string(got)] = true
		require.Contains(t, names, string(got))
		require.True(t, readyOf(t, files, f))
		require.NoError(t, files.Archive(ctx, f), f.Path)
	}
	t.Logf("%d of %d names are listed", len(list), len(names))
	list, err = files.List(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestArchiveNeedsAFolder has a file in the place of the archive folder.
func TestArchiveNeedsAFolder(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(10))
	require.NoError(t, os.WriteFile(filepath.Join(s.Data, "in", "processed"), nil, 0o644))
	err := files.Archive(context.Background(), f)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "in/processed")
	require.FileExists(t, filepath.Join(s.Data, "in", "a.txt"))
}

func TestParallelCloseAndUse(t *testing.T) {
	s := startSamba(t)
	for range 10 {
		files, err := smbfiles.New(s.config(t, "in"))
		require.NoError(t, err)
		done := make(chan struct{})
		for range 4 {
			go func() {
				for files.Ping(context.Background()) == nil {
				}
				done <- struct{}{}
			}()
		}
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, files.Close())
		require.NoError(t, files.Close())
		for range 4 {
			<-done
		}
	}
}
