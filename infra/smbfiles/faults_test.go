//go:build linux

package smbfiles_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/infra/infratest"
	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
)

func errorIs(err, target error) bool { return errors.Is(err, target) }

// random returns random bytes.
func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	return b
}

// put writes a file into the folder and returns it as the listing shows it.
func put(t testing.TB, s *samba, files *smbfiles.Files, folder, name string, data []byte) messages.FileInfo {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.Data, folder, name), data, 0o644))
	list, err := files.List(context.Background())
	require.NoError(t, err)
	for _, f := range list {
		if f.Path == name {
			return f
		}
	}
	t.Fatalf("%s is not listed in %v", name, list)
	return messages.FileInfo{}
}

// stream reads the whole file; at is called before each slice is taken.
func stream(files *smbfiles.Files, f messages.FileInfo, at func(off int)) ([]byte, error) {
	got := make([]byte, 0, f.Size)
	err := files.Stream(context.Background(), f, 0, f.Size, func(b []byte) error {
		at(len(got))
		got = append(got, b...)
		return nil
	})
	return got, err
}

func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	require.True(t, bytes.Equal(want, got), "%d bytes came back changed, want %d", len(got), len(want))
}

func TestServerKilledWhileRead(t *testing.T) {
	s := startSamba(t)
	for _, share := range []string{"encrypted", "input"} {
		cfg := s.config(t, "in")
		cfg.Share = share
		files := newFiles(t, cfg)
		data := random(33<<20 + 12345)
		f := put(t, s, files, "in", "a.txt", data)
		kills := 0
		got, err := stream(files, f, func(off int) {
			if off>>20%8 == 3 && off>>20/8 == kills {
				kills++
				require.Equal(t, 1, s.Signal(t, syscall.SIGKILL))
			}
		})
		require.NoError(t, err)
		requireSame(t, data, got)
		require.Equal(t, 4, kills)
		require.NoError(t, files.Close())
	}
}

func TestServerRestartedWhileRead(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	data := random(24 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	var restarted sync.WaitGroup
	got, err := stream(files, f, func(off int) {
		if off == 5<<20 {
			s.Stop(syscall.SIGKILL)
			restarted.Go(func() {
				time.Sleep(300 * time.Millisecond)
				s.Start(t)
			})
		}
	})
	restarted.Wait()
	require.NoError(t, err)
	requireSame(t, data, got)
}

// TestServerStoppedWhileRead suspends the whole server, so that even a new connection gets
// no answer.
func TestServerStoppedWhileRead(t *testing.T) {
	slow(t)
	s := startSamba(t)
	cfg := s.config(t, "in")
	cfg.IOTimeout = time.Second
	files := newFiles(t, cfg)
	data := random(32 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	group := s.Group()
	var resume *time.Timer
	got, err := stream(files, f, func(off int) {
		if off == 5<<20 {
			require.NoError(t, syscall.Kill(group, syscall.SIGSTOP))
			resume = time.AfterFunc(2500*time.Millisecond, func() { _ = syscall.Kill(group, syscall.SIGCONT) })
		}
	})
	require.False(t, resume.Stop(), "the stream continued while the server hung")
	require.NoError(t, err)
	requireSame(t, data, got)
}

// TestCancelWhileServerHangs checks that a cancelled call does not wait for the time-out of
// 30 s.
func TestCancelWhileServerHangs(t *testing.T) {
	slow(t)
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(16<<20))
	group := s.Group()
	defer func() { _ = syscall.Kill(group, syscall.SIGCONT) }()
	ctx, cancel := context.WithCancel(context.Background())
	var cancelled time.Time
	err := files.Stream(ctx, f, 0, f.Size, func([]byte) error {
		if cancelled.IsZero() {
			require.NoError(t, syscall.Kill(group, syscall.SIGSTOP))
			cancelled = time.Now().Add(200 * time.Millisecond)
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(cancelled), 3*time.Second)
	list, cancelList := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancelList()
	_, err = files.List(list)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCloseWhileServerHangs(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(16<<20))
	group := s.Group()
	defer func() { _ = syscall.Kill(group, syscall.SIGCONT) }()
	_, err := stream(files, f, func(off int) {
		if off == 2<<20 {
			require.NoError(t, syscall.Kill(group, syscall.SIGSTOP))
			time.AfterFunc(100*time.Millisecond, func() { _ = files.Close() })
		}
	})
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, files.Ping(context.Background()), fs.ErrClosed)
}

// TestServerKilledWhileIdle checks that calls succeed after the connection was lost.
func TestServerKilledWhileIdle(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(1000))
	for range 5 {
		s.Signal(t, syscall.SIGKILL)
		_, err := files.List(context.Background())
		require.NoError(t, err)
		s.Signal(t, syscall.SIGKILL)
		_, err = files.Fingerprint(context.Background(), f)
		require.NoError(t, err)
	}
	s.Signal(t, syscall.SIGKILL)
	require.NoError(t, files.Archive(context.Background(), f))
}

func TestServerThatStaysAway(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(16<<20))
	s.Stop(syscall.SIGKILL)
	_, err := files.List(context.Background())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, messages.ErrConfig)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err = files.Stream(ctx, f, 0, f.Size, func([]byte) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// changes returns the ways in which a file may change while it is read.
func changes(s *samba) map[string]func(t *testing.T, path string) {
	return map[string]func(t *testing.T, path string){
		"appended": func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteString("more\n")
			require.NoError(t, errors.Join(err, file.Close()))
		},
		"truncated": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 1<<20)) },
		"rewritten": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, random(20<<20), 0o644)) },
		"byte changed": func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteAt([]byte{1}, 10)
			require.NoError(t, errors.Join(err, file.Close()))
		},
		"deleted": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"replaced": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".tmp", random(20<<20), 0o644))
			require.NoError(t, os.Rename(path+".tmp", path))
		},
		"rewritten over SMB": func(t *testing.T, path string) {
			if _, err := exec.LookPath("smbclient"); err != nil {
				t.Skip("smbclient is not installed: apt-get install -y --no-install-recommends smbclient")
			}
			local := filepath.Join(t.TempDir(), "new")
			require.NoError(t, os.WriteFile(local, random(20<<20), 0o600))
			out, err := exec.Command("smbclient", "-s", "/dev/null", "-p", s.portText(), "-U", infratest.SambaUser+"%"+infratest.SambaPassword,
				"//127.0.0.1/input", "-c", "put "+local+" in/"+filepath.Base(path)).CombinedOutput()
			require.NoError(t, err, string(out))
		},
	}
}

