package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"kafka-master/actors"
	"kafka-master/app"
	"kafka-master/messages"
)

// masterCommand is the sub-command that is a master which counts what it does.
const masterCommand = "master"

// countsFile is the descriptor to which the counted master writes its counts.
const countsFile = 3

// counts is what a master has done since its start.
type counts struct {
	Fetches, Produces, Commits, Syncs int64
	Allocs, AllocBytes                int64
	actors.Counts
}

// counter counts what a master does.
type counter struct {
	fetches, produces, commits atomic.Int64
	actors                     actors.Counters
	store                      actors.Store
}

// serveMaster is the process of the counted master: it is the program itself, and writes its
// counts for each line of its standard input. It ends when ctx or the standard input does.
func serveMaster(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &counter{}
	go func() {
		defer cancel()
		out := json.NewEncoder(os.NewFile(countsFile, "counts"))
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			if out.Encode(c.read()) != nil {
				return
			}
		}
	}()
	if code := app.RunMeasured(ctx, nil, os.LookupEnv, os.Stdout, os.Stderr, c.instrument); code != app.ExitOK {
		return fmt.Errorf("the master ended with exit code %d", code)
	}
	return nil
}

// instrument puts the counter between the actors and the outside systems.
func (c *counter) instrument(cfg *actors.Config, parts *actors.Parts) {
	cfg.Counters = &c.actors
	c.store = parts.Store
	parts.Store = countedStore{parts.Store, &c.commits}
	parts.Producer = countedProducer{parts.Producer, &c.produces}
	parts.Consumer = countedConsumer{parts.Consumer, &c.fetches}
}

func (c *counter) read() counts {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out := counts{
		Fetches: c.fetches.Load(), Produces: c.produces.Load(), Commits: c.commits.Load(),
		Allocs: int64(m.Mallocs), AllocBytes: int64(m.TotalAlloc), Counts: c.actors.Read(),
	}
	if s, ok := c.store.(interface{ Syncs() int64 }); ok { // the embedded store
		out.Syncs = s.Syncs()
	}
	return out
}

type countedStore struct {
	actors.Store
	commits *atomic.Int64
}

// Commit implements actors.Store.
func (s countedStore) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	s.commits.Add(1)
	return s.Store.Commit(ctx, term, b)
}

type countedProducer struct {
	actors.Producer
	requests *atomic.Int64
}

// Produce implements actors.Producer.
func (p countedProducer) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	p.requests.Add(1)
	return p.Producer.Produce(ctx, records)
}

type countedConsumer struct {
	actors.Consumer
	requests *atomic.Int64
}

// Fetch implements actors.Consumer.
func (c countedConsumer) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	c.requests.Add(1)
	return c.Consumer.Fetch(ctx, from, wait)
}

// count asks the counted master for its counts; they are zero for another master.
func (m *master) count() (c counts, err error) {
	if m.counts == nil {
		return c, nil
	}
	if _, err := io.WriteString(m.stdin, "\n"); err != nil {
		return c, fmt.Errorf("ask the master for its counts: %w", err)
	}
	if err := m.counts.Decode(&c); err != nil {
		return c, fmt.Errorf("read the counts of the master: %w", err)
	}
	return c, nil
}

// fillCounts writes what was counted between two readings into the result, for each chunk.
func (r *result) fillCounts(from, to counts) {
	each := func(a, b int64) float64 { return float64(b-a) / float64(r.Chunks) }
	r.Fetches, r.Produces = each(from.Fetches, to.Fetches), each(from.Produces, to.Produces)
	r.Commits, r.Syncs = each(from.Commits, to.Commits), each(from.Syncs, to.Syncs)
	r.Timers, r.Goroutines = each(from.Timers, to.Timers), each(from.Goroutines, to.Goroutines)
	r.Allocs, r.AllocBytes = each(from.Allocs, to.Allocs), each(from.AllocBytes, to.AllocBytes)
	r.Kinds = map[string]float64{}
	for kind, n := range to.Messages {
		if n := each(from.Messages[kind], n); n >= 0.005 {
			r.Kinds[kind] = n
		}
		r.Messages += each(from.Messages[kind], n)
	}
}
