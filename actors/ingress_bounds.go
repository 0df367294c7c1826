package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// requestBounds asks for the ends of a topic.
func (i *ingress) requestBounds(ctx actor.Context, topic string) {
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
		return // the next fetch fails and asks again
	}
	for at, r := range i.at {
		if at.topic != m.topic || int(at.partition) >= len(m.start) {
			continue
		}
		start, end := m.start[at.partition], m.end[at.partition]
		r.end = end
		to := max(r.next, start)
		if r.next > end { // records were lost: those that are there may be new ones
			to, r.fresh = max(start, end-maxRewind), end
		}
		if to == r.next {
			continue
		}
		i.log.Warn("a stored offset is out of range, because the partition lost records", "topic", at.topic, "partition", at.partition, "offset", r.next, "to", to)
		r.next = to
	}
}

// comparePartitions asks for the ends of the worker topics that have another number of
// partitions than are read.
func (i *ingress) comparePartitions(ctx actor.Context, m *workerTopics) {
	reads := map[string]int{}
	for at := range i.at {
		reads[at.topic]++
	}
	for topic, n := range m.partitions {
		if n > 0 && reads[topic] > 0 && n != reads[topic] {
			i.requestBounds(ctx, topic)
		}
	}
}

// adoptPartitions starts to read the partitions that were added to a topic, from their
// first record on, and stops reading those that are gone. The first offsets are stored at
// once, as at the beginning of a term.
func (i *ingress) adoptPartitions(ctx actor.Context, m *bounds) {
	if m.err != nil {
		return // the next check of the topics asks again
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
			delete(i.unshown, at)
			delete(i.marks.at, at)
		}
	}
	if len(fresh) > 0 {
		i.log.Info("a worker topic has more partitions, all of them are read", "topic", m.topic, "partitions", len(m.start))
		ctx.Send(i.persistence, &write{term: i.term, batch: messages.Batch{Offsets: fresh}})
		i.fetch(ctx)
	}
}
