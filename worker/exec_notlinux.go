//go:build unix && !linux

package worker

import (
	"os/exec"
	"syscall"
)

// groupAlive reports whether a process of the group is left.
func groupAlive(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }
