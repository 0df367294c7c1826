//go:build !unix

package worker

import (
	"os/exec"
	"syscall"
)

// errQuota is the error of a user whose disk quota is used up
// (ERROR_DISK_QUOTA_EXCEEDED).
const errQuota = syscall.Errno(1295)

// There are no process groups here, so only the shell itself can be stopped.

func ownGroup(*exec.Cmd) {}

func reapZombies() {}

func groupAlive(*exec.Cmd) bool { return false }

func termGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func detach(*exec.Cmd) {}
