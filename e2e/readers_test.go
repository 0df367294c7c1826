package e2e

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fullPipe returns the end of a pipe that is full and that nobody reads.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	require.NoError(t, w.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	junk := make([]byte, 4096)
	for {
		if _, err := w.Write(junk); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return w
		}
	}
}

// A reader of log and output that hangs or is gone does not block the work or the stop. A
// master stops in order when its terminal is closed.
func TestMasterWithoutReaders(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("two processes")
	}
	for name, end := range map[string]syscall.Signal{"hangs": syscall.SIGTERM, "gone": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			var out *os.File
			if out = fullPipe(t); name == "gone" {
				r, w, err := os.Pipe()
				require.NoError(t, err)
				require.NoError(t, r.Close())
				out = w
			}
			cmd := exec.Command(os.Args[0])
			cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
			cmd.Env = append(s.env(), roleVariable+"="+roleMaster, "LOG_LEVEL=debug", "BATCH_SIZE=10")
			require.NoError(t, cmd.Start())
			dead := make(chan struct{})
			go func() { cmd.Wait(); close(dead) }()
			t.Cleanup(func() { cmd.Process.Kill(); <-dead })
			s.drop("a.txt", numbered(5000))
			require.Eventually(t, func() bool {
				_, body := s.get("/api/v1/files?state=done")
				return strings.Contains(body, `"items_done":5000`)
			}, time.Minute, 50*time.Millisecond)
			require.NoError(t, cmd.Process.Signal(end))
			select {
			case <-dead:
			case <-time.After(20 * time.Second):
				t.Fatal("the master does not end")
			}
			require.Zero(t, cmd.ProcessState.ExitCode())
		})
	}
}
