package infratest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafka-master/messages"
)

// overLimit is more than a broker takes in one batch by default.
const overLimit = 1_200_000

func (c *logCase) tooLarge() {
	c.make(c.topic, 1)
	records := make([]messages.Record, 5)
	for i := range records {
		records[i] = messages.Record{Topic: c.topic, Value: []byte{byte('a' + i)}}
	}
	records[2].Value = bytes.Repeat([]byte{'c'}, overLimit)
	var offsets []int64
	for i, out := range c.Produce(c.ctx, records) {
		if i == 2 {
			require.ErrorIs(c, out.Err, messages.ErrTooLarge)
			require.ErrorIs(c, out.Err, messages.ErrRefused)
			continue
		}
		require.NoError(c, out.Err)
		offsets = append(offsets, out.Offset)
	}
	require.Equal(c, []int64{0, 1, 2, 3}, offsets)
	got := c.readAll([]messages.Position{{Topic: c.topic}}, map[int32]int64{0: 4})
	require.Equal(c, []string{"a", "b", "d", "e"}, got[0])
}

func (c *logCase) manyLarge() {
	const n = 12 // more than one request holds, and too many for one batch
	c.make(c.topic, 1)
	records := make([]messages.Record, n)
	for i := range records {
		value := bytes.Repeat([]byte{byte('a' + i)}, 900<<10)
		records[i] = messages.Record{Topic: c.topic, Value: value}
	}
	for i, out := range c.Produce(c.ctx, records) {
		require.NoError(c, out.Err)
		require.Equal(c, int64(i), out.Offset)
	}
	got := c.readAll([]messages.Position{{Topic: c.topic}}, map[int32]int64{0: n})
	for i, value := range got[0] {
		require.Equal(c, string(records[i].Value[:8]), value[:8])
		require.Len(c, value, 900<<10)
	}
}

func (c *logCase) midBatch() {
	c.make(c.topic, 1)
	var values []string
	for i := range 10 {
		values = append(values, fmt.Sprint(i))
	}
	c.send(c.topic, 0, values...) // one batch
	c.send(c.topic, 0, "10")
	for start := range int64(11) {
		got := c.readAll([]messages.Position{{Topic: c.topic, Offset: start}}, map[int32]int64{0: 11})
		require.Equal(c, append(values, "10")[start:], got[0])
	}
}

func (c *logCase) outOfRange() {
	c.make(c.topic, 2)
	for p := range int32(2) {
		for range 4 {
			c.send(c.topic, p, "x")
		}
	}
	c.Trim(c.T, c.topic, 0, 2)
	start, end, err := c.Offsets(c.ctx, c.topic)
	require.NoError(c, err)
	require.Equal(c, []int64{2, 0}, start)
	require.Equal(c, []int64{4, 4}, end)
	for _, group := range c.byLeader(c.topic, 2) {
		for _, p := range group {
			for _, at := range []struct {
				offset int64
				ok     bool
			}{{start[p] - 1, false}, {end[p] + 1, false}, {start[p], true}} {
				position := messages.Position{Topic: c.topic, Partition: p, Offset: at.offset}
				got, err := c.Fetch(c.ctx, []messages.Position{position}, time.Millisecond)
				require.NoError(c, err)
				require.Len(c, got, 1, "offset %d", at.offset)
				if at.ok {
					require.NoError(c, got[0].Err)
					require.Len(c, got[0].Records, int(end[p]-start[p]))
					continue
				}
				require.ErrorIs(c, got[0].Err, messages.ErrOffsetOutOfRange)
				require.Equal(c, position, got[0].Position, "an error moves nothing")
			}
		}
	}
}

// bounds asks for each partition alone.
func (c *logCase) bounds() {
	c.make(c.topic, 3)
	c.send(c.topic, 0, "a", "b", "c")
	c.send(c.topic, 2, "d")
	c.Trim(c.T, c.topic, 0, 1)
	n, err := c.Partitions(c.ctx, c.topic)
	require.NoError(c, err)
	require.Equal(c, 3, n)
	for p, want := range [][2]int64{{1, 3}, {0, 0}, {0, 1}} {
		start, end, err := c.Bounds(c.ctx, c.topic, int32(p))
		require.NoError(c, err)
		require.Equal(c, want, [2]int64{start, end}, "partition %d", p)
	}
}

// noNews asks for two partitions, one of which holds nothing new.
func (c *logCase) noNews() {
	c.make(c.topic, 2)
	c.send(c.topic, 0, "a")
	c.send(c.topic, 1, "b")
	for _, group := range c.byLeader(c.topic, 2) {
		if len(group) < 2 { // a fetch asks one broker
			continue
		}
		from := []messages.Position{{Topic: c.topic, Partition: 0, Offset: 1}, {Topic: c.topic, Partition: 1}}
		got, err := c.Fetch(c.ctx, from, time.Second)
		require.NoError(c, err)
		require.Len(c, got, 1)
		require.Equal(c, messages.Position{Topic: c.topic, Partition: 1, Offset: 1}, got[0].Position)
	}
}

