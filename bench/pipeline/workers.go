package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"kafka-master/messages"
	"kafka-master/worker"
)

// workersCommand is the sub-command that runs workers.
const workersCommand = "workers"

// span is when a chunk began and ended at a worker, in ns since its process
// began.
type span [2]int64

// diary is what one worker did, in order.
type diary struct {
	Items int64
	Spans []span
}

// crew is the flags of the workers of one process.
type crew struct {
	brokers, topics string
	first, count    int
	work            time.Duration
	results         string // folder for results, empty for none
}

func parseCrew(args []string) (crew, error) {
	var c crew
	flags := flag.NewFlagSet(workersCommand, flag.ContinueOnError)
	flags.StringVar(&c.brokers, "brokers", "", "comma list of brokers")
	flags.StringVar(&c.topics, "topics", "", "prefix of the topics' names")
	flags.IntVar(&c.first, "first", 1, "number of the first worker")
	flags.IntVar(&c.count, "count", 1, "how many workers")
	flags.DurationVar(&c.work, "work", 0, "how long a chunk takes")
	flags.StringVar(&c.results, "results", "", "folder for the results of the sample handler (default: none)")
	return c, flags.Parse(args)
}

// runWorkers is the process of some workers. They run until ctx ends or the
// standard input closes; then it prints their diaries.
func runWorkers(ctx context.Context, args []string) error {
	c, err := parseCrew(args)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // as kafka-master worker does
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), c.count)) // as kafka-master worker does
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := orphaned(ctx)
	go func() {
		<-done
		cancel()
	}()
	diaries := make([]diary, c.count)
	members, handlers := make([]worker.Member, c.count), map[messages.WorkerID]worker.Handler{}
	for i := range c.count {
		members[i] = c.member(i)
		handlers[messages.WorkerID(members[i].ID)] = diaries[i].handler(c.job())
	}
	err = worker.RunMany(ctx, c.config(), members, func(ctx context.Context, chunk worker.Chunk, progress func(int)) error {
		return handlers[chunk.Worker](ctx, chunk, progress)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(diaries)
}

// config is that of each worker of the process.
func (c crew) config() worker.Config {
	t := topicsOf(c.topics)
	return worker.Config{
		Brokers:    strings.Split(c.brokers, ","),
		ChunkTopic: t.chunks, SignalTopic: t.signals, ConnectionTopic: t.connections,
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), // it warns of topics that are still being made
	}
}

// member is the process's i-th worker, which has a partition of its own.
func (c crew) member(i int) worker.Member {
	n := c.first + i
	partition := n - 1
	return worker.Member{ID: fmt.Sprint("w", n), Partition: &partition}
}

var began = time.Now()

// job is what the workers do with a chunk.
func (c crew) job() worker.Handler {
	if c.results != "" {
		return worker.SampleHandler(c.results)
	}
	return func(context.Context, worker.Chunk, func(int)) error {
		if c.work > 0 {
			time.Sleep(c.work)
		}
		return nil
	}
}

// handler does the job and notes when. A worker works on one chunk at a time.
func (d *diary) handler(job worker.Handler) worker.Handler {
	return func(ctx context.Context, c worker.Chunk, progress func(int)) error {
		from := time.Since(began)
		if err := job(ctx, c, progress); err != nil {
			return err
		}
		d.Items += int64(len(c.Items))
		d.Spans = append(d.Spans, span{int64(from), int64(time.Since(began))})
		return nil
	}
}
