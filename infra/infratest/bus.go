// Package infratest holds the conformance suites that every implementation of a
// port must pass. Only tests import it.
package infratest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Bus is what the ports Producer, Consumer, Topics and Groups ask for together,
// and what the suite needs beside them.
type Bus interface {
	// Brokers returns the bootstrap addresses, so that the suite can bring in
	// another client.
	Brokers() []string
	Ping(ctx context.Context) error
	Refresh(ctx context.Context, topics ...string) error

	Leader(topic string, partition int32) int32
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	Offsets(ctx context.Context, topic string) (start, end []int64, err error)
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error

	Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error)
	List(ctx context.Context) ([]messages.Topic, error)
	Settings(ctx context.Context, topics []string) (map[string]map[string]string, error)
	Grow(ctx context.Context, topic string, n int) error

	Find(ctx context.Context, topic, preferred string) (messages.GroupState, error)
	Committed(ctx context.Context, group, topic string) ([]int64, error)
	Evict(ctx context.Context, group, member string) error
}

// busPatience bounds each test of the suite. A fresh real broker makes its
// coordinators first, and delays the first rebalance by three seconds.
const busPatience = 60 * time.Second

// busCases are the tests of the suite. Those that are alone bring in no other
// client, so that a bus in memory can pass them too.
func busCases() []struct {
	name  string
	alone bool
	run   func(*busCase)
} {
	return []struct {
		name  string
		alone bool
		run   func(*busCase)
	}{
		{"topics are created once and answer", true, (*busCase).ensures},
		{"topics are listed in order", true, (*busCase).lists},
		{"settings of topics are told", true, (*busCase).settings},
		{"a grown topic is usable at once", true, (*busCase).grows},
		{"produce and fetch keep order over partitions", true, (*busCase).roundTrip},
		{"only the record that is too large is refused", true, (*busCase).tooLarge},
		{"records beyond one batch still travel", true, (*busCase).manyLarge},
		{"a fetch may start inside a batch", true, (*busCase).midBatch},
		{"offsets out of range are told", false, (*busCase).outOfRange},
		{"control records are stepped over", false, (*busCase).control},
		{"a long poll wakes on a record", true, (*busCase).longPoll},
		{"an unknown topic is not written", true, (*busCase).unknownTopic},
		{"a cancelled call returns at once", true, (*busCase).cancelled},
		{"offsets are committed for a group without members", true, (*busCase).commits},
		{"a group with a member is found, guarded, evicted", false, (*busCase).group},
	}
}

// ExerciseBus checks a bus against a live cluster of one or more brokers, which
// may hold anything: all names are fresh. open returns a bus that the test need
// not close.
func ExerciseBus(t *testing.T, open func(t *testing.T) Bus) {
	for _, c := range busCases() {
		t.Run(c.name, func(t *testing.T) { runBusCase(t, open, c.run) })
	}
}

// ExerciseBusInMemory runs what the suite asks of a bus that no other client can
// reach.
func ExerciseBusInMemory(t *testing.T, open func(t *testing.T) Bus) {
	for _, c := range busCases() {
		if c.alone {
			t.Run(c.name, func(t *testing.T) { runBusCase(t, open, c.run) })
		}
	}
}

func runBusCase(t *testing.T, open func(t *testing.T) Bus, run func(*busCase)) {
	ctx, cancel := context.WithTimeout(t.Context(), busPatience)
	defer cancel()
	run(&busCase{T: t, Bus: open(t), ctx: ctx, topic: busName("topic")})
}

// busCase is one test of the suite.
type busCase struct {
	*testing.T
	Bus
	ctx   context.Context
	topic string // a fresh name
}

// busName returns a name that no earlier run used.
func busName(kind string) string { return "suite-" + kind + "-" + rand.Text()[:10] }

func (c *busCase) make(topic string, partitions int) {
	c.Helper()
	got, err := c.Ensure(c.ctx, []messages.TopicSpec{{Name: topic, Partitions: partitions, Replication: -1}})
	require.NoError(c, err)
	require.Equal(c, []messages.Topic{{Name: topic, Partitions: partitions}}, got)
}

