//go:build unix && !linux

package worker

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the command the leader of a new process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// reapZombies does nothing: only the first process of a container inherits zombies.
func reapZombies() {}

// groupAlive reports whether a process of the group still exists.
func groupAlive(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }
