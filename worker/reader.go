package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kafka-master/messages"
)

const (
	// pollWait is how long a fetch waits at the broker for the next record.
	pollWait = 5 * time.Second
	// How often the worker looks whether its partition is still there: it costs one
	// small request, and a partition that is gone brings nothing for ever.
	lookEvery     = time.Minute
	lookInTrouble = 2 * time.Second
	lookLimit     = 10 * time.Second
)

// locate finds the worker's partition and its end offset, however long it takes
// until there is one. It fails when Kafka refuses the worker or ctx ends.
func locate(ctx context.Context, cfg Config, b bus, log *slog.Logger) (messages.Position, error) {
	calm := newPatience(log, "looking for topic "+cfg.ChunkTopic)
	for {
		place, err := ask(ctx, cfg, b)
		if err == nil {
			calm.worked()
			return place, nil
		}
		if errors.Is(err, messages.ErrRefused) || !calm.failed(ctx, err) {
			return messages.Position{}, fmt.Errorf("worker %s: topic %s: %w", cfg.ID, cfg.ChunkTopic, err)
		}
	}
}

func ask(ctx context.Context, cfg Config, b bus) (messages.Position, error) {
	n, err := b.Partitions(ctx, cfg.ChunkTopic)
	if err != nil {
		return messages.Position{}, err
	}
	p := PartitionOf(cfg.ID, n)
	if cfg.Partition != nil {
		p = int32(*cfg.Partition)
	}
	if int(p) >= n {
		return messages.Position{}, fmt.Errorf("%w: partition %d of %d", errNoPartition, p, n)
	}
	_, end, err := b.Bounds(ctx, cfg.ChunkTopic, p)
	return messages.Position{Topic: cfg.ChunkTopic, Partition: p, Offset: end}, err
}

// read reads the partition from place on until ctx ends or Kafka refuses it. A
// partition that the topic gets later does not move the worker; one that is not
// there any more, since the topic was made again, does.
func (w *session) read(ctx context.Context, place messages.Position) error {
	calm := newPatience(w.log, "reading "+place.Topic)
	looked := time.Now()
	for ctx.Err() == nil {
		next, err := w.fetch(ctx, place)
		place.Offset = next
		if errors.Is(err, messages.ErrOffsetOutOfRange) {
			place.Offset, err = w.clamp(ctx, place)
		}
		if since := time.Since(looked); since >= lookEvery || err != nil && since >= lookInTrouble {
			looked = time.Now()
			if moved, ok := w.relocate(ctx, place); ok {
				place = moved
				continue
			}
		}
		switch {
		case err == nil:
			calm.worked()
		case errors.Is(err, messages.ErrRefused):
			return err
		case !calm.failed(ctx, err):
			return nil
		}
	}
	return nil
}

// relocate looks whether the topic still has the worker's partition. Where it has
// fewer than it had, the worker announces itself again with one that is there and
// goes on at its end.
func (w *session) relocate(ctx context.Context, place messages.Position) (messages.Position, bool) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	n, err := w.bus.Partitions(ctx, place.Topic)
	if err != nil || int(place.Partition) < n {
		return place, false
	}
	moved, err := ask(ctx, w.cfg, w.bus)
	if err != nil { // also while WORKER_PARTITION names one that is not there
		return place, false
	}
	w.log.Warn("the topic was made again with fewer partitions, going on at another one", "topic", place.Topic,
		"partition", place.Partition, "next_partition", moved.Partition, "offset", moved.Offset)
	w.desk.readFrom(moved.Partition, moved.Offset)
	w.say(messages.SignalAnnounce)
	w.beatNow()
	return moved, true
}

// fetch makes one request and returns the offset to go on from.
func (w *session) fetch(ctx context.Context, place messages.Position) (int64, error) {
	answers, err := w.bus.Fetch(ctx, []messages.Position{place}, pollWait)
	if err != nil {
		return place.Offset, err
	}
	next := place.Offset
	for _, a := range answers {
		if a.Topic != place.Topic || a.Partition != place.Partition {
			continue
		}
		if a.Skipped > 0 {
			w.log.Warn("chunk messages cannot be read and were skipped", "topic", a.Topic, "partition", a.Partition, "next", a.Offset, "err", a.Reason)
		}
		for _, r := range a.Records {
			if r.Offset < next {
				continue
			}
			if !w.accept(ctx, r) {
				return next, ctx.Err()
			}
			next = r.Offset + 1
		}
		if a.Err != nil {
			return next, a.Err
		}
		if a.Offset > next {
			next = a.Offset
			w.desk.moveTo(next)
		}
	}
	return next, nil
}

