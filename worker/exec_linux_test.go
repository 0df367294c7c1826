package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// When a worker is killed, its command and everything that the command started end as
// well. Otherwise they would run at the same time as the next attempt.
func TestExecDiesWithItsWorker(t *testing.T) {
	path, line := pipe(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWorker$")
	cmd.Env = append(os.Environ(), "KILLED_WORKER="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child, _ := strconv.Atoi(line())
	grandchild, _ := strconv.Atoi(line())
	if p, ok := readProcess(strconv.Itoa(child)); !ok || p.parent != cmd.Process.Pid {
		t.Errorf("%d is no child of the worker: %+v", child, p)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	gone(t, child)
	gone(t, grandchild)
}

// TestKilledWorker is the worker of the test above, in a separate process. It
// prints the pid of its command once the group killer runs.
func TestKilledWorker(t *testing.T) {
	path := os.Getenv("KILLED_WORKER")
	if path == "" {
		return
	}
	gate, _ := pipe(t)
	t.Setenv("GATE", gate)
	go func() {
		for {
			entries, _ := os.ReadDir("/proc")
			for _, e := range entries {
				line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
				if p, ok := readProcess(e.Name()); ok && p.parent == os.Getpid() && strings.Contains(string(line), "read x; kill") {
					_ = os.WriteFile(gate, []byte("go\n"), 0)
					return
				}
			}
		}
	}()
	command := "read go <$GATE; echo $$ >$KILLED_WORKER; sh -c 'echo $$ >$KILLED_WORKER; while :; do sleep 0.1; done'; true"
	h := ExecHandler(ExecConfig{Command: command, ResultsDir: t.TempDir()})
	t.Fatal(h(context.Background(), Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: []string{"x"}}, nil))
}

// The end of a thread does not end a command, although the kernel sends the death
// signal when the thread that started the command ends.
func TestExecOutlivesThreads(t *testing.T) {
	gate, _ := pipe(t)
	t.Setenv("GATE", gate)
	path, line := pipe(t)
	t.Setenv("PIPE", path)
	done := make(chan error, 1)
	go func() {
		h := ExecHandler(ExecConfig{Command: "echo ready >$PIPE; read go <$GATE; cat", ResultsDir: t.TempDir()})
		done <- h(context.Background(), Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: []string{"x"}}, nil)
	}()
	line()
	var threads sync.WaitGroup
	for range 50 {
		threads.Go(runtime.LockOSThread) // a goroutine that ends while its thread is locked ends the thread
	}
	threads.Wait()
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the command did not outlive the threads: %v", err)
	}
}

// The zombies that the first process of a container inherits are reaped. The exit
// status of its own children is left to the code that waits for it.
func TestReapInherited(t *testing.T) {
	const setSubreaper = 36 // PR_SET_CHILD_SUBREAPER makes this process inherit orphans, like a first process
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setSubreaper, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
	defer syscall.RawSyscall(syscall.SYS_PRCTL, setSubreaper, 0, 0)
	own := exec.Command("sh", "-c", "exit 7")
	grouped := exec.Command("sh", "-c", "exit 8")
	grouped.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, c := range []*exec.Cmd{own, grouped} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	list := filepath.Join(t.TempDir(), "pids")
	t.Setenv("LIST", list)
	// Two orphans: one in the command's group, one in a session of its own.
	if _, err := execute1(t, context.Background(), `(sh -c 'echo $$' & setsid sh -c 'echo $$' & wait) >$LIST; (sleep 600 & echo $! >>$LIST) >/dev/null`); err != nil {
		t.Fatal(err)
	}
	zombie := func(pid int) bool {
		p, ok := readProcess(strconv.Itoa(pid))
		return ok && p.dead && p.parent == os.Getpid()
	}
	for _, c := range []*exec.Cmd{own, grouped} {
		for !zombie(c.Process.Pid) {
			time.Sleep(time.Millisecond)
		}
	}
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	var pids [3]int
	if _, err := fmt.Sscan(string(text), &pids[0], &pids[1], &pids[2]); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, pid := range pids {
		for ; ; reapInherited() {
			if _, ok := readProcess(strconv.Itoa(pid)); !ok {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d was not collected", pid)
			}
		}
	}
	for want, c := range map[int]*exec.Cmd{7: own, 8: grouped} {
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("exit status %d was lost: %v", want, err)
		}
	}
}

// The process of an item, and everything that it started, ends with the worker, too.
func TestEachDiesWithItsWorker(t *testing.T) {
	path, line := pipe(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledEach$")
	cmd.Env = append(os.Environ(), "KILLED_EACH="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child, _ := strconv.Atoi(line())
	grandchild, _ := strconv.Atoi(line())
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	gone(t, child)
	gone(t, grandchild)
}

// TestKilledEach is the worker of the test above. The command of its item prints the pids
// once the guard knows of it.
func TestKilledEach(t *testing.T) {
	if os.Getenv("KILLED_EACH") == "" {
		return
	}
	gate, _ := pipe(t)
	t.Setenv("GATE", gate)
	e, err := newEachHandler(EachConfig{Command: "read go <$GATE; echo $$ >$KILLED_EACH; sh -c 'echo $$ >$KILLED_EACH; while :; do sleep 0.1; done'; true", Shell: true, ResultsDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	g := startGroupGuard()
	r := e.runner(func(group int) func() {
		defer func() { _ = os.WriteFile(gate, []byte("go\n"), 0) }()
		g.guard(group + 1<<22)() // others came and went
		return g.guard(group)
	})
	t.Fatal(e.runItem(context.Background(), r, "x", os.Environ(), io.Discard))
}
