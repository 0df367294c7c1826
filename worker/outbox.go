package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"kafka-master/infra/failpoint"
	"kafka-master/messages"
)

const (
	outboxLimit    = 1024      // waiting messages from which on nothing new is read
	requestBytes   = 256 << 10 // values of one request; a whole batch must fit the broker's limit
	produceTimeout = 10 * time.Second
)

// message is one record to be sent. There is at most one waiting per key: a
// newer one takes the older one's place.
type message struct {
	key   string
	value []byte
	final bool // a chunk's last word; a mere progress never replaces it
}

// outbox sends messages to one topic, one request in flight; what becomes ready
// meanwhile goes into the next one. What Kafka did not take for sure is sent
// again, so a message may arrive twice.
type outbox struct {
	bus   bus
	topic string
	id    string
	acked func(message) // called for each message that Kafka has
	calm  *patience

	partition int32
	settled   bool // partition has worked, or was looked up: it stays while it is there, or order would be lost
	doubtful  bool // the last request failed: is it still there?

	mu      sync.Mutex
	waiting []*message
	byKey   map[string]*message
	flying  int
	changed chan struct{} // closed at every change
}

func newOutbox(b bus, topic, id string, log *slog.Logger, acked func(message)) *outbox {
	return &outbox{
		bus: b, topic: topic, id: id, acked: acked,
		calm:  newPatience(log, "sending to "+topic),
		byKey: map[string]*message{}, changed: make(chan struct{}),
	}
}

// put queues a message; it never blocks.
func (o *outbox) put(m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.byKey[m.key]; old != nil {
		if m.final || !old.final {
			*old = m
		}
		return
	}
	o.waiting = append(o.waiting, &m)
	o.byKey[m.key] = &m
	o.announceChange()
}

func (o *outbox) announceChange() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// await blocks until holds is true; it is false when ctx ended first.
func (o *outbox) await(ctx context.Context, holds func() bool) bool {
	for {
		o.mu.Lock()
		ok, changed := holds(), o.changed
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

// room waits until the outbox is not overfull.
func (o *outbox) room(ctx context.Context) bool {
	return o.await(ctx, func() bool { return len(o.waiting) < outboxLimit })
}

// flush waits until everything was sent.
func (o *outbox) flush(ctx context.Context) bool {
	return o.await(ctx, func() bool { return len(o.waiting)+o.flying == 0 })
}

// run sends until ctx ends or Kafka refuses a message for good, which is
// returned.
func (o *outbox) run(ctx context.Context) error {
	for o.await(ctx, func() bool { return len(o.waiting) > 0 }) {
		batch := o.take()
		err := o.send(ctx, batch)
		switch {
		case err == nil:
			o.calm.worked()
		case errors.Is(err, messages.ErrRefused):
			return err
		case !o.calm.failed(ctx, err):
			return nil
		}
	}
	return nil
}

// take takes the oldest messages that fit one request.
func (o *outbox) take() []*message {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.waiting) && (n == 0 || size+len(o.waiting[n].value) <= requestBytes) {
		size += len(o.waiting[n].value)
		delete(o.byKey, o.waiting[n].key)
		n++
	}
	batch := o.waiting[:n:n]
	o.waiting = o.waiting[n:]
	o.flying = n
	return batch
}

// send sends one request and puts back what Kafka did not take, unless a newer
// message of the same key is waiting by then.
func (o *outbox) send(ctx context.Context, batch []*message) error {
	o.locate(ctx)
	records := make([]messages.Record, len(batch))
	for i, m := range batch {
		records[i] = messages.Record{Topic: o.topic, Partition: o.partition, Key: []byte(o.id), Value: m.value}
	}
	limited, cancel := context.WithTimeout(ctx, produceTimeout)
	defer cancel()
	var err error
	var back []*message
	failpoint.Pass("before a worker's message")
	outcomes := o.bus.Produce(limited, records)
	failpoint.Pass("after a worker's message")
	for i, p := range outcomes {
		switch {
		case p.Err == nil:
			o.settled = true
			o.acked(*batch[i])
		case errors.Is(p.Err, messages.ErrTooLarge):
			// It would never pass, and must not hold up the others.
			o.calm.log.Error("message dropped", "topic", o.topic, "bytes", len(batch[i].value), "err", p.Err)
			o.acked(*batch[i])
		case err == nil || errors.Is(p.Err, messages.ErrRefused):
			err = p.Err
			fallthrough
		default:
			back = append(back, batch[i])
		}
	}
	o.doubtful = err != nil
	o.landed(back)
	return err
}

func (o *outbox) landed(back []*message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flying = 0
	kept := make([]*message, 0, len(back)+len(o.waiting))
	for _, m := range back {
		if newer := o.byKey[m.key]; newer == nil {
			kept = append(kept, m)
			o.byKey[m.key] = m
		} else if m.final && !newer.final {
			*newer = *m
		}
	}
	o.waiting = append(kept, o.waiting...)
	o.announceChange()
}

// locate learns the partition that the worker's key falls on. While the topic
// cannot be asked it is partition 0, which every topic has. One that worked is left
// only when the topic was made again without it.
func (o *outbox) locate(ctx context.Context) {
	if o.settled && !o.doubtful {
		return
	}
	limited, cancel := context.WithTimeout(ctx, produceTimeout)
	defer cancel()
	if n, err := o.bus.Partitions(limited, o.topic); err == nil && !(o.settled && int(o.partition) < n) {
		o.partition, o.settled = PartitionOf(o.id, n), true
	}
}
