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

const (
	// pollWait is how long the fetch of a worker that is alone in its process waits
	// at the broker for the next record.
	pollWait = 5 * time.Second
	// sharedWait is the same for several workers, and for a lane without partitions.
	// It is short because a worker that joins, has room again or has a new leader must
	// wait for the request in flight.
	sharedWait = 500 * time.Millisecond
	// partitionCheckInterval is the time between two checks whether all partitions
	// still exist. A partition that is gone would never bring a record, and a check
	// costs one small request.
	partitionCheckInterval = time.Minute
	// partitionRecheckInterval is the same after a failed request.
	partitionRecheckInterval = 2 * time.Second
	partitionCheckTimeout    = 10 * time.Second
)

// reader reads the partitions of all workers of a process. Each broker that leads
// some of them has a lane: a goroutine that reads all of these in one request.
type reader struct {
	topic string
	bus   bus
	log   *slog.Logger
	wait  time.Duration      // how long a fetch waits at the broker
	start func(leader int32) // starts a lane, nil before run

	mu        sync.Mutex
	streams   map[int32]*stream // by partition
	lanes     map[int32]bool    // by leader
	changed   chan struct{}     // closed when a stream was added or may be read again
	checkedAt time.Time         // time of the last check of the partitions
	retry     *retrier          // logs partitions that cannot be read
}

func newReader(b bus, topic string, workers int, log *slog.Logger) *reader {
	wait := sharedWait
	if workers == 1 {
		wait = pollWait
	}
	return &reader{
		topic: topic, bus: b, wait: wait, log: log, checkedAt: time.Now(), retry: newRetrier(log, "reading "+topic),
		streams: map[int32]*stream{}, lanes: map[int32]bool{}, changed: make(chan struct{}),
	}
}

// run reads until ctx ends. spawn runs a lane; an error of the lane means that Kafka
// refuses the process.
func (r *reader) run(ctx context.Context, spawn func(lane func() error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start = func(leader int32) {
		spawn(func() error { return r.lane(ctx, leader) })
	}
	r.startLanes()
}

// startLanes starts the missing lanes. The reader is locked.
func (r *reader) startLanes() {
	for _, s := range r.streams {
		if leader := r.bus.Leader(r.topic, s.partition); r.start != nil && !r.lanes[leader] {
			r.lanes[leader] = true
			r.start(leader)
		}
	}
}

func (r *reader) announceChange() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// wake makes the lanes pick their streams again, after a worker got room.
func (r *reader) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announceChange()
}

// lane reads the partitions of one leader. A partition whose leader is unknown is read
// in a request of its own, so that its error does not affect others.
func (r *reader) lane(ctx context.Context, leader int32) error {
	retry := newRetrier(r.log, "reading "+r.topic)
	for ctx.Err() == nil {
		batch, wait, changed := r.pick(leader)
		if len(batch) == 0 {
			waitForChange(ctx, wait, changed)
			continue
		}
		err := r.fetch(ctx, batch, wait)
		r.release(batch)
		if moved := r.checkPartitions(ctx, err != nil || r.anyFailing(batch)); moved {
			continue
		}
		switch {
		case err == nil:
			retry.succeeded()
		case errors.Is(err, messages.ErrRefused):
			return err
		case !retry.pauseAfter(ctx, err):
			return nil
		}
	}
	return nil
}