func TestFileChangedWhileRead(t *testing.T) {
	s := startSamba(t)
	for name, change := range changes(s) {
		t.Run(name, func(t *testing.T) {
			files := newFiles(t, s.config(t, "in"))
			path := filepath.Join(s.Data, "in", "a.txt")
			require.NoError(t, os.RemoveAll(path))
			f := put(t, s, files, "in", "a.txt", random(20<<20))
			s.Own(t, path)
			_, err := stream(files, f, func(off int) {
				if off == 4<<20 {
					change(t, path)
				}
			})
			require.ErrorIs(t, err, messages.ErrFileChanged)
			require.NotErrorIs(t, err, messages.ErrConfig)
		})
	}
}

// TestFileChangedWhileAway changes the file while the connection is lost.
func TestFileChangedWhileAway(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	data := random(24 << 20)
	f := put(t, s, files, "in", "a.txt", data)
	got, err := stream(files, f, func(off int) {
		if off == 5<<20 {
			s.Signal(t, syscall.SIGKILL)
			require.NoError(t, os.WriteFile(filepath.Join(s.Data, "in", "a.txt"), random(24<<20), 0o644))
		}
	})
	require.ErrorIs(t, err, messages.ErrFileChanged)
	require.Less(t, len(got), len(data))
	requireSame(t, data[:len(got)], got)
}

func TestPanicOfFeedLeavesNothing(t *testing.T) {
	s := startSamba(t)
	files := newFiles(t, s.config(t, "in"))
	f := put(t, s, files, "in", "a.txt", random(8<<20))
	require.Panics(t, func() {
		_ = files.Stream(context.Background(), f, 0, f.Size, func([]byte) error { panic("bug") })
	})
	require.NoError(t, files.Archive(context.Background(), f), "the handle is closed")
	require.NoError(t, files.Close())
	goleak.VerifyNone(t, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// fakeServer listens, passes each connection to serve, and closes it. It returns the settings
// of a client.
func fakeServer(t testing.TB, serve func(net.Conn)) smbfiles.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(5 * time.Second))
				serve(c)
				_, _ = c.Read(make([]byte, 1<<16)) // reads what the client sent, so that closing does not reset the connection
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return smbfiles.Config{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "u", Password: "canary-pw", Share: "s",
		IOTimeout: time.Second,
	}
}
