package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// lookUp asks for the ends of a topic of which an offset was out of range.
func (i *ingress) lookUp(ctx actor.Context, topic string) {
	bus, parent := i.bus, i.ctx
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, 10*time.Second)
		defer cancel()
		start, end, err := bus.Offsets(c, topic)
		return &bounds{topic: topic, start: start, end: end, err: err}
	})
}

// clamp moves the readers of a topic back into their partitions. Reading a message
// twice is harmless.
func (i *ingress) clamp(m *bounds) {
	if m.err != nil {
		return // the next fetch fails again and asks again
	}
	for at, r := range i.at {
		if at.topic != m.topic || int(at.partition) >= len(m.start) {
			continue
		}
		start, end := m.start[at.partition], m.end[at.partition]
		r.end = end // what was known may be of before the loss
		to := max(r.next, start)
		if r.next > end { // records were lost: what lies there may have been written since
			to, r.fresh = max(start, end-maxRewind), end
		}
		if to == r.next {
			continue
		}
		i.log.Warn("a stored offset is outside of its partition, which lost records", "topic", at.topic, "partition", at.partition, "offset", r.next, "to", to)
		r.next = to
	}
}

// compare looks whether the worker topics have as many partitions as are read.
func (i *ingress) compare(ctx actor.Context, m *workerTopics) {
	reads := map[string]int{}
	for at := range i.at {
		reads[at.topic]++
	}
	for topic, n := range m.partitions {
		if n > 0 && reads[topic] > 0 && n != reads[topic] {
			i.lookUp(ctx, topic)
		}
	}
}

// adopt reads partitions that were added to a topic, from their first record on, and
// no longer those that it does not have any more. Where it begins is stored at once,
// as at the beginning of a term.
func (i *ingress) adopt(ctx actor.Context, m *bounds) {
	if m.err != nil {
		return // looked at again
	}
	var fresh []messages.Position
	for p, start := range m.start {
		at := place{m.topic, int32(p)}
		if i.at[at] == nil {
			i.at[at] = &reading{next: start, end: m.end[p]}
			fresh = append(fresh, messages.Position{Topic: at.topic, Partition: at.partition, Offset: start})
		}
	}
	for at := range i.at {
		if at.topic == m.topic && int(at.partition) >= len(m.start) {
			delete(i.at, at)
			delete(i.shown, at)
		}
	}
	if len(fresh) > 0 {
		i.log.Info("a worker topic has more partitions, all of them are read", "topic", m.topic, "partitions", len(m.start))
		ctx.Send(i.persistence, &write{term: i.term, batch: messages.Batch{Offsets: fresh}})
		i.fetch(ctx)
	}
}
