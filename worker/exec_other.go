//go:build !unix

package worker

import "os/exec"

// Without process groups only the shell itself can be stopped.

func ownGroup(*exec.Cmd) {}

func groupAlive(*exec.Cmd) bool { return false }

func termGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
