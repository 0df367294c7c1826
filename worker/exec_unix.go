//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// errQuota is the error of a user whose disk quota is used up.
const errQuota = syscall.EDQUOT

// The errors of the two calls are ignored: they only mean that the group has no
// process left.

func termGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// detach puts the process into a new process group, so that signals to the group of
// the worker or of a command do not reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
