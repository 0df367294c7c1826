package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

const (
	// crowdCommand measures a master with many native workers that have nothing to do.
	crowdCommand = "crowd"
	// beatsCommand is the sub-command that sends their messages.
	beatsCommand = "beats"
)

// crowdPerPartition is how many of these workers share a partition of the chunk topic.
const crowdPerPartition = 8

const (
	beatEvery   = 3 * time.Second // as the workers do
	beatSlices  = 600             // into which the workers are divided, so that their heartbeats come evenly
	crowdAnswer = 50              // answers of each page of the API that are timed
	settleTime  = 2 * beatEvery   // between the end of the last chunk and the measurement
)

// sendBeats announces workers and sends their heartbeats until ctx ends or the standard input
// closes.
func sendBeats(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(beatsCommand, flag.ContinueOnError)
	brokers := flags.String("brokers", "", "comma list of brokers")
	prefix := flags.String("topics", "", "prefix of the topics' names")
	count := flags.Int("count", 0, "how many workers")
	work := flags.Bool("work", false, "they do the chunks that they get")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bus, err := kafkabus.New(kafkabus.Config{Brokers: strings.Split(*brokers, ",")})
	if err != nil {
		return err
	}
	defer bus.Close()
	incarnation := messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: "bench"}
	worked, read := make(chan error, 1), make([]atomic.Int64, (*count+crowdPerPartition-1)/crowdPerPartition)
	if *work {
		go func() { worked <- crowdWork(ctx, bus, topicsOf(*prefix), incarnation, read) }()
	}
	topic := topicsOf(*prefix).connections
	if _, err := bus.Ensure(ctx, []messages.TopicSpec{{Name: topic, Partitions: 1, Replication: 1}}); err != nil {
		return fmt.Errorf("wait for the topic of the heartbeats: %w", err)
	}
	done := orphaned(ctx)
	tick := time.NewTicker(beatEvery / beatSlices)
	defer tick.Stop()
	for n := 0; ; n++ {
		for _, out := range bus.Produce(ctx, beats(topic, incarnation, n%beatSlices, *count, read)) {
			if out.Err != nil && ctx.Err() == nil {
				return fmt.Errorf("send a heartbeat: %w", out.Err)
			}
		}
		select {
		case <-done:
			return nil
		case err := <-worked:
			return err
		case <-tick.C:
		}
	}
}

// beats returns the heartbeats of one slice of the workers. read is where each partition is
// read next.
func beats(topic string, incarnation messages.Incarnation, slice, count int, read []atomic.Int64) (records []messages.Record) {
	for i := slice; i < count; i += beatSlices {
		partition := i / crowdPerPartition
		s := messages.Signal{
			Kind: messages.SignalHeartbeat, Worker: messages.WorkerID(fmt.Sprint("w", i)), Protocol: 2, Capacity: 1,
			Partitions: []int32{int32(partition)}, Incarnation: incarnation, Next: read[partition].Load(),
		}
		records = append(records, messages.Record{Topic: topic, Key: []byte(s.Worker), Value: s.Encode()})
	}
	return records
}

// measureCrowd prints what a master with many idle workers costs.
func measureCrowd(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet(crowdCommand, flag.ContinueOnError)
	count := flags.Int("workers", 10_000, "how many workers")
	attempts := flags.Int("attempts", 0, "how many chunks each of them does before")
	idle := flags.Duration("idle", 12*time.Second, "how long the master is measured, a multiple of 3 s")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	s := scenario{name: crowdCommand, workers: *count, partitions: (*count + crowdPerPartition - 1) / crowdPerPartition, prefetch: shipped, batch: 1}
	st := &stage{scenario: s}
	defer func() { err = errors.Join(err, st.close()) }()
	if err := st.startServers("", ""); err != nil {
		return err
	}
	if err := st.master.awaitWorkers(ctx, 0); err != nil {
		return err
	}
	return st.crowd(ctx, *attempts, *idle)
}

// crowd starts the workers, and measures the master when all of them are known.
func (st *stage) crowd(ctx context.Context, attempts int, idle time.Duration) error {
	began := time.Now()
	if err := st.startBeats(attempts > 0); err != nil {
		return err
	}
	if err := st.master.awaitWorkers(ctx, st.workers); err != nil {
		return err
	}
	visible := time.Since(began)
	if attempts > 0 {
		if err := st.fillTries(ctx, attempts); err != nil {
			return err
		}
		time.Sleep(settleTime)
	}
	share, before, after, err := st.master.rest(idle)
	if err != nil {
		return err
	}
	answers, err := st.master.timePages(ctx)
	if err != nil {
		return err
	}
	resident, peak, err := memoryOf(st.master.pid())
	if err != nil {
		return err
	}
	fmt.Printf("%d idle workers: visible after %.1f s, master %.1f %% of a core, %.0f MB resident, peak %.0f MB; answers, p50 and worst: %s\n",
		st.workers, visible.Seconds(), share, float64(resident)/1e6, float64(peak)/1e6, answers)
	r := result{Chunks: int64(st.workers) * int64(idle/beatEvery)}
	r.fillCounts(before, after)
	fmt.Printf("  per heartbeat: fetches %.3f, commits %.3f, actor messages %.2f, timers %.2f, allocations %.1f of %.2f KB\n",
		r.Fetches, r.Commits, r.Messages, r.Timers, r.Allocs, r.AllocBytes/1e3)
	(&printer{out: os.Stdout}).messages(r.Kinds)
	return nil
}

// startBeats starts the process that sends the heartbeats.
func (st *stage) startBeats(work bool) error {
	args := []string{beatsCommand, "--brokers", st.broker.addrs, "--topics", st.prefix, "--count", strconv.Itoa(st.workers), fmt.Sprintf("--work=%t", work)}
	c, err := startChild("beats", "", args, nil, func(cmd *exec.Cmd) error {
		cmd.Stderr = os.Stderr
		return nil
	})
	if err != nil {
		return err
	}
	c.reap()
	st.onClose(c.stop)
	return nil
}

// rest returns the share of a core, in percent, that the master uses within a time, and what
// it had done before and after that.
func (m *master) rest(d time.Duration) (share float64, before, after counts, err error) {
	from, err := cpuOf(m.pid())
	if err != nil {
		return 0, before, after, err
	}
	if before, err = m.count(); err != nil {
		return 0, before, after, err
	}
	time.Sleep(d)
	to, err := cpuOf(m.pid())
	if err != nil {
		return 0, before, after, err
	}
	after, err = m.count()
	return 100 * (to - from).Seconds() / d.Seconds(), before, after, err
}

// timePages returns how long the answers take that people and monitoring ask for all the time.
func (m *master) timePages(ctx context.Context) (string, error) {
	var all []string
	for _, path := range []string{"/api/v1/overview", "/metrics", "/readyz"} {
		p50, worst, err := m.timeAnswers(ctx, path)
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf("%s %.1f and %.1f ms", path, 1e3*p50.Seconds(), 1e3*worst.Seconds()))
	}
	return strings.Join(all, ", "), nil
}

// timeAnswers returns how long the answer at a path takes.
func (m *master) timeAnswers(ctx context.Context, path string) (p50, worst time.Duration, err error) {
	var all []time.Duration
	for range crowdAnswer {
		began := time.Now()
		if _, err := m.get(ctx, path); err != nil {
			return 0, 0, fmt.Errorf("ask for %s: %w", path, err)
		}
		all = append(all, time.Since(began))
		time.Sleep(100 * time.Millisecond)
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1], nil
}
