package worker

import (
	"os"
	"os/exec"
	"strconv"
)

// keeper is a process that outlives a worker that is killed, and then kills what
// a command of it has started: its whole group. It waits for the end of a pipe
// that only the worker holds.
type keeper struct {
	cmd  *exec.Cmd
	hold *os.File // closed by nobody but the kernel while the command runs
}

// keep starts the keeper of a group. Without one, which is no reason not to work,
// the group of a killed worker ends with its next output.
func keep(group int) *keeper {
	wait, hold, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer wait.Close()
	k := &keeper{cmd: exec.Command("sh", "-c", `read x; kill -9 -"$0"`, strconv.Itoa(group)), hold: hold}
	k.cmd.Stdin, k.cmd.Env = wait, []string{}
	apart(k.cmd)
	if k.cmd.Start() != nil {
		_ = hold.Close()
		return nil
	}
	return k
}

// release ends the keeper, before its pipe ends.
func (k *keeper) release() {
	if k == nil {
		return
	}
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
	_ = k.hold.Close()
}
