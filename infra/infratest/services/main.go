//go:build linux

// Command services runs real servers on loopback, without containers: Kafka, Redis
// and, as root, Samba, as far as make services-install has installed them.
//
//	services DIR              until it is asked to stop, for development
//	services DIR COMMAND...   until the command ends, whose environment points tests at them
//
// DIR is made, and removed at the end. DIR/env has the variables that point tests at
// the servers, DIR/master.env those that point a master at them. A server that
// KAFKA_TEST_BROKER or REDIS_TEST_URL names already is used and not started.
// KAFKA_REBALANCE_DELAY_MS is the broker's group.initial.rebalance.delay.ms.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: services DIR [COMMAND...]")
		os.Exit(64)
	}
	var failed *exec.ExitError
	switch err := serve(os.Args[1], os.Args[2:]); {
	case errors.As(err, &failed):
		os.Exit(failed.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "services:", err)
		os.Exit(1)
	}
}

func serve(dir string, command []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("%w: make services-down stops servers that still run", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	h := newHost(dir)
	defer h.end()
	s := startServers(h)
	if len(command) == 0 {
		s.startShare(h)
		if err := s.write(dir); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	return s.run(ctx, command)
}

// run runs a command beside the servers. In CI one that is missing is an error.
func (s *servers) run(ctx context.Context, command []string) error {
	missing := strings.Join(s.missing(), ", ")
	if missing != "" && os.Getenv("CI") == "true" {
		return fmt.Errorf("CI needs all servers, missing: %s; cure: make services-install", missing)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), s.tests()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if missing != "" {
		fmt.Printf("not run, since the servers are not installed: %s; cure: make services-install (as root)\n", missing)
	}
	return err
}

// write writes the files that a shell reads. That of the tests is the last one: when
// it is there, everything runs.
func (s *servers) write(dir string) error {
	for name, vars := range map[string][]string{"master.env": s.master(), "env.new": s.tests()} {
		text := "export " + strings.Join(vars, "\nexport ") + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.Rename(filepath.Join(dir, "env.new"), filepath.Join(dir, "env"))
}
