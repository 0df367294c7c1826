package actors

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// partitioned adds to a bus what the suite asks for beside the ports of the actors.
type partitioned struct {
	bus interface {
		Leader(topic string, p int32) int32
		Offsets(ctx context.Context, topic string) (start, end []int64, err error)
	}
}

// Ping implements infratest.Bus.
func (partitioned) Ping(context.Context) error { return nil }

// Partitions implements infratest.Log.
func (x partitioned) Partitions(ctx context.Context, topic string) (int, error) {
	start, _, err := x.bus.Offsets(ctx, topic)
	return len(start), err
}

// Bounds implements infratest.Log.
func (x partitioned) Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	starts, ends, err := x.bus.Offsets(ctx, topic)
	if err != nil {
		return 0, 0, err
	}
	if int(partition) >= len(starts) {
		return 0, 0, messages.ErrNotWritten
	}
	return starts[partition], ends[partition], nil
}

// memRules is a memBus as the suite asks for it.
type memRules struct {
	*memBus
	partitioned
	joins int
}

// Trim implements infratest.MemoryBus.
func (b *memRules) Trim(_ *testing.T, topic string, partition int32, offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starts[place{topic, partition}] = offset
}

// Join implements infratest.MemoryBus.
func (b *memRules) Join(t *testing.T, group, topic string) {
	b.joins++
	m := messages.GroupMember{ID: fmt.Sprint("member-", b.joins), Topics: []string{topic}}
	n, err := b.Partitions(t.Context(), topic)
	require.NoError(t, err)
	for p := range n {
		m.Partitions = append(m.Partitions, int32(p))
	}
	b.setGroup(messages.GroupState{Name: group, State: messages.GroupStable, Members: []messages.GroupMember{m}})
}

// Evict implements infratest.Bus: the member that was evicted joins again.
func (b *memRules) Evict(ctx context.Context, group, member string) error {
	before := b.group
	before.Members = slices.Clone(before.Members)
	if err := b.memBus.Evict(ctx, group, member); err != nil {
		return err
	}
	if b.group.State == messages.GroupEmpty && before.State == messages.GroupStable {
		b.joins++
		before.Members[0].ID = fmt.Sprint("member-", b.joins)
		b.setGroup(before)
	}
	return nil
}

// The bus of the actors' tests keeps the rules of the real one.
func TestMemBusKeepsTheRules(t *testing.T) {
	t.Parallel()
	for name, run := range infratest.BusRules() {
		t.Run(name, func(t *testing.T) {
			bus := newMemBus()
			run(t, &memRules{memBus: bus, partitioned: partitioned{bus}})
		})
	}
}
