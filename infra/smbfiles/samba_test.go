//go:build linux

package smbfiles_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/smbfiles"
)

// samba is a real smbd with helpers for these tests.
type samba struct{ *infratest.SambaServer }

func startSamba(t testing.TB, extra ...string) *samba {
	t.Helper()
	return &samba{infratest.StartSamba(t, extra...)}
}

// slow skips a test that takes seconds with go test -short.
func slow(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
}

// config returns the settings of a client of the share "encrypted". It creates the folder if
// the name is not empty.
func (s *samba) config(t testing.TB, folder string) smbfiles.Config {
	t.Helper()
	if folder != "" {
		path := filepath.Join(s.Data, folder)
		require.NoError(t, os.MkdirAll(path, 0o755))
		s.Own(t, path)
	}
	return smbfiles.Config{
		Host: "127.0.0.1", Port: s.Port, User: infratest.SambaUser, Password: infratest.SambaPassword, Share: "encrypted", Folder: folder,
		Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, nil)),
	}
}

// plain is like config, for a share without encryption, which a tap can read.
func (s *samba) plain(t testing.TB, folder string) smbfiles.Config {
	cfg := s.config(t, folder)
	cfg.Share = "input"
	return cfg
}

func (s *samba) folder(folder string) infratest.DirFolder {
	return infratest.DirFolder(filepath.Join(s.Data, folder))
}

// testLog writes to the test's log and fails the test if a secret is logged.
type testLog struct{ t testing.TB }

func (l *testLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(infratest.SambaPassword)) {
		l.t.Errorf("the password is in the log: %s", p)
	}
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func newFiles(t testing.TB, cfg smbfiles.Config) *smbfiles.Files {
	t.Helper()
	files, err := smbfiles.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	return files
}

func (s *samba) portText() string { return strconv.Itoa(s.Port) }

// touch creates an empty file in the folder.
func (s *samba) touch(t testing.TB, folder, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.Data, folder, name), nil, 0o644))
}
