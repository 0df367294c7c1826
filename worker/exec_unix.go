//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// errQuota says that the user has no room left on a disk.
const errQuota = syscall.EDQUOT

// A group without processes is no error: there is nothing to stop.

func termGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// apart makes the process the head of a group of its own, which no signal to the
// worker or to a command reaches.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
