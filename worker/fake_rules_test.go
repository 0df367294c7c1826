package worker

import (
	"context"
	"testing"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// fakeRules adapts a fakeBus to the suite of infratest.
type fakeRules struct{ *fakeBus }

// Ensure implements infratest.Log.
func (b fakeRules) Ensure(_ context.Context, specs []messages.TopicSpec) (out []messages.Topic, err error) {
	for _, s := range specs {
		b.grow(s.Name, s.Partitions)
		out = append(out, messages.Topic{Name: s.Name, Partitions: s.Partitions})
	}
	return out, nil
}

// Offsets implements infratest.Log.
func (b fakeRules) Offsets(ctx context.Context, topic string) (start, end []int64, err error) {
	n, err := b.Partitions(ctx, topic)
	for p := range n {
		s, e, err := b.Bounds(ctx, topic, int32(p))
		if err != nil {
			return nil, nil, err
		}
		start, end = append(start, s), append(end, e)
	}
	return start, end, err
}

// Trim implements infratest.MemoryLog.
func (b fakeRules) Trim(_ *testing.T, topic string, partition int32, offset int64) {
	b.with(func() {
		l := b.partition(topic, partition)
		l.records, l.start = l.records[offset-l.start:], offset
	})
}

// The fake bus follows the same rules as the real one, as far as a worker depends on
// them. A worker neither creates topics nor uses consumer groups.
func TestFakeBusKeepsTheRules(t *testing.T) {
	for name, run := range infratest.LogRules() {
		t.Run(name, func(t *testing.T) { run(t, fakeRules{newFakeBus(1)}) })
	}
}
