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
	outboxLimit    = 1024      // waiting messages of a worker from which on it takes nothing new
	batchBytes     = 256 << 10 // values for one partition in a request; a whole batch must fit the broker's limit
	requestBytes   = 2 << 20   // from which on a request takes no further partition
	produceTimeout = 10 * time.Second
	unplaced       = -1 // no partition yet
)

// message is one record to be sent. There is at most one waiting per worker and
// key: a newer one takes the older one's place.
type message struct {
	key   string
	value []byte
	final bool // a chunk's last word; a mere progress never replaces it
	from  *sender
}

// tray is what waits for one partition.
type partitionQueue struct {
	waiting []*message
	busy    bool // a request with some of its messages is in flight
	// doubtful is set when the last request failed, or none is possible yet: is the
	// partition there?
	uncertain bool
}

// outbox sends the messages of all workers of a process to one topic, with one
// request in flight for each broker; what becomes ready meanwhile goes into the
// next one. What Kafka did not take for sure is sent again, so a message may
// arrive twice.
type outbox struct {
	bus   bus
	topic string
	log   *slog.Logger

	mu        sync.Mutex
	paused    bool                      // nothing is sent now
	queues    map[int32]*partitionQueue // by partition
	lanes     map[int32]bool            // by leader
	changed   chan struct{}             // closed at every change
	attention chan struct{}             // closed at those that more than the lanes have to do with
}

func newOutbox(b bus, topic string, log *slog.Logger) *outbox {
	return &outbox{bus: b, topic: topic, log: log, queues: map[int32]*partitionQueue{}, lanes: map[int32]bool{}, changed: make(chan struct{}), attention: make(chan struct{})}
}

// sender returns a worker's part of the outbox.
func (o *outbox) sender(id string, acked func(message)) *sender {
	return &sender{box: o, id: id, acked: acked, partition: unplaced}
}

// tray returns the partition's tray. The outbox is locked.
func (o *outbox) queue(partition int32) *partitionQueue {
	t := o.queues[partition]
	if t == nil {
		t = &partitionQueue{uncertain: partition == unplaced}
		o.queues[partition] = t
	}
	return t
}

func (o *outbox) announceChange() {
	close(o.changed)
	o.changed = make(chan struct{})
	if o.needsLocating() || len(o.missingLanes()) > 0 {
		close(o.attention)
		o.attention = make(chan struct{})
	}
}

// together lets what put queues travel together.
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

// await blocks until holds is true; it is false when ctx ended first.
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

// run sends until ctx ends. spawn runs a part of it, whose error is that Kafka
// refused a message for good.
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

// hire returns the missing lanes and notes that they are there. The outbox is
// locked.
func (o *outbox) claimLanes() []int32 {
	missing := o.missingLanes()
	for _, leader := range missing {
		o.lanes[leader] = true
	}
	return missing
}

// missingLanes returns the leaders that have something to send and no lane. The
// outbox is locked.
func (o *outbox) missingLanes() (missing []int32) {
	for p, t := range o.queues {
		if len(t.waiting) == 0 || t.uncertain {
			continue
		}
		if leader := o.bus.Leader(o.topic, p); !o.lanes[leader] && !slices.Contains(missing, leader) {
			missing = append(missing, leader)
		}
	}
	return missing
}

// lane sends to the partitions of one leader.
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

// take takes the oldest messages for each partition of the leader that fit one
// request, in no order of the partitions. While the leader is not known it takes those of one partition. The
// outbox is locked.
func (o *outbox) nextBatch(leader int32) (batch []*message) {
	if o.paused {
		return nil
	}
	total := 0
	for p, t := range o.queues {
		if t.busy || t.uncertain || len(t.waiting) == 0 || o.bus.Leader(o.topic, p) != leader {
			continue
		}
		n, size := 0, 0
		for n < len(t.waiting) && (n == 0 || size+len(t.waiting[n].value) <= batchBytes) {
			m := t.waiting[n]
			size += len(m.value)
			m.from.removeWaiting(m)
			m.from.inFlight++
			batch = append(batch, m)
			n++
		}
		t.waiting = t.waiting[n:]
		t.busy = true
		if total += size; total >= requestBytes || leader == messages.NoLeader {
			break
		}
	}
	return batch
}

// send sends one request and puts back what Kafka did not take, unless a newer
// message of the same key is waiting by then.
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
	var err error
	taken := make([]bool, len(batch))
	for i, p := range outcomes {
		switch {
		case p.Err == nil:
			taken[i] = true
		case errors.Is(p.Err, messages.ErrTooLarge):
			// It would never pass, and must not hold up the others.
			o.log.Error("message dropped", "topic", o.topic, "bytes", len(batch[i].value), "err", p.Err)
			taken[i] = true
		case err == nil || errors.Is(p.Err, messages.ErrRefused):
			err = p.Err
		}
	}
	for i, m := range batch {
		if taken[i] {
			m.from.acked(*m)
		}
	}
	o.recordOutcomes(batch, taken)
	return err
}

// landed notes what became of a request's messages.
func (o *outbox) recordOutcomes(batch []*message, taken []bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	back := map[int32][]*message{}
	for i, m := range batch {
		m.from.inFlight--
		p := m.from.partition
		kept := back[p]
		if newer := m.from.byKey[m.key]; taken[i] {
			m.from.confirmed = true
		} else if newer == nil {
			kept = append(kept, m)
			m.from.addWaiting(m)
		} else if m.final && !newer.final {
			newer.value, newer.final = m.value, true
		}
		if back[p] = kept; !taken[i] {
			o.queues[p].uncertain = true
		}
	}
	for p, kept := range back {
		t := o.queues[p]
		t.busy = false
		t.waiting = append(kept, t.waiting...)
	}
	o.announceChange()
}

// locate learns the partitions that the workers' keys fall on, and looks again
// after each failure: one that worked is left only when the topic was made again
// without it.
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

// unsure reports whether a partition is in doubt that something waits for. The
// outbox is locked.
func (o *outbox) needsLocating() bool {
	for _, t := range o.queues {
		if t.uncertain && !t.busy && len(t.waiting) > 0 {
			return true
		}
	}
	return false
}

// place sorts what waits for a partition in doubt by the partitions of a topic of
// n, 0 when it could not be asked.
func (o *outbox) redistribute(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var loose []*message
	for p, t := range o.queues {
		if t.uncertain && !t.busy {
			loose = slices.Concat(loose, t.waiting)
			t.waiting, t.uncertain = nil, p == unplaced
		}
	}
	for _, m := range loose {
		m.from.choosePartition(n)
		t := o.queue(m.from.partition)
		t.waiting = append(t.waiting, m)
	}
	o.announceChange()
}
