package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"kafka-master/infra/embedded"
)

// brokerCommand is the sub-command that is the broker.
const brokerCommand = "broker"

// serveBroker is the broker's process: it prints its addresses and serves until
// ctx ends or its standard input closes.
func serveBroker(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(brokerCommand, flag.ContinueOnError)
	dir := flags.String("dir", "", "folder of the broker's data")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := embedded.Start(embedded.Config{DataDir: *dir})
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(b.Addrs(), ","))
	<-orphaned(ctx)
	return b.Close()
}

// orphaned is closed when ctx ends, or the process that started this one does.
func orphaned(ctx context.Context) <-chan struct{} {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
		cancel()
	}()
	return ctx.Done()
}

// broker is where the topics of a measurement are.
type broker struct {
	kind   string
	addrs  string
	child  *child // nil for one that was running before, or is in the master
	inside bool   // in the master's process
	pid    int    // 0 when not known, or when it is the master's
}

// startBroker starts a broker, unless it is to be inside the master.
func startBroker(dir string, inside bool) (*broker, error) {
	if inside {
		port, err := freePort()
		return &broker{kind: "inside", addrs: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), inside: true}, err
	}
	if addrs := os.Getenv("BENCH_BROKERS"); addrs != "" {
		pid, err := pidOf("BENCH_BROKER_PID")
		return &broker{kind: "kafka", addrs: addrs, pid: pid}, err
	}
	var lines io.Reader
	c, err := startChild("broker", "", []string{brokerCommand, "--dir", filepath.Join(dir, "broker")}, nil, func(cmd *exec.Cmd) error {
		cmd.Stderr = os.Stderr
		var err error
		lines, err = cmd.StdoutPipe()
		return err
	})
	if err != nil {
		return nil, err
	}
	addrs, err := bufio.NewReader(lines).ReadString('\n')
	c.reap()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the broker did not start: %w", err), c.stop())
	}
	return &broker{kind: "embedded", addrs: strings.TrimSpace(addrs), child: c, pid: c.pid()}, nil
}

// masterEnv is how the master finds the broker, or starts it.
func (b *broker) masterEnv() []string {
	if !b.inside {
		return []string{"KAFKA_BROKER_ADDRESS=" + b.addrs}
	}
	_, port, _ := net.SplitHostPort(b.addrs) // which startBroker joined
	return []string{"KAFKA_BROKER_PORT=" + port, "EMBEDDED_WORKERS=0"}
}

func (b *broker) stop() error {
	if b.child == nil {
		return nil
	}
	return b.child.stop()
}

// pidOf reads a process id from a variable, 0 when it is not set.
func pidOf(variable string) (int, error) {
	text := os.Getenv(variable)
	if text == "" {
		return 0, nil
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid < 1 {
		return 0, fmt.Errorf("%s is %q: a process id is needed", variable, text)
	}
	return pid, nil
}
