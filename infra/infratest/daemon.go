package infratest

import (
	"os/exec"
	"syscall"
	"testing"
)

// daemon is a server process of a test, which can be killed and stopped.
type daemon struct{ cmd *exec.Cmd }

// Kill is kill -9.
func (d *daemon) Kill() {
	d.signal(syscall.SIGKILL)
	_ = d.cmd.Wait() // killed: its status says nothing
}

// Stop stops the process without ending it, until Continue.
func (d *daemon) Stop() { d.signal(syscall.SIGSTOP) }

// Continue lets a stopped process go on.
func (d *daemon) Continue() { d.signal(syscall.SIGCONT) }

func (d *daemon) signal(s syscall.Signal) { _ = d.cmd.Process.Signal(s) } // it may be gone

// notShort keeps tests that start a server out of go test -short.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts a server")
	}
}
