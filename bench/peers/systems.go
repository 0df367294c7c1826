package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// anchor is the system that the others are compared with.
const anchor = "asynq, 4 workers"

// bed is what the runs need: the programs, the input, and how they are run.
type bed struct {
	dir      string
	chunks   int
	patience time.Duration
	kafka    *kafka // nil without a real broker
}

func (b *bed) path(name string) string { return filepath.Join(b.dir, name) }

// prepare builds the programs and writes the input.
func (b *bed) prepare(ctx context.Context) error {
	for name, at := range map[string][2]string{
		"asynq": {"bench/peers/asynq", "."}, "nats": {"bench/peers/nats", "."}, "pipeline": {".", "./bench/pipeline"}, "kafka-master": {".", "."},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-C", at[0], "-tags", "nomsgpack", "-o", b.path(name), at[1])
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", name, err, out)
		}
	}
	return writeInput(b.path("input.txt"), b.chunks)
}

// system is something that is measured.
type system struct {
	name string
	run  func(ctx context.Context) (measurement, error)
}

// systems are in the order of a repetition, asynq twice.
func (b *bed) systems() []system {
	list := []system{{anchor, b.asynq}}
	for _, s := range []struct{ name, scenario string }{{"as shipped, 4 workers", "shipped4"}, {"one in flight, 4 workers", "strict4"}, {"as shipped, 64 workers", "shipped64"}} {
		list = append(list,
			system{"embedded, " + s.name, func(ctx context.Context) (measurement, error) { return b.ours(ctx, s.scenario, false, false) }},
			system{"embedded + Redis, " + s.name, func(ctx context.Context) (measurement, error) { return b.ours(ctx, s.scenario, true, false) }},
		)
		if b.kafka != nil {
			list = append(list, system{"Kafka + Redis, " + s.name, func(ctx context.Context) (measurement, error) { return b.ours(ctx, s.scenario, true, true) }})
		}
	}
	return append(list, system{"NATS JetStream, 4 workers", b.nats}, system{anchor, b.asynq})
}

// asynq runs asynq on a Redis of its own.
func (b *bed) asynq(ctx context.Context) (measurement, error) {
	redis, stop, err := b.redis(ctx)
	if err != nil {
		return measurement{}, err
	}
	defer stop()
	return b.peer(ctx, "asynq", "-redis", redis)
}

func (b *bed) nats(ctx context.Context) (measurement, error) {
	dir, err := os.MkdirTemp(b.dir, "nats-")
	if err != nil {
		return measurement{}, err
	}
	defer os.RemoveAll(dir)
	server := exec.CommandContext(ctx, b.path("nats"), "serve", "-dir", dir)
	in, err := server.StdinPipe()
	if err != nil {
		return measurement{}, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return measurement{}, err
	}
	if err := server.Start(); err != nil {
		return measurement{}, err
	}
	defer func() { in.Close(); server.Wait() }()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return measurement{}, fmt.Errorf("the server does not start: %w", err)
	}
	return b.peer(ctx, "nats", "-url", strings.TrimSpace(url))
}

// peer runs four workers and a producer of a peer's program, which prints how many
// seconds it took.
func (b *bed) peer(ctx context.Context, program string, server ...string) (m measurement, err error) {
	for range 4 {
		w := exec.CommandContext(ctx, b.path(program), append([]string{"work"}, server...)...)
		in, err := w.StdinPipe()
		if err != nil {
			return m, err
		}
		w.Stderr = os.Stderr
		if err := w.Start(); err != nil {
			return m, err
		}
		defer func() { in.Close(); w.Wait() }()
	}
	time.Sleep(time.Second) // they connect
	produce := exec.CommandContext(ctx, b.path(program), append([]string{"produce", "-file", b.path("input.txt")}, server...)...)
	produce.Stderr = os.Stderr
	out, err := produce.Output()
	if err != nil {
		return m, err
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	m.ChunkRate = float64(b.chunks) / seconds
	return m, err
}

// redis starts a Redis with an AOF that is synced every second.
func (b *bed) redis(ctx context.Context) (address string, stop func(), err error) {
	dir, err := os.MkdirTemp(b.dir, "redis-")
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait(); os.RemoveAll(dir) }
	if err := awaitListener(ctx, address); err != nil {
		stop()
		return "", nil, fmt.Errorf("start redis-server: %w", err)
	}
	return address, stop, nil
}

// ours runs a scenario of bench/pipeline, without kafka with the broker in the master's process.
func (b *bed) ours(ctx context.Context, scenario string, redis, kafka bool) (m measurement, err error) {
	cmd := exec.CommandContext(ctx, b.path("pipeline"), "-json", "-scenario", scenario, "-chunks", strconv.Itoa(b.chunks),
		"-master", b.path("kafka-master"), "-patience", b.patience.String())
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BENCH_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	if kafka {
		cmd.Env = append(cmd.Env, b.kafka.variables()...)
	} else {
		cmd.Args = append(cmd.Args, "-inside")
	}
	if redis {
		address, stop, err := b.redis(ctx)
		if err != nil {
			return m, err
		}
		defer stop()
		cmd.Env = append(cmd.Env, "BENCH_REDIS_URL=redis://"+address+"/0")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return m, err
	}
	if err := cmd.Start(); err != nil {
		return m, err
	}
	text, err := io.ReadAll(out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return m, err
	}
	var result struct {
		Medians []struct {
			Rate    float64 `json:"chunks_per_s"`
			Master  float64 `json:"master_cpu_us"`
			Broker  float64 `json:"broker_cpu_us"`
			State   float64 `json:"state_cpu_us"`
			Workers float64 `json:"workers_cpu_us"`
			Peak    float64 `json:"master_peak_bytes"`
			Other   float64 `json:"other_cores"`
		}
	}
	if err := json.Unmarshal(text, &result); err != nil || len(result.Medians) != 1 {
		return m, fmt.Errorf("read the result of %s: %v: %.200s", scenario, err, text)
	}
	x := result.Medians[0]
	return measurement{ChunkRate: x.Rate, CPU: fmt.Sprintf("%.0f / %.0f / %.0f / %.0f", x.Master, x.Broker, x.State, x.Workers), PeakMB: x.Peak / 1e6, OtherCores: x.Other}, nil
}
