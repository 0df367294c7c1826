package kafkabus_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafka-master/messages"
)

// lastWithoutLeader starts a broker with topic t of n partitions, the last of which
// has no leader.
func lastWithoutLeader(t *testing.T, n int32) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(n, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	host, port, err := net.SplitHostPort(c.ListenAddrs()[0])
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := req.ResponseKind().(*kmsg.MetadataResponse)
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = 0, host, int32(number)
		res.Brokers = append(res.Brokers, b)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = new("t")
		for p := range n {
			x := kmsg.NewMetadataResponseTopicPartition()
			if x.Partition = p; p == n-1 {
				x.Leader, x.ErrorCode = -1, kerr.LeaderNotAvailable.Code
			}
			topic.Partitions = append(topic.Partitions, x)
		}
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	return c
}

// someRefused answers that the partition has no leader, and the others begin and end at 0.
func someRefused(req kmsg.Request, refused int32) kmsg.Response {
	res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, asked := range req.(*kmsg.ListOffsetsRequest).Topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = asked.Topic
		for _, x := range asked.Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			if p.Partition, p.Offset = x.Partition, 0; x.Partition == refused {
				p.Offset, p.ErrorCode = -1, kerr.NotLeaderForPartition.Code
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		res.Topics = append(res.Topics, topic)
	}
	return res
}

// A partition without a leader hides nothing of the others.
func TestPartitionWithoutALeader(t *testing.T) {
	for _, n := range []int32{2, 9} {
		t.Run(fmt.Sprint(n, " partitions"), func(t *testing.T) {
			t.Parallel()
			b := openBus(t, lastWithoutLeader(t, n).ListenAddrs())
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			topics, err := b.Ensure(ctx, []messages.TopicSpec{{Name: "t", Partitions: 1}})
			require.NoError(t, err)
			require.Equal(t, []messages.Topic{{Name: "t", Partitions: int(n)}}, topics)
			require.Equal(t, messages.NoLeader, b.Leader("t", n-1))
			require.NoError(t, b.Produce(t.Context(), []messages.Record{{Topic: "t", Value: []byte("x")}})[0].Err)

			start, end, err := b.Offsets(t.Context(), "t")
			var failed messages.PartitionErrors
			require.ErrorAs(t, err, &failed)
			require.Len(t, failed, 1)
			require.Error(t, failed[n-1])
			want := make([]int64, n)
			want[n-1] = messages.UnknownOffset
			require.Equal(t, want, start)
			want[0] = 1
			require.Equal(t, want, end)
		})
	}
}

// A topic that Ensure created is whole when it returns, also if its partitions get their
// leaders one after the other.
func TestCreatedTopicIsWhole(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	refusals := 3
	c.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if refusals == 0 {
			return nil, nil, false
		}
		refusals--
		return someRefused(req, 1), nil, true
	})
	b := openBus(t, c.ListenAddrs())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = b.Ensure(ctx, []messages.TopicSpec{{Name: "t", Partitions: 2, Replication: 1}})
	require.NoError(t, err)
	require.Zero(t, refusals, "partition 1 had no leader yet when Ensure returned")
}

// A leader that does not know that it leads a partition hides nothing of the others.
func TestPartitionThatItsLeaderRefuses(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return someRefused(req, 1), nil, true
	})
	b := openBus(t, c.ListenAddrs())
	start, end, err := b.Offsets(t.Context(), "t")
	var failed messages.PartitionErrors
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed, 1)
	require.ErrorIs(t, failed[1], messages.ErrNotWritten)
	require.Equal(t, []int64{0, messages.UnknownOffset, 0}, start)
	require.Equal(t, start, end)
	_, _, err = b.Bounds(t.Context(), "t", 1)
	require.ErrorIs(t, err, messages.ErrNotWritten)
}

// The offsets of a topic cost two requests for each broker that leads some of its partitions,
// however many they are.
func TestOffsetsCostTwoRequestsForALeader(t *testing.T) {
	const brokers, partitions = 3, 100
	c, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.SeedTopics(partitions, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	asked := map[int64]int{} // partitions by timestamp
	requests := 0
	c.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		requests++
		for _, p := range req.(*kmsg.ListOffsetsRequest).Topics[0].Partitions {
			asked[p.Timestamp]++
		}
		return nil, nil, false
	})
	b := openBus(t, c.ListenAddrs())
	require.NoError(t, b.Produce(t.Context(), []messages.Record{{Topic: "t", Partition: 77, Value: []byte("x")}})[0].Err)
	start, end, err := b.Offsets(t.Context(), "t")
	require.NoError(t, err)
	require.Equal(t, make([]int64, partitions), start)
	require.Len(t, end, partitions)
	require.Equal(t, int64(1), end[77])
	require.Equal(t, map[int64]int{-1: partitions, -2: partitions}, asked)
	require.Equal(t, 2*brokers, requests)
}
