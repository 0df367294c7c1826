package worker

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

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
	pid, parent, group int
	dead               bool // a zombie, which waits to be collected
}

// readProcess reads a folder of /proc; ok is false for those that are none of a
// process.
func readProcess(name string) (p process, ok bool) {
	pid, err := strconv.Atoi(name)
	if err != nil {
		return process{}, false
	}
	stat, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return process{}, false
	}
	// The name before the last bracket may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return process{}, false
	}
	p = process{pid: pid, dead: string(fields[0]) == "Z" || string(fields[0]) == "X"}
	p.parent, err = strconv.Atoi(string(fields[1]))
	if err == nil {
		p.group, err = strconv.Atoi(string(fields[2]))
	}
	return p, err == nil
}
