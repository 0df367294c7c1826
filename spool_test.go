package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// reader is a writer whose other end reads when it is told to.
type reader struct {
	mu   sync.Mutex
	goOn chan struct{}
	got  []string
	err  error
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.goOn
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(p))
	return len(p), r.err
}

func TestSpoolNeverBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{goOn: make(chan struct{})}
		s := newSpool(r, func(n int64) []byte { return fmt.Appendf(nil, "lost %d", n) })
		s.most = 10
		line := []byte("0")
		for i := range 15 {
			line[0] = byte('a' + i)
			n, err := s.Write(line)
			require.Equal(t, 1, n)
			require.NoError(t, err)
			synctest.Wait()
		}
		require.Empty(t, r.got)
		close(r.goOn)
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "lost 4"}, r.got)
		fmt.Fprint(s, "x")
		s.close()
		require.Equal(t, "x", r.got[len(r.got)-1], "what waits is written at the end")
		fmt.Fprint(s, "late")
		require.Len(t, r.got, 13)
	})
}

func TestSpoolOfAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{goOn: make(chan struct{}), err: errors.New("broken pipe")}
		close(r.goOn)
		s := newSpool(r, nil)
		for range 3 {
			_, err := fmt.Fprint(s, "x")
			require.NoError(t, err)
			synctest.Wait()
		}
		require.Len(t, r.got, 1)
		s.close()

		stuck := &reader{goOn: make(chan struct{})}
		s = newSpool(stuck, nil)
		fmt.Fprint(s, "x")
		before := time.Now()
		s.close()
		require.Equal(t, spoolPatience, time.Since(before))
		close(stuck.goOn)
		<-s.ended
	})
}

// fullPipe is a pipe that takes nothing more, and nobody reads it.
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

// A reader of log and output that hangs, or has gone, neither stops the work nor the
// end. The terminal's end is an ordered one.
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