// byLeader groups the partitions 0 … n-1 of the topic by leading broker.
func (c *busCase) byLeader(topic string, n int) map[int32][]int32 {
	c.Helper()
	groups := make(map[int32][]int32)
	for p := range int32(n) {
		leader := c.Leader(topic, p)
		require.NotEqual(c, messages.NoLeader, leader, "partition %d", p)
		groups[leader] = append(groups[leader], p)
	}
	return groups
}

// send produces values to one partition in one request, and wants all offsets.
func (c *busCase) send(topic string, partition int32, values ...string) []int64 {
	c.Helper()
	records := make([]messages.Record, len(values))
	for i, v := range values {
		records[i] = messages.Record{Topic: topic, Partition: partition, Key: []byte("key"), Value: []byte(v)}
	}
	offsets := make([]int64, len(values))
	for i, p := range c.Produce(c.ctx, records) {
		require.NoError(c, p.Err)
		offsets[i] = p.Offset
	}
	return offsets
}

// readAll fetches from positions until each has reached its end, and returns
// the values of each partition. No fetch may stand still.
func (c *busCase) readAll(from []messages.Position, ends map[int32]int64) map[int32][]string {
	c.Helper()
	values := make(map[int32][]string)
	for left := len(from); left > 0; {
		got, err := c.Fetch(c.ctx, from, time.Second)
		require.NoError(c, err)
		require.NotEmpty(c, got, "fetch stands still at %v", from)
		at := make(map[int32]int64)
		for _, f := range got {
			require.NoError(c, f.Err)
			at[f.Partition] = f.Offset
			for _, r := range f.Records {
				values[f.Partition] = append(values[f.Partition], string(r.Value))
			}
		}
		left = 0
		for i := range from {
			if o, ok := at[from[i].Partition]; ok {
				require.Greater(c, o, from[i].Offset)
				from[i].Offset = o
			}
			if from[i].Offset < ends[from[i].Partition] {
				left++
			}
		}
	}
	return values
}

func (c *busCase) ensures() {
	other := busName("topic")
	specs := []messages.TopicSpec{
		{Name: c.topic, Partitions: 15, Replication: -1, Config: map[string]string{"retention.bytes": "4194304"}},
		{Name: other, Partitions: 1, Replication: -1},
	}
	want := []messages.Topic{{Name: c.topic, Partitions: 15}, {Name: other, Partitions: 1}}
	got, err := c.Ensure(c.ctx, specs)
	require.NoError(c, err)
	require.Equal(c, want, got)
	c.byLeader(c.topic, 15)
	require.NoError(c, c.Refresh(c.ctx, c.topic, other))
	require.NoError(c, c.Ping(c.ctx))

	specs[0].Partitions, specs[1].Partitions = 3, 30 // an existing topic stays as it is
	got, err = c.Ensure(c.ctx, specs)
	require.NoError(c, err)
	require.Equal(c, want, got)

	start, end, err := c.Offsets(c.ctx, c.topic)
	require.NoError(c, err)
	require.Equal(c, make([]int64, 15), start)
	require.Equal(c, make([]int64, 15), end)

	_, err = c.Ensure(c.ctx, []messages.TopicSpec{{Name: busName("topic"), Partitions: 1, Replication: 99}})
	require.ErrorIs(c, err, messages.ErrRefused)
}

func (c *busCase) lists() {
	names := []string{c.topic + "-b", c.topic + "-a"}
	for _, name := range names {
		c.make(name, 2)
	}
	all, err := c.List(c.ctx)
	require.NoError(c, err)
	require.Contains(c, all, messages.Topic{Name: names[0], Partitions: 2})
	require.Contains(c, all, messages.Topic{Name: names[1], Partitions: 2})
	for i := 1; i < len(all); i++ {
		require.Less(c, all[i-1].Name, all[i].Name)
	}
	for _, topic := range all {
		require.NotRegexp(c, "^__", topic.Name)
	}
}

