package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// child is a process of a measurement. It is ended by its id.
type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser // kept open: our own children end when it closes
	ended chan struct{}
	err   error // valid once ended is closed
}

// startChild starts a process, by default of this program; env is added to the little
// that it needs of ours. Its standard streams may be set by prepare.
func startChild(name, path string, args, env []string, prepare func(*exec.Cmd) error) (c *child, err error) {
	if path == "" {
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	c = &child{name: name, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	for _, key := range []string{"PATH", "HOME", "TMPDIR", "GOMAXPROCS", "GODEBUG", "GOGC", profileVariable} {
		if v, ok := os.LookupEnv(key); ok {
			c.cmd.Env = append(c.cmd.Env, key+"="+v)
		}
	}
	c.cmd.Env = append(c.cmd.Env, env...)
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	if err := prepare(c.cmd); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	return c, nil
}

// reap waits for the end of the process; call it once, after all readers of its
// streams are set up.
func (c *child) reap(readers ...func()) {
	go func() {
		for _, read := range readers {
			read()
		}
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks the process to end, and ends it when that takes too long.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
	case <-time.After(15 * time.Second):
		_ = c.cmd.Process.Kill() // it is gone already, or goes now
		<-c.ended
		return fmt.Errorf("the %s did not stop and was killed", c.name)
	}
	if c.err != nil {
		return fmt.Errorf("the %s ended badly: %w", c.name, c.err)
	}
	return nil
}