// accept deals with one record. It is false when ctx ended first.
func (w *session) accept(ctx context.Context, r messages.Received) bool {
	chunk, ok := w.decode(r)
	if !ok {
		w.desk.moveTo(r.Offset + 1)
		return true
	}
	if !w.signals.room(ctx) {
		return false
	}
	if err := w.foreign(chunk.Deployment); err != nil {
		w.refuse(chunk, r.Offset, err)
		return true
	}
	v := w.desk.take(chunk, r.Offset)
	if v.final && v.answer.Outcome == messages.OutcomeOK && !w.kept(chunk) {
		w.log.Warn("the result of a chunk that was done is gone, it runs again", "batch_id", chunk.BatchID)
		w.desk.forget(chunk.BatchID)
		v = w.desk.take(chunk, r.Offset)
	}
	switch {
	case v.start != nil:
		w.begin(v.start)
	case v.answer != nil:
		w.signal(*v.answer, v.final)
	case v.stale:
		w.log.Warn("chunk of a former leader dropped", "batch_id", chunk.BatchID, "attempt", chunk.Attempt, "term", chunk.Term)
	}
	return true
}

// foreign returns why a chunk of the deployment is not for this worker, nil when
// it is.
func (w *session) foreign(deployment string) error {
	if w.cfg.Deployment == nil || deployment == "" {
		return nil
	}
	own := w.cfg.Deployment()
	if own == "" || own == deployment {
		return nil
	}
	return fmt.Errorf("the chunks at %s are of deployment %.64q, this worker serves %q: set KAFKA_BROKER_ADDRESS to the broker of its own master, or --deployment %.64s",
		strings.Join(w.cfg.Brokers, ","), deployment, own, deployment)
}

// refuse gives back a chunk of another deployment, and rests until the worker
// belongs there.
func (w *session) refuse(c Chunk, offset int64, why error) {
	w.desk.moveTo(offset + 1)
	w.signal(resultOf(c, 0, messages.OutcomeRetry, why.Error()), true)
	w.rest(&unfitError{cause: why, try: func(context.Context) error { return w.foreign(c.Deployment) }})
}

// kept reports whether the result of a chunk that was done is still there.
func (w *session) kept(c Chunk) bool {
	return w.cfg.Results.Dir == "" || w.cfg.Results.has(c)
}

// decode reads a record; ok is false for records that are not for this worker.
func (w *session) decode(r messages.Received) (c Chunk, ok bool) {
	if !mentions(r.Value, w.cfg.ID) {
		return Chunk{}, false
	}
	m, err := messages.DecodeChunk(r.Value)
	if err == nil && m.ID != w.cfg.ID {
		return Chunk{}, false
	}
	if err == nil && m.Incarnation != "" && m.Incarnation != w.self.Incarnation.String() {
		w.log.Debug("chunk for another process under this worker's id skipped", "batch_id", m.BatchID, "incarnation", m.Incarnation)
		return Chunk{}, false
	}
	if err == nil && (m.BatchID == "" || len(m.BatchID) > messages.MaxBatchID) {
		err = fmt.Errorf("chunk message: batchId has %d bytes, allowed 1 to %d", len(m.BatchID), messages.MaxBatchID)
	}
	if err != nil {
		w.log.Warn("bad chunk message dropped", "offset", r.Offset, "err", err)
		return Chunk{}, false
	}
	return newChunk(m), true
}

// mentions reports whether a record may be for the worker id. Most records of a
// shared partition are for others and must cost next to nothing. Ids that JSON
// can spell in several ways are looked for by decoding.
func mentions(value []byte, id string) bool {
	for i := range len(id) {
		if id[i] >= 0x7f || strings.IndexByte(`"\<>&/`, id[i]) >= 0 {
			return true
		}
	}
	name, err := json.Marshal(id)
	return err != nil || bytes.Contains(value, name)
}

// clamp answers an offset that the partition does not have, since its records
// were deleted or its topic was made anew, with the nearest one that it has.
// What was missed shows in the next heartbeat.
func (w *session) clamp(ctx context.Context, place messages.Position) (int64, error) {
	start, end, err := w.bus.Bounds(ctx, place.Topic, place.Partition)
	if err != nil {
		return place.Offset, err
	}
	next := min(max(place.Offset, start), end)
	if next == place.Offset { // the broker contradicts itself: pause
		return next, fmt.Errorf("%w: offset %d", messages.ErrOffsetOutOfRange, next)
	}
	w.log.Warn("offset is out of range, going on at the nearest one", "topic", place.Topic, "partition", place.Partition,
		"offset", place.Offset, "next", next)
	w.desk.moveTo(next)
	w.beatNow()
	return next, nil
}