func (c *busCase) settings() {
	compacted := c.topic + "-compacted"
	_, err := c.Ensure(c.ctx, []messages.TopicSpec{
		{Name: c.topic, Partitions: 1, Replication: -1, Config: map[string]string{messages.CleanupPolicy: messages.CleanupDelete}},
		{Name: compacted, Partitions: 1, Replication: -1, Config: map[string]string{messages.CleanupPolicy: "compact"}},
	})
	require.NoError(c, err)
	got, err := c.Settings(c.ctx, []string{c.topic, compacted, c.topic + "-missing"})
	require.NoError(c, err)
	require.Len(c, got, 2)
	require.Empty(c, messages.TopicFault(c.topic, got[c.topic]))
	require.Contains(c, messages.TopicFault(compacted, got[compacted]), compacted)
}

func (c *busCase) grows() {
	c.make(c.topic, 2)
	require.NoError(c, c.Grow(c.ctx, c.topic, 5))
	c.byLeader(c.topic, 5)
	for p := range int32(5) {
		require.Equal(c, []int64{0}, c.send(c.topic, p, "x"))
	}
	require.NoError(c, c.Grow(c.ctx, c.topic, 5))
	require.ErrorIs(c, c.Grow(c.ctx, c.topic, 4), messages.ErrRefused)
	all, err := c.List(c.ctx)
	require.NoError(c, err)
	require.Contains(c, all, messages.Topic{Name: c.topic, Partitions: 5})
}

func (c *busCase) roundTrip() {
	const partitions, rounds, each = 12, 2, 3
	c.make(c.topic, partitions)
	for leader, group := range c.byLeader(c.topic, partitions) {
		var from []messages.Position
		ends, want := make(map[int32]int64), make(map[int32][]string)
		for round := range rounds {
			// Interleaved: order matters only within a partition.
			var records []messages.Record
			for i := range each {
				for _, p := range group {
					v := fmt.Sprintf("leader %d partition %d record %d", leader, p, round*each+i)
					records = append(records, messages.Record{Topic: c.topic, Partition: p, Value: []byte(v)})
					want[p] = append(want[p], v)
				}
			}
			for i, out := range c.Produce(c.ctx, records) {
				require.NoError(c, out.Err)
				require.Equal(c, int64(round*each+i/len(group)), out.Offset)
			}
		}
		for _, p := range group {
			from = append(from, messages.Position{Topic: c.topic, Partition: p})
			ends[p] = rounds * each
		}
		require.Equal(c, want, c.readAll(from, ends))
	}
	require.Empty(c, c.Produce(c.ctx, nil))
}

func (c *busCase) longPoll() {
	c.make(c.topic, 1)
	idle, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic}}, time.Millisecond)
	require.NoError(c, err)
	require.Empty(c, idle)

	got := make(chan []messages.Fetched, 1)
	go func() {
		f, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic}}, 30*time.Second)
		if err != nil {
			c.Errorf("fetch: %v", err)
		}
		got <- f
	}()
	began := time.Now()
	c.send(c.topic, 0, "wake")
	f := <-got
	require.Less(c, time.Since(began), 10*time.Second)
	require.Len(c, f, 1)
	require.Equal(c, int64(1), f[0].Offset)
	require.Equal(c, int64(1), f[0].End)
	require.Equal(c, int64(0), f[0].Start)
}

func (c *busCase) unknownTopic() {
	require.Equal(c, messages.NoLeader, c.Leader(c.topic, 0))
	for _, out := range c.Produce(c.ctx, []messages.Record{{Topic: c.topic}}) {
		require.ErrorIs(c, out.Err, messages.ErrNotWritten)
		require.Equal(c, messages.UnknownOffset, out.Offset)
	}
	_, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic}}, time.Millisecond)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	_, _, err = c.Offsets(c.ctx, c.topic)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	require.ErrorIs(c, c.Refresh(c.ctx, c.topic), messages.ErrNotWritten)
}

func (c *busCase) cancelled() {
	c.make(c.topic, 1)
	ctx, cancel := context.WithCancel(c.ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Fetch(ctx, []messages.Position{{Topic: c.topic}}, 30*time.Second)
		ended <- err
	}()
	began := time.Now()
	cancel()
	require.ErrorIs(c, <-ended, context.Canceled)
	require.Less(c, time.Since(began), 5*time.Second)
	out := c.Produce(ctx, []messages.Record{{Topic: c.topic}})
	require.True(c, errors.Is(out[0].Err, messages.ErrMaybeWritten) || errors.Is(out[0].Err, messages.ErrNotWritten))
}
