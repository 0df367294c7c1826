package worker

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// ownGroup makes the command the leader of a new process group. The kernel kills the
// leader when the worker dies. The group killer kills the rest, but it may not run
// yet.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// reapZombies reaps ended processes that this process has inherited, which is the
// duty of the first process of a container.
func reapZombies() {
	if os.Getpid() == 1 {
		reapInherited()
	}
}

// reapInherited reaps the zombies that this process has inherited. It leaves its own
// children to the code that waits for them: they are in the worker's process group, or
// lead a group in the worker's session.
func reapInherited() {
	entries, err := os.ReadDir("/proc")
	self, ok := readProcess("self")
	if err != nil || !ok {
		return
	}
	for _, e := range entries {
		p, ok := readProcess(e.Name())
		if !ok || !p.dead || p.parent != self.pid || p.group == self.group || p.group == p.pid && p.session == self.session {
			continue
		}
		_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
	}
}

// groupAlive reports whether a process of the group still runs. A zombie does not
// count: some parents, such as the first process of many containers, never reap it.
func groupAlive(cmd *exec.Cmd) bool {
	if syscall.Kill(-cmd.Process.Pid, 0) != nil {
		return false
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, e := range entries {
		if p, ok := readProcess(e.Name()); ok && p.group == cmd.Process.Pid && !p.dead {
			return true
		}
	}
	return false
}

// process is a part of what the kernel reports about a process.
type process struct {
	pid, parent, group, session int

	dead bool // a zombie
}

// readProcess reads an entry of /proc. ok is false when it is not the entry of a
// process.
func readProcess(name string) (p process, ok bool) {
	if name != "self" && strings.Trim(name, "0123456789") != "" {
		return process{}, false
	}
	stat, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return process{}, false
	}
	// The process name between the first and the last bracket may contain anything.
	first, last := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if first < 0 || last < first {
		return process{}, false
	}
	var state string
	_, err = fmt.Sscan(string(stat[:first])+string(stat[last+1:]), &p.pid, &state, &p.parent, &p.group, &p.session)
	p.dead = state == "Z" || state == "X"
	return p, err == nil
}
