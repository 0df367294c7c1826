package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kafka-master/messages"
)

// pool is what the workers of one process share: the connections, what reads
// their partitions, what sends their messages, and the clock of their heartbeats.
type pool struct {
	cfg        Config // of each worker, but for its id and partition
	log        *slog.Logger
	reader     *reader
	signals    *outbox
	connection *outbox
	workers    []*session
}

// run is RunMany on a given bus, with a valid configuration that has its defaults.
func run(ctx context.Context, cfg Config, members []Member, b bus, handler Handler) error {
	p := &pool{cfg: cfg, log: cfg.Logger.With("workers", len(members))}
	if len(members) == 1 {
		p.log = cfg.Logger.With("worker_id", members[0].ID)
	}
	p.reader = newReader(b, cfg.ChunkTopic, len(members), p.log)
	p.signals = newOutbox(b, cfg.SignalTopic, p.log)
	p.connection = newOutbox(b, cfg.ConnectionTopic, p.log)
	// One look at the results folder is enough for all.
	check := sync.OnceValue(cfg.Results.Check)
	for _, m := range members {
		p.workers = append(p.workers, p.newSession(m, len(members) == 1, handler, check))
	}
	return p.live(ctx)
}

func (p *pool) newSession(m Member, alone bool, handler Handler, check func() error) *session {
	cfg := p.cfg
	cfg.ID, cfg.Partition = m.ID, m.Partition
	w := &session{
		cfg: cfg, handler: handler, log: cfg.Logger.With("worker_id", m.ID), checkResults: check,
		alone: alone, desk: newDesk(cfg.Capacity), onRoom: p.reader.wake,
		inbox: inbox{limit: cfg.Capacity + queueLimit(cfg.Capacity), readTo: messages.UnknownOffset},
		self: messages.Signal{
			Worker: messages.WorkerID(m.ID), Protocol: protocol,
			Incarnation: newIncarnation(), Capacity: cfg.Capacity, Version: cfg.Version, Next: messages.UnknownOffset,
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

// live runs the workers until ctx ends or Kafka refuses them, which is returned.
func (p *pool) live(ctx context.Context) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	reading, stopReading := context.WithCancel(life)
	defer stopReading()
	defer context.AfterFunc(ctx, stopReading)()
	var lanes, senders, workers sync.WaitGroup
	in := func(group *sync.WaitGroup) func(func() error) {
		return func(f func() error) {
			group.Go(func() {
				if err := f(); err != nil {
					end(err)
				}
			})
		}
	}
	p.signals.run(life, in(&senders))
	p.connection.run(life, in(&senders))
	p.reader.run(reading, in(&lanes))

	read := make(chan struct{}) // closed when nothing is read any more
	begin := sync.OnceFunc(func() { in(&senders)(func() error { p.heartbeats(life); return nil }) })
	err := p.placeAll(reading, func(w *session) {
		w.reading = reading
		begin()
		workers.Go(func() { w.live(life, read) })
	})
	if err != nil {
		end(err)
	}
	<-reading.Done()
	lanes.Wait()
	close(read)
	workers.Wait()
	end(nil)
	senders.Wait()
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

// seat finds the partitions of the workers, however long it takes until they are
// there, and begins each worker that has its own. It fails when Kafka refuses it.
func (p *pool) placeAll(ctx context.Context, begin func(*session)) error {
	retry := newRetrier(p.log, "looking for topic "+p.cfg.ChunkTopic)
	for waiting := p.workers; len(waiting) > 0; {
		placed, err := p.reader.place(ctx, waiting)
		has := make(map[*session]bool, len(placed))
		for _, w := range placed {
			has[w] = true
			begin(w)
		}
		var rest []*session
		for _, w := range waiting {
			if !has[w] {
				rest = append(rest, w)
			}
		}
		waiting = rest
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

// heartbeats lets all workers speak at one time, so that what they say travels
// together.
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
