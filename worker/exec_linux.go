package worker

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// ownGroup makes the command the head of a new process group. The kernel kills the
// head with the worker; the rest is the keeper's, which may not be there yet.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// collect frees what is left of processes that this process has inherited, which
// the first process of a container has to do.
func reapZombies() {
	if os.Getpid() == 1 {
		reapInherited()
	}
}

// collectInherited collects the zombies that were inherited. Children of our own
// are left to those who wait for them: they are in our process group, or head one
// of our session.
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

// groupAlive reports whether a process of the group is left. Zombies are not: one
// whose parent does not collect it, as many a container's first process, would
// look alive for ever.
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

// process is what the kernel tells of one.
type process struct {
	pid, parent, group, session int

	dead bool // a zombie, which waits to be collected
}

// readProcess reads a folder of /proc; ok is false for those that are none of a
// process.
func readProcess(name string) (p process, ok bool) {
	if name != "self" && strings.Trim(name, "0123456789") != "" {
		return process{}, false
	}
	stat, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return process{}, false
	}
	// The name between the first bracket and the last one may hold anything.
	first, last := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if first < 0 || last < first {
		return process{}, false
	}
	var state string
	_, err = fmt.Sscan(string(stat[:first])+string(stat[last+1:]), &p.pid, &state, &p.parent, &p.group, &p.session)
	p.dead = state == "Z" || state == "X"
	return p, err == nil
}
