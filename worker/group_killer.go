package worker

import (
	"os"
	"os/exec"
	"strconv"
)

// keeper is a process that outlives a worker that is killed, and then kills what
// a command of it has started: its whole group. It waits for the end of a pipe
// that only the worker holds.
type groupKiller struct {
	cmd  *exec.Cmd
	pipe *os.File // closed by nobody but the kernel while the command runs
}

// keep starts the keeper of a group. Without one, which is no reason not to work,
// the group of a killed worker ends with its next output.
func startGroupKiller(group int) *groupKiller {
	wait, hold, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer wait.Close()
	k := &groupKiller{cmd: exec.Command("sh", "-c", `read x; kill -9 -"$0"`, strconv.Itoa(group)), pipe: hold}
	k.cmd.Stdin, k.cmd.Env = wait, []string{}
	detach(k.cmd)
	if k.cmd.Start() != nil {
		_ = hold.Close()
		return nil
	}
	return k
}

// release ends the keeper, before its pipe ends.
func (k *groupKiller) stop() {
	if k == nil {
		return
	}
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
	_ = k.pipe.Close()
}
