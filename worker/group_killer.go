package worker

import (
	"os"
	"os/exec"
	"strconv"
)

// groupKiller is a process that survives a worker that was killed and then kills the
// process group of the worker's command. It waits for the end of a pipe whose other
// end only the worker holds.
type groupKiller struct {
	cmd  *exec.Cmd
	pipe *os.File // while the command runs, only the kernel closes it
}

// startGroupKiller starts the killer of a group. The command also runs without one,
// so it returns nil when that fails; the group of a killed worker then ends when it
// next writes output.
func startGroupKiller(group int) *groupKiller {
	wait, pipe, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer wait.Close()
	k := &groupKiller{cmd: exec.Command("sh", "-c", `read x; kill -9 -"$0"`, strconv.Itoa(group)), pipe: pipe}
	k.cmd.Stdin, k.cmd.Env = wait, []string{}
	detach(k.cmd)
	if k.cmd.Start() != nil {
		_ = pipe.Close()
		return nil
	}
	return k
}

// stop ends the process. The pipe is closed last, since closing it triggers the kill.
func (k *groupKiller) stop() {
	if k == nil {
		return
	}
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
	_ = k.pipe.Close()
}
