package selftest

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// process is a child process that can be killed and started again.
type process struct {
	name    string
	command []string
	env     []string
	dir     string
	log     string // path

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{}
	stopped bool // for good
}

// start starts the process unless it runs or was stopped for good.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.env, p.dir, log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		p.mu.Lock()
		p.cmd = nil
		p.mu.Unlock()
		close(ended)
	}()
	return nil
}

// signal sends a signal, if the process runs, and returns what is closed when it has
// ended.
func (p *process) signal(s os.Signal) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	_ = p.cmd.Process.Signal(s)
	return p.ended
}

// kill kills the process and waits for its end.
func (p *process) kill() { <-p.signal(os.Kill) }

// stop ends the process in order, and for good. One that does not end is killed.
func (p *process) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	thaw(p)
	select {
	case <-p.signal(os.Interrupt):
	case <-time.After(stopLimit):
		p.kill()
	}
}

// stopLimit is how long a process may take to stop in order.
const stopLimit = 15 * time.Second
