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

// Log is what those ask for who read and write topics.
type Log interface {
	Leader(topic string, partition int32) int32
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	Offsets(ctx context.Context, topic string) (start, end []int64, err error)
	Partitions(ctx context.Context, topic string) (int, error)
	Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error)

	// Ensure is what the suite needs beside that.
	Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error)
}

// Bus is what the ports Producer, Consumer, Topics and Groups ask for together,
// and what the suite needs beside them.
type Bus interface {
	Log
	Ping(ctx context.Context) error
	CommitOffsets(ctx context.Context, group string, at []messages.Position) error

	List(ctx context.Context) ([]messages.Topic, error)
	Settings(ctx context.Context, topics []string) (map[string]map[string]string, error)
	Grow(ctx context.Context, topic string, n int) error

	Find(ctx context.Context, topic, preferred string) (messages.GroupState, error)
	Committed(ctx context.Context, group, topic string) ([]int64, error)
	Evict(ctx context.Context, group, member string) error
}

// LiveBus is a bus of a cluster that the suite can reach with another client.
type LiveBus interface {
	Bus
	// Brokers returns the bootstrap addresses.
	Brokers() []string
}

// MemoryLog is a Log that no other client can reach.
type MemoryLog interface {
	Log
	// Trim drops the records of a partition before offset, as retention does.
	Trim(t *testing.T, topic string, partition int32, offset int64)
}

// MemoryBus is a Bus that no other client can reach.
type MemoryBus interface {
	Bus
	// Trim is that of MemoryLog.
	Trim(t *testing.T, topic string, partition int32, offset int64)
	// Join makes somebody the one member of a group, who reads the topic until the
	// test ends and comes back under another id whenever it is evicted.
	Join(t *testing.T, group, topic string)
}

// busPatience bounds each test of the suite. A fresh real broker makes its
// coordinators first, and delays the first rebalance by three seconds.
const busPatience = 60 * time.Second

// LogRules are the tests of the suite that whoever only reads and writes has to
// pass, by name.
func LogRules() map[string]func(*testing.T, MemoryLog) {
	rules := map[string]func(*testing.T, MemoryLog){}
	for name, run := range map[string]func(*logCase){
		"produce and fetch keep order over partitions":   (*logCase).roundTrip,
		"only the record that is too large is refused":   (*logCase).tooLarge,
		"records beyond one batch still travel":          (*logCase).manyLarge,
		"a fetch may start inside a batch":               (*logCase).midBatch,
		"offsets out of range are told":                  (*logCase).outOfRange,
		"the ends of one partition are those of all":     (*logCase).bounds,
		"a long poll wakes on a record":                  (*logCase).longPoll,
		"an unknown topic is not written":                (*logCase).unknownTopic,
		"an unknown partition is not written":            (*logCase).unknownPartition,
		"a cancelled call returns at once":               (*logCase).cancelled,
		"a position without news has no answer":          (*logCase).noNews,
		"what was handed over is not changed afterwards": (*logCase).handedOver,
	} {
		rules[name] = func(t *testing.T, log MemoryLog) {
			ctx, cancel := context.WithTimeout(t.Context(), busPatience)
			defer cancel()
			run(&logCase{T: t, MemoryLog: log, ctx: ctx, topic: busName("topic")})
		}
	}
	return rules
}

// BusRules are all tests of the suite that need no transactions, by name.
func BusRules() map[string]func(*testing.T, MemoryBus) {
	rules := map[string]func(*testing.T, MemoryBus){}
	for name, run := range LogRules() {
		rules[name] = func(t *testing.T, bus MemoryBus) { run(t, bus) }
	}
	for name, run := range map[string]func(*busCase){
		"topics are created once and answer":                (*busCase).ensures,
		"topics are listed in order":                        (*busCase).lists,
		"settings of topics are told":                       (*busCase).settings,
		"a grown topic is usable at once":                   (*busCase).grows,
		"an unknown topic has no committed offsets":         (*busCase).unknown,
		"offsets are committed for a group without members": (*busCase).commits,
		"a group with a member is found, guarded, evicted":  (*busCase).group,
	} {
		rules[name] = func(t *testing.T, bus MemoryBus) {
			ctx, cancel := context.WithTimeout(t.Context(), busPatience)
			defer cancel()
			run(&busCase{logCase: logCase{T: t, MemoryLog: bus, ctx: ctx, topic: busName("topic")}, MemoryBus: bus})
		}
	}
	return rules
}

