//go:build linux

package smbfiles_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	good := smbfiles.Config{Host: "nas", User: `CORP\scan`, Share: "data"}
	for name, break_ := range map[string]func(*smbfiles.Config){
		"host":       func(c *smbfiles.Config) { c.Host = "" },
		"port":       func(c *smbfiles.Config) { c.Port = 70000 },
		"user":       func(c *smbfiles.Config) { c.User = `CORP\` },
		"share":      func(c *smbfiles.Config) { c.Share = "a/b" },
		"folder":     func(c *smbfiles.Config) { c.Folder = "a:b" },
		"timeout":    func(c *smbfiles.Config) { c.IOTimeout = -1 },
		"read-ahead": func(c *smbfiles.Config) { c.ReadAhead = 17 },
	} {
		cfg := good
		break_(&cfg)
		_, err := smbfiles.New(cfg)
		require.ErrorIs(t, err, messages.ErrConfig)
		require.ErrorContains(t, err, name)
	}
	for _, folder := range []string{"", ".", "/", "a", `a\b`, "/a/b/", "../a"} {
		cfg := good
		cfg.Folder = folder
		files, err := smbfiles.New(cfg)
		require.NoError(t, err, folder)
		require.NoError(t, files.Close())
	}
}

// requirePing checks that the error of Ping, and those of the other methods, have one line
// with the given facts and do not contain the password.
func requirePing(t *testing.T, cfg smbfiles.Config, config bool, facts ...string) {
	t.Helper()
	files := newFiles(t, cfg)
	ctx := context.Background()
	f := messages.FileInfo{Path: "a.txt", Size: 1, ModTime: time.Now()}
	_, list := files.List(ctx)
	_, print := files.Fingerprint(ctx, f)
	_, ready := files.Ready(ctx, f)
	all := []error{files.Ping(ctx), list, print, ready, files.Archive(ctx, f)}
	if config { // otherwise it tries for a while
		all = append(all, files.Stream(ctx, f, 0, 1, func([]byte) error { panic("fed") }))
	}
	for _, err := range all {
		require.Error(t, err)
		require.Equal(t, config, errorIs(err, messages.ErrConfig), err)
		require.NotErrorIs(t, err, messages.ErrFileChanged)
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, err.Error(), cfg.Password)
		for _, fact := range facts {
			require.ErrorContains(t, err, fact)
		}
	}
	t.Log(files.Ping(ctx))
}

func TestPing(t *testing.T) {
	s := startSamba(t)
	good := s.config(t, "in")
	require.NoError(t, newFiles(t, good).Ping(context.Background()))
	require.NoError(t, os.WriteFile(filepath.Join(s.Data, "file"), nil, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(s.Data, "closed"), 0o700))
	for name, c := range map[string]struct {
		change func(*smbfiles.Config)
		facts  []string // in the error
	}{
		"password":         {func(c *smbfiles.Config) { c.Password = "canary-wrong" }, []string{"SMB_PASSWORD", "SMB_USER"}},
		"share":            {func(c *smbfiles.Config) { c.Share = "none" }, []string{"none", "CLIENT_DATA_PATH"}},
		"share of others":  {func(c *smbfiles.Config) { c.Share = "others" }, []string{"others", infratest.SambaUser}},
		"folder":           {func(c *smbfiles.Config) { c.Folder = "none" }, []string{"/encrypted/none", "INPUT_DIR"}},
		"folder below":     {func(c *smbfiles.Config) { c.Folder = "none/in" }, []string{"/encrypted/none/in", "INPUT_DIR"}},
		"folder is a file": {func(c *smbfiles.Config) { c.Folder = "file" }, []string{"/encrypted/file", "INPUT_DIR"}},
		"folder is closed": {func(c *smbfiles.Config) { c.Folder = "closed" }, []string{infratest.SambaUser}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			requirePing(t, cfg, true, c.facts...)
		})
	}
}

func TestPingOfNoServer(t *testing.T) {
	port, err := strconv.Atoi(infratest.FreePort(t))
	require.NoError(t, err)
	cfg := smbfiles.Config{Host: "127.0.0.1", Port: port, User: "u", Password: "canary-pw", Share: "s"}
	require.ErrorIs(t, newFiles(t, cfg).Ping(context.Background()), syscall.ECONNREFUSED)
	cfg.Host = "no-such-host.invalid"
	require.ErrorContains(t, newFiles(t, cfg).Ping(context.Background()), "SMB_HOST")
}

// TestPingOfOldServer uses a server that speaks nothing newer than SMB1, and one that cannot
// encrypt although its share requires it.
func TestPingOfOldServer(t *testing.T) {
	old := startSamba(t, "server min protocol = NT1", "server max protocol = NT1")
	requirePing(t, old.config(t, ""), false, "SMB1", "SMB 2 or 3")

	plain := startSamba(t, "server max protocol = SMB2_10")
	cfg := plain.plain(t, "")
	require.NoError(t, newFiles(t, cfg).Ping(context.Background()))
	cfg.Share = "encrypted"
	requirePing(t, cfg, true, "SMB 3")
}

// TestGuest uses a server that treats unknown users as guests, which have no key to sign
// messages.
func TestGuest(t *testing.T) {
	s := startSamba(t)
	cfg := s.config(t, "in")
	var log bytes.Buffer
	cfg.User, cfg.Share, cfg.Logger = "nobody-here", "guests", slog.New(slog.NewTextHandler(&log, nil))
	files := newFiles(t, cfg)
	data := random(3 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	got, err := stream(files, f, func(int) {})
	require.NoError(t, err)
	requireSame(t, data, got)
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())

	cfg.Share = "input"
	requirePing(t, cfg, true, "input", "nobody-here")
}

// TestRefusedLoginIsNotRepeated checks the pauses after a refused login, without which
// servers lock the account.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	slow(t)
	s := startSamba(t)
	p := startTap(t, s.Address())
	cfg := p.through(s.config(t, ""))
	cfg.Password = "canary-wrong"
	files := newFiles(t, cfg)
	start := time.Now()
	for p.connections() < 3 {
		require.ErrorIs(t, files.Ping(context.Background()), messages.ErrConfig)
	}
	require.GreaterOrEqual(t, time.Since(start), 3*time.Second, "the server is asked at 0 s, 1 s and 3 s")
}

// TestPasswordThatIsPutRight checks that the server is asked again after a correction.
func TestPasswordThatIsPutRight(t *testing.T) {
	s := startSamba(t)
	cfg := s.config(t, "late")
	cfg.Folder = "later"
	files := newFiles(t, cfg)
	require.ErrorIs(t, files.Ping(context.Background()), messages.ErrConfig)
	require.NoError(t, os.Rename(filepath.Join(s.Data, "late"), filepath.Join(s.Data, "later")))
	require.NoError(t, files.Ping(context.Background()), "a missing folder is not a refused login")
}

// TestListenerThatIsNoServer uses a port at which another kind of server listens.
func TestListenerThatIsNoServer(t *testing.T) {
	for name, greeting := range map[string]string{
		"ssh": "SSH-2.0-OpenSSH_9.2\r\n", "http": "HTTP/1.1 400 Bad Request\r\n\r\n", "netbios": "\x83\x00\x00\x01\x8f\x00\x00\x00",
		"smb1": "\x00\x00\x00\x23\xffSMB" + string(make([]byte, 60)),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := fakeServer(t, func(c net.Conn) { fmt.Fprint(c, greeting) })
			fact := "SMB_PORT"
			if name == "smb1" {
				fact = "SMB1"
			}
			requirePing(t, cfg, true, fact)
		})
	}
}
