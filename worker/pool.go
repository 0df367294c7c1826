package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kafka-master/messages"
)

// pool runs the workers of one process. They share the reader, the outboxes and the
// time of their heartbeats.
type pool struct {
	cfg        Config // of every worker, without id and partition
	log        *slog.Logger
	reader     *reader
	signals    *outbox
	connection *outbox
	workers    []*session
}

// run is RunMany on a given bus. The configuration must be valid and have its
// defaults.
func run(ctx context.Context, cfg Config, members []Member, b bus, handler Handler) error {
	p := &pool{cfg: cfg, log: cfg.Logger.With("workers", len(members))}
	if len(members) == 1 {
		p.log = cfg.Logger.With("worker_id", members[0].ID)
	}
	p.reader = newReader(b, cfg.ChunkTopic, len(members), p.log)
	p.signals = newOutbox(b, cfg.SignalTopic, p.log)
	p.connection = newOutbox(b, cfg.ConnectionTopic, p.log)
	checkResults := sync.OnceValue(cfg.Results.Check) // all workers have the same folder
	for _, m := range members {
		p.workers = append(p.workers, p.newSession(m, len(members) == 1, handler, checkResults))
	}
	return p.live(ctx)
}

func (p *pool) newSession(m Member, alone bool, handler Handler, checkResults func() error) *session {
	cfg := p.cfg
	cfg.ID, cfg.Partition = m.ID, m.Partition
	w := &session{
		cfg: cfg, handler: handler, log: cfg.Logger.With("worker_id", m.ID), checkResults: checkResults,
		alone: alone, desk: newDesk(cfg.Capacity), onRoom: p.reader.wake,
		inbox: inbox{limit: cfg.Capacity + queueLimit(cfg.Capacity), readTo: messages.UnknownOffset},
		self: messages.Signal{
			Worker: messages.WorkerID(m.ID), Protocol: protocol,
			Incarnation: newIncarnation(), Capacity: cfg.Capacity, Version: cfg.Version, Recalls: true, Next: messages.UnknownOffset,
		},
	}
	w.signals = p.signals.sender(m.ID, func(m message) {
		if m.final {
			w.desk.acknowledged(m.key)
		}
	})
	w.connection = p.connection.sender(m.ID, func(message) {})
	return w
}

// group is a set of goroutines whose errors go to onError.
type group struct {
	running sync.WaitGroup
	onError func(error)
}

func (g *group) spawn(f func() error) {
	g.running.Go(func() {
		if err := f(); err != nil {
			g.onError(err)
		}
	})
}

// live runs the workers until ctx ends, or until Kafka refuses them, which is the
// error it returns. The order of a stop is: reading, workers, senders.
func (p *pool) live(ctx context.Context) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	reading, stopReading := context.WithCancel(life)
	defer stopReading()
	defer context.AfterFunc(ctx, stopReading)()
	senders, lanes := group{onError: end}, group{onError: end}
	p.signals.run(life, senders.spawn)
	p.connection.run(life, senders.spawn)
	p.reader.run(reading, lanes.spawn)

	var workers sync.WaitGroup
	read := make(chan struct{}) // closed when nothing more is read
	startHeartbeats := sync.OnceFunc(func() { senders.spawn(func() error { p.heartbeats(life); return nil }) })
	err := p.placeAll(reading, func(w *session) {
		w.reading = reading
		startHeartbeats()
		workers.Go(func() { w.live(life, read) })
	})
	if err != nil {
		end(err)
	}
	<-reading.Done()
	lanes.running.Wait()
	close(read)
	workers.Wait()
	end(nil)
	senders.running.Wait()
	if err := context.Cause(life); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", p.name(), err)
	}
	return nil
}

func (p *pool) name() string {
	if len(p.workers) == 1 {
		return "worker " + p.workers[0].cfg.ID
	}
	return fmt.Sprintf("workers %s and %d more", p.workers[0].cfg.ID, len(p.workers)-1)
}

// placeAll waits until the partition of each worker exists and then starts the
// worker. It returns an error when Kafka refuses the process.
func (p *pool) placeAll(ctx context.Context, start func(*session)) error {
	retry := newRetrier(p.log, "looking for topic "+p.cfg.ChunkTopic)
	for waiting := slices.Clone(p.workers); len(waiting) > 0; {
		placed, err := p.reader.place(ctx, waiting)
		started := make(map[*session]bool, len(placed))
		for _, w := range placed {
			started[w] = true
			start(w)
		}
		waiting = slices.DeleteFunc(waiting, func(w *session) bool { return started[w] })
		switch {
		case err == nil:
			retry.succeeded()
		case errors.Is(err, messages.ErrRefused):
			return fmt.Errorf("topic %s: %w", p.cfg.ChunkTopic, err)
		case !retry.pauseAfter(ctx, err):
			return nil
		}
	}
	return nil
}

// heartbeats sends the heartbeats of all workers at the same time, so that they
// share requests.
func (p *pool) heartbeats(ctx context.Context) {
	tick := time.NewTicker(p.cfg.HeartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p.connection.batch(func() {
			for _, w := range p.workers {
				w.heartbeat()
			}
		})
	}
}