// ExerciseBus checks a bus against a live cluster of one or more brokers, which
// may hold anything: all names are fresh. open returns a bus that the test need
// not close.
func ExerciseBus(t *testing.T, open func(t *testing.T) LiveBus) {
	for name, run := range BusRules() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, liveBus{open(t)})
		})
	}
	t.Run("control records are stepped over", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), busPatience)
		defer cancel()
		bus := liveBus{open(t)}
		(&logCase{T: t, MemoryLog: bus, ctx: ctx, topic: busName("topic")}).control(bus)
	})
}

// logCase is one test of the suite of those who read and write.
type logCase struct {
	*testing.T
	MemoryLog
	ctx   context.Context
	topic string // a fresh name
}

// busCase is one test of the suite.
type busCase struct {
	logCase
	MemoryBus
}

// busName returns a name that no earlier run used.
func busName(kind string) string { return "suite-" + kind + "-" + rand.Text()[:10] }

func (c *logCase) make(topic string, partitions int) {
	c.Helper()
	got, err := c.Ensure(c.ctx, []messages.TopicSpec{{Name: topic, Partitions: partitions, Replication: -1}})
	require.NoError(c, err)
	require.Equal(c, []messages.Topic{{Name: topic, Partitions: partitions}}, got)
}

// byLeader groups the partitions 0 … n-1 of the topic by leading broker.
func (c *logCase) byLeader(topic string, n int) map[int32][]int32 {
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
func (c *logCase) send(topic string, partition int32, values ...string) []int64 {
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
func (c *logCase) readAll(from []messages.Position, ends map[int32]int64) map[int32][]string {
	c.Helper()
	const limit = 10 << 20 // an answer holds about 8 MiB at most, whole batches
	values := make(map[int32][]string)
	for left := len(from); left > 0; {
		got, err := c.Fetch(c.ctx, from, time.Second)
		require.NoError(c, err)
		require.NotEmpty(c, got, "fetch stands still at %v", from)
		at, size := make(map[int32]int64), 0
		for _, f := range got {
			require.NoError(c, f.Err)
			at[f.Partition] = f.Offset
			for _, r := range f.Records {
				values[f.Partition] = append(values[f.Partition], string(r.Value))
				size += len(r.Value)
			}
		}
		require.Less(c, size, limit)
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

func (c *logCase) roundTrip() {
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

func (c *logCase) longPoll() {
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

func (c *logCase) unknownTopic() {
	require.Equal(c, messages.NoLeader, c.Leader(c.topic, 0))
	for _, out := range c.Produce(c.ctx, []messages.Record{{Topic: c.topic}}) {
		require.ErrorIs(c, out.Err, messages.ErrNotWritten)
		require.Equal(c, messages.UnknownOffset, out.Offset)
	}
	_, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic}}, time.Millisecond)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	_, _, err = c.Offsets(c.ctx, c.topic)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	_, err = c.Partitions(c.ctx, c.topic)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	_, _, err = c.Bounds(c.ctx, c.topic, 0)
	require.ErrorIs(c, err, messages.ErrNotWritten)
}

// unknownPartition asks for the partition behind the last one.
func (c *logCase) unknownPartition() {
	c.make(c.topic, 1)
	require.Equal(c, messages.NoLeader, c.Leader(c.topic, 1))
	out := c.Produce(c.ctx, []messages.Record{{Topic: c.topic, Partition: 1}})
	require.ErrorIs(c, out[0].Err, messages.ErrNotWritten)
	require.Equal(c, messages.UnknownOffset, out[0].Offset)
	_, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic, Partition: 1}}, time.Millisecond)
	require.ErrorIs(c, err, messages.ErrNotWritten)
	_, _, err = c.Bounds(c.ctx, c.topic, 1)
	require.ErrorIs(c, err, messages.ErrNotWritten)
}

func (c *logCase) cancelled() {
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
