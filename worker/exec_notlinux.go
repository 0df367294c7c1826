//go:build unix && !linux

package worker

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the command the head of a new process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// reapZombies is for a first process of a container.
func reapZombies() {}

// groupAlive reports whether a process of the group is left.
func groupAlive(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }
