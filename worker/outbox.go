package worker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kafka-master/infra/failpoint"
	"kafka-master/messages"
)

const (
	// outboxLimit is the number of waiting messages at which a worker accepts no more
	// chunks.
	outboxLimit = 1024
	// batchBytes bounds the values for one partition in one request. The whole batch
	// must stay below the broker's limit.
	batchBytes = 256 << 10
	// requestBytes is the size at which a request gets no further partition.
	requestBytes   = 2 << 20
	produceTimeout = 10 * time.Second
	// unplaced stands for a partition that is not chosen yet.
	unplaced = -1
)

// message is one record to be sent. At most one message per worker and key waits: a
// newer one replaces it.
type message struct {
	key   string
	value []byte
	final bool // final message about a chunk, which no progress message replaces
	from  *sender
}

// partitionQueue holds the messages that wait for one partition.
type partitionQueue struct {
	waiting []*message
	busy    bool // a request with messages of this queue is in flight
	// uncertain is set when the partition may not exist: the last request failed, or
	// the partition is not chosen yet.
	uncertain bool
}

// outbox sends the messages of all workers of a process to one topic. Each broker has
// at most one request in flight; messages that arrive meanwhile go into the next one.
// A message that Kafka has not certainly taken is sent again, so it may arrive twice.
type outbox struct {
	bus   bus
	topic string
	log   *slog.Logger

	mu        sync.Mutex
	paused    bool                      // no requests are started
	queues    map[int32]*partitionQueue // by partition
	lanes     map[int32]bool            // by leader
	changed   chan struct{}             // closed at every change
	attention chan struct{}             // closed at a change that needs a new lane or another partition
}

func newOutbox(b bus, topic string, log *slog.Logger) *outbox {
	return &outbox{
		bus: b, topic: topic, log: log, queues: map[int32]*partitionQueue{}, lanes: map[int32]bool{},
		changed: make(chan struct{}), attention: make(chan struct{}),
	}
}

// sender returns a worker's part of the outbox.
func (o *outbox) sender(id string, acked func(message)) *sender {
	return &sender{box: o, id: id, acked: acked, partition: unplaced}
}

// queue returns the queue of a partition. The outbox is locked.
func (o *outbox) queue(partition int32) *partitionQueue {
	q := o.queues[partition]
	if q == nil {
		q = &partitionQueue{uncertain: partition == unplaced}
		o.queues[partition] = q
	}
	return q
}

func (o *outbox) announceChange() {
	close(o.changed)
	o.changed = make(chan struct{})
	if o.needsLocating() || len(o.missingLanes()) > 0 {
		close(o.attention)
		o.attention = make(chan struct{})
	}
}

// batch starts no requests while put runs, so that the messages queued by put share
// requests.
func (o *outbox) batch(put func()) {
	o.setPaused(true)
	put()
	o.setPaused(false)
}

func (o *outbox) setPaused(paused bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paused = paused
	o.announceChange()
}

// await blocks until holds returns true. It returns false when ctx ended first.
func (o *outbox) await(ctx context.Context, holds func() bool) bool {
	return o.awaitOn(ctx, &o.changed, holds)
}

func (o *outbox) awaitOn(ctx context.Context, on *chan struct{}, holds func() bool) bool {
	for {
		o.mu.Lock()
		ok, changed := holds(), *on
		o.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// run sends until ctx ends. spawn runs one goroutine; an error of its function means
// that Kafka refuses the process.
func (o *outbox) run(ctx context.Context, spawn func(func() error)) {
	spawn(func() error { o.locatePartitions(ctx); return nil })
	spawn(func() error {
		var missing []int32
		for o.awaitOn(ctx, &o.attention, func() bool { missing = o.claimLanes(); return len(missing) > 0 }) {
			for _, leader := range missing {
				spawn(func() error { return o.lane(ctx, leader) })
			}
		}
		return nil
	})
}

// claimLanes returns the missing lanes and marks them as running. The outbox is
// locked.
func (o *outbox) claimLanes() []int32 {
	missing := o.missingLanes()
	for _, leader := range missing {
		o.lanes[leader] = true
	}
	return missing
}

// missingLanes returns the leaders for which messages wait and no lane runs. The
// outbox is locked.
func (o *outbox) missingLanes() (missing []int32) {
	for p, q := range o.queues {
		if len(q.waiting) == 0 || q.uncertain {
			continue
		}
		if leader := o.bus.Leader(o.topic, p); !o.lanes[leader] && !slices.Contains(missing, leader) {
			missing = append(missing, leader)
		}
	}
	return missing
}

// lane sends the messages for the partitions of one leader.
func (o *outbox) lane(ctx context.Context, leader int32) error {
	retry := newRetrier(o.log, "sending to "+o.topic)
	var batch []*message
	for o.await(ctx, func() bool { batch = o.nextBatch(leader); return len(batch) > 0 }) {
		err := o.send(ctx, batch)
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

// nextBatch removes the oldest messages for the leader's partitions from their queues,
// as many as fit into one request. While the leader is unknown, a request has messages
// of one partition only. The outbox is locked.
func (o *outbox) nextBatch(leader int32) (batch []*message) {
	if o.paused {
		return nil
	}
	total := 0
	for p, q := range o.queues {
		if q.busy || q.uncertain || len(q.waiting) == 0 || o.bus.Leader(o.topic, p) != leader {
			continue
		}
		n, size := 0, 0
		for n < len(q.waiting) && (n == 0 || size+len(q.waiting[n].value) <= batchBytes) {
			m := q.waiting[n]
			size += len(m.value)
			m.from.removeWaiting(m)
			m.from.inFlight++
			batch = append(batch, m)
			n++
		}
		q.waiting = q.waiting[n:]
		q.busy = true
		if total += size; total >= requestBytes || leader == messages.NoLeader {
			break
		}
	}
	return batch
}

// send makes one request. Messages that Kafka did not take go back into their queues.
func (o *outbox) send(ctx context.Context, batch []*message) error {
	records := make([]messages.Record, len(batch))
	for i, m := range batch {
		records[i] = messages.Record{Topic: o.topic, Partition: m.from.partition, Key: []byte(m.from.id), Value: m.value}
	}
	limited, cancel := context.WithTimeout(ctx, produceTimeout)
	defer cancel()
	failpoint.Pass("before a worker's message")
	outcomes := o.bus.Produce(limited, records)
	failpoint.Pass("after a worker's message")
	taken, err := o.takenOf(batch, outcomes)
	for i, m := range batch {
		if taken[i] {
			m.from.acked(*m)
		}
	}
	o.recordOutcomes(batch, taken)
	return err
}

// takenOf returns which messages need not be sent again, and the error of the others:
// a refusal if there is one, else the first error.
func (o *outbox) takenOf(batch []*message, outcomes []messages.Produced) (taken []bool, err error) {
	taken = make([]bool, len(batch))
	for i, p := range outcomes {
		switch {
		case p.Err == nil:
			taken[i] = true
		case errors.Is(p.Err, messages.ErrTooLarge):
			// Kafka would never take it, and it must not block the others.
			o.log.Error("message dropped", "topic", o.topic, "bytes", len(batch[i].value), "err", p.Err)
			taken[i] = true
		case err == nil || errors.Is(p.Err, messages.ErrRefused):
			err = p.Err
		}
	}
	return taken, err
}

// recordOutcomes ends a request: it puts messages that were not taken back into their
// queues, unless a newer message with the same key waits there.
func (o *outbox) recordOutcomes(batch []*message, taken []bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	returned := map[int32][]*message{}
	for i, m := range batch {
		m.from.inFlight--
		p := m.from.partition
		kept := returned[p]
		if newer := m.from.byKey[m.key]; taken[i] {
			m.from.confirmed = true
		} else if newer == nil {
			kept = append(kept, m)
			m.from.addWaiting(m)
		} else if m.final && !newer.final {
			newer.value, newer.final = m.value, true
		}
		if returned[p] = kept; !taken[i] {
			o.queues[p].uncertain = true
		}
	}
	for p, kept := range returned {
		q := o.queues[p]
		q.busy = false
		q.waiting = append(kept, q.waiting...)
	}
	o.announceChange()
}

// locatePartitions finds the partitions that the workers' keys belong to, and checks
// them again after each failure: a confirmed partition is left only when the topic was
// created again without it.
func (o *outbox) locatePartitions(ctx context.Context) {
	for o.awaitOn(ctx, &o.attention, o.needsLocating) {
		limited, cancel := context.WithTimeout(ctx, produceTimeout)
		n, err := o.bus.Partitions(limited, o.topic)
		cancel()
		if err != nil {
			n = 0
		}
		o.redistribute(n)
	}
}

// needsLocating reports whether messages wait for an uncertain partition. The outbox
// is locked.
func (o *outbox) needsLocating() bool {
	for _, q := range o.queues {
		if q.uncertain && !q.busy && len(q.waiting) > 0 {
			return true
		}
	}
	return false
}

// redistribute moves the messages of uncertain partitions to the partitions of a topic
// that has n of them. n is 0 when the number is unknown.
func (o *outbox) redistribute(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var loose []*message
	for p, q := range o.queues {
		if q.uncertain && !q.busy {
			loose = slices.Concat(loose, q.waiting)
			q.waiting, q.uncertain = nil, p == unplaced
		}
	}
	for _, m := range loose {
		m.from.choosePartition(n)
		q := o.queue(m.from.partition)
		q.waiting = append(q.waiting, m)
	}
	o.announceChange()
}
