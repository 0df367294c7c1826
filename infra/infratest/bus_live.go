package infratest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// liveBus does from outside, with another client, what a bus in memory does by
// itself.
type liveBus struct{ LiveBus }

// client returns another client of the same cluster.
func (b liveBus) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Brokers()...))...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

// Trim implements MemoryLog.
func (b liveBus) Trim(t *testing.T, topic string, partition int32, offset int64) {
	t.Helper()
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Partition, part.Offset = partition, offset
	records := kmsg.NewDeleteRecordsRequestTopic()
	records.Topic, records.Partitions = topic, append(records.Partitions, part)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = append(req.Topics, records)
	ctx, cancel := context.WithTimeout(t.Context(), busPatience)
	defer cancel()
	res, err := req.RequestWith(ctx, b.client(t))
	require.NoError(t, err)
	require.Zero(t, res.Topics[0].Partitions[0].ErrorCode)
}

// Join implements MemoryBus with a real consumer.
func (b liveBus) Join(t *testing.T, group, topic string) {
	t.Helper()
	cl := b.client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.HeartbeatInterval(200*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended }) // before the client's own clean-up
}