// handedOver changes what it produced and what it read.
func (c *logCase) handedOver() {
	c.make(c.topic, 1)
	value := []byte("abc")
	require.NoError(c, c.Produce(c.ctx, []messages.Record{{Topic: c.topic, Value: value}})[0].Err)
	value[0] = 'x'
	for range 2 {
		got, err := c.Fetch(c.ctx, []messages.Position{{Topic: c.topic}}, time.Second)
		require.NoError(c, err)
		require.Len(c, got, 1)
		require.Equal(c, "abc", string(got[0].Records[0].Value))
		got[0].Records[0].Value[0] = 'y'
	}
}

func (c *logCase) control(bus liveBus) {
	c.make(c.topic, 1)
	cl := bus.client(c.T, kgo.TransactionalID(busName("tx")), kgo.DefaultProduceTopic(c.topic))
	for _, try := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryCommit} {
		require.NoError(c, cl.BeginTransaction())
		require.NoError(c, cl.ProduceSync(c.ctx, &kgo.Record{Value: []byte("tx")}).FirstErr())
		require.NoError(c, cl.EndTransaction(c.ctx, try))
	}
	// Two records, two markers; a real broker writes a marker after it has
	// acknowledged the end of the transaction.
	require.Eventually(c, func() bool {
		_, end, err := c.Offsets(c.ctx, c.topic)
		return err == nil && end[0] == 4
	}, busPatience, 5*time.Millisecond)
	got := c.readAll([]messages.Position{{Topic: c.topic}}, map[int32]int64{0: 4})
	require.Equal(c, []string{"tx", "tx"}, got[0])
	got = c.readAll([]messages.Position{{Topic: c.topic, Offset: 3}}, map[int32]int64{0: 4})
	require.Empty(c, got[0])
}

func (c *busCase) unknown() {
	_, err := c.Committed(c.ctx, busName("group"), c.topic)
	require.ErrorIs(c, err, messages.ErrNotWritten)
}

func (c *busCase) commits() {
	c.make(c.topic, 3)
	name := busName("group")
	g, err := c.Find(c.ctx, c.topic, name)
	require.NoError(c, err)
	require.Equal(c, messages.GroupState{Name: name, State: messages.GroupDead}, g)

	at := []messages.Position{{Topic: c.topic, Partition: 0, Offset: 7}, {Topic: c.topic, Partition: 2, Offset: 0}}
	require.NoError(c, c.CommitOffsets(c.ctx, name, at))
	require.NoError(c, c.CommitOffsets(c.ctx, name, nil))
	got, err := c.Committed(c.ctx, name, c.topic)
	require.NoError(c, err)
	require.Equal(c, []int64{7, messages.UnknownOffset, 0}, got)
	g, err = c.Find(c.ctx, c.topic, name)
	require.NoError(c, err)
	require.Equal(c, messages.GroupState{Name: name, State: messages.GroupEmpty}, g)
}

func (c *busCase) group() {
	c.make(c.topic, 3)
	name := busName("group")
	at := []messages.Position{{Topic: c.topic}, {Topic: c.topic, Partition: 1}, {Topic: c.topic, Partition: 2}}
	require.NoError(c, c.CommitOffsets(c.ctx, name, at))
	c.Join(c.T, name, c.topic)

	first := c.awaitMember(name, name, "")
	require.NotEmpty(c, first.ID)
	require.Equal(c, []string{c.topic}, first.Topics)
	require.Equal(c, []int32{0, 1, 2}, first.Partitions)
	// Another preference still finds the group that reads the topic.
	require.Equal(c, first.ID, c.awaitMember(busName("group"), name, "").ID)
	require.ErrorIs(c, c.CommitOffsets(c.ctx, name, at), messages.ErrRefused)

	require.NoError(c, c.Evict(c.ctx, name, first.ID))
	// The evicted member lives, so it comes back under another id.
	c.awaitMember(name, name, first.ID)
	require.NoError(c, c.Evict(c.ctx, name, first.ID), "gone is as good as evicted")
}

// awaitMember asks for the group of the topic until it is stable with one
// member that is not the one of id not.
func (c *busCase) awaitMember(preferred, want, not string) messages.GroupMember {
	c.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		g, err := c.Find(c.ctx, c.topic, preferred)
		require.NoError(c, err)
		if g.Name == want && g.State == messages.GroupStable && len(g.Members) == 1 && g.Members[0].ID != not {
			return g.Members[0]
		}
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			c.Fatalf("group never became what it should: %+v", g)
		}
	}
}
