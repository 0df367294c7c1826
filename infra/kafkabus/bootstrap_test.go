package kafkabus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"kafka-master/messages"
)

// A cluster of which the only named broker leaves for good is used on: the
// others were learned from its answers.
func TestNamedBrokerLeaves(t *testing.T) {
	const partitions = 6
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b, worker := openBus(t, c.ListenAddrs()[:1]), openBus(t, c.ListenAddrs()[:1])
	require.NoError(t, refresh(t, b))
	_, _, err = worker.Bounds(t.Context(), "t", 3) // looks at the cluster in passing only
	require.NoError(t, err)
	require.NoError(t, c.RemoveNode(0))
	require.Eventually(t, func() bool {
		_, err := worker.Fetch(t.Context(), []messages.Position{{Topic: "t", Partition: 3}}, time.Millisecond)
		return err == nil && worker.Produce(t.Context(), []messages.Record{{Topic: "t", Partition: 3}})[0].Err == nil
	}, 20*time.Second, 20*time.Millisecond)
	for p := range int32(partitions) {
		require.Eventually(t, func() bool {
			out := b.Produce(t.Context(), []messages.Record{{Topic: "t", Partition: p, Value: []byte("v")}})
			return out[0].Err == nil
		}, 20*time.Second, 20*time.Millisecond, "partition %d", p)
	}
	require.NoError(t, b.Ping(t.Context()))
	list, err := b.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []messages.Topic{{Name: "t", Partitions: partitions}}, list)
	require.NoError(t, b.CommitOffsets(t.Context(), "g", []messages.Position{{Topic: "t", Offset: 1}}))

	// Another one comes, and the last of the first ones goes.
	node, _, err := c.AddNode(-1, 0)
	require.NoError(t, err)
	require.NoError(t, refresh(t, b))
	require.NoError(t, c.RemoveNode(1))
	require.NoError(t, c.RemoveNode(2))
	require.Eventually(t, func() bool { return refresh(t, b) == nil && b.Leader("t", 0) == node }, 20*time.Second, 20*time.Millisecond)
}