// waitForChange waits until changed is closed, ctx ends or the time is over.
func waitForChange(ctx context.Context, wait time.Duration, changed <-chan struct{}) {
	limit := time.NewTimer(wait)
	defer limit.Stop()
	select {
	case <-changed:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// pick reserves the streams that the lane may read now. wait is how long the lane has
// to wait: for records at the broker, or for a stream if there is none.
func (r *reader) pick(leader int32) (batch []*stream, wait time.Duration, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.startLanes()
	now := time.Now()
	wait = r.wait
	for _, s := range r.streams {
		if s.busy || r.bus.Leader(r.topic, s.partition) != leader {
			continue
		}
		if left := s.pausedUntil.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if s.room() {
			batch = append(batch, s)
		}
	}
	if len(batch) == 0 {
		wait = min(wait, sharedWait)
	}
	if leader == messages.NoLeader && len(batch) > 1 {
		batch = []*stream{longestUnread(batch)}
	}
	for _, s := range batch {
		s.busy, s.fetchedAt = true, now
	}
	return batch, wait, r.changed
}

func longestUnread(batch []*stream) *stream {
	return slices.MinFunc(batch, func(a, b *stream) int { return a.fetchedAt.Compare(b.fetchedAt) })
}

// release makes the streams available to other lanes.
func (r *reader) release(batch []*stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range batch {
		s.busy = false
	}
}

// fetch makes one request and delivers the records. It returns the error of the whole
// request. An error of one of several partitions only delays that partition, unless
// Kafka refuses the process.
func (r *reader) fetch(ctx context.Context, batch []*stream, wait time.Duration) error {
	from, of := make([]messages.Position, len(batch)), make(map[int32]*stream, len(batch))
	for i, s := range batch {
		from[i], of[s.partition] = s.position(r.topic), s
	}
	answers, err := r.bus.Fetch(ctx, from, wait)
	if len(batch) == 1 && err != nil {
		return r.recordResult(ctx, batch[0], err)
	}
	if err != nil {
		return err
	}
	failed := map[int32]error{}
	for _, a := range answers {
		failed[a.Partition] = a.Err
		if s := of[a.Partition]; s != nil {
			r.deliver(s, a)
		}
	}
	for _, s := range batch {
		err = errors.Join(err, r.recordResult(ctx, s, failed[s.partition]))
	}
	return err
}

// recordResult records the result of reading one partition. It returns err only when
// Kafka refuses the process.
func (r *reader) recordResult(ctx context.Context, s *stream, err error) error {
	if errors.Is(err, messages.ErrOffsetOutOfRange) {
		err = r.clamp(ctx, s)
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, messages.ErrRefused):
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch was := s.failing; {
	case err != nil:
		s.failing = true
		r.retry.logCause(err)
		s.pausedUntil = time.Now().Add(s.backOff.NextBackOff())
	case was:
		s.failing = false
		s.backOff.Reset()
		r.logRecovery()
	}
	return nil
}

// logRecovery logs that reading works again unless some partition still fails. The
// reader is locked.
func (r *reader) logRecovery() {
	for _, s := range r.streams {
		if s.failing {
			return
		}
	}
	r.retry.succeeded()
}

// anyFailing reports whether the last read of one of the streams failed.
func (r *reader) anyFailing(batch []*stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(batch, func(s *stream) bool { return s.failing })
}

// deliver passes the records of one partition to the workers that they may be for.
func (r *reader) deliver(s *stream, a messages.Fetched) {
	if a.Skipped > 0 {
		r.log.Warn("unreadable chunk messages skipped", "topic", a.Topic, "partition", a.Partition, "next", a.Offset, "err", a.Reason)
	}
	r.mu.Lock()
	members, next := s.members, s.next
	r.mu.Unlock()
	for _, record := range a.Records {
		if record.Offset < next {
			continue
		}
		for _, m := range addressees(members, record.Value) {
			m.enqueue(record, len(members) > 1)
		}
		next = record.Offset + 1
	}
	next = max(next, a.Offset)
	r.mu.Lock()
	s.next = next
	r.mu.Unlock()
	for _, m := range members {
		if m.alone {
			m.catchUp()
		}
		m.readUpTo(next)
	}
}

// clamp replaces an offset that the partition does not have by the nearest one that
// it has. The offset is gone because its records were deleted or the topic was created
// again. The next heartbeats show the master what the worker missed.
func (r *reader) clamp(ctx context.Context, s *stream) error {
	start, end, err := r.bus.Bounds(ctx, r.topic, s.partition)
	if err != nil {
		return err
	}
	next := min(max(s.next, start), end)
	if next == s.next { // the broker contradicts itself, so pause
		return fmt.Errorf("%w: offset %d", messages.ErrOffsetOutOfRange, next)
	}
	r.log.Warn("offset is out of range, continuing at the nearest one", "topic", r.topic, "partition", s.partition,
		"offset", s.next, "next", next)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.next = next
	for _, m := range s.members {
		m.moveTo(messages.Position{Topic: r.topic, Partition: s.partition, Offset: next}, false)
	}
	return nil
}
