package kafkabus

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"kafka-master/messages"
)

// The two special timestamps of ListOffsets.
const (
	firstOffset int64 = -2
	endOffset   int64 = -1
)

// offsetQuery asks for offsets of partitions low ≤ p < high of a topic. It asks their leaders,
// so an answer proves that the partition works.
type offsetQuery struct {
	topic     string
	low, high int
	want      []wantedOffsets

	mu      sync.Mutex
	failed  messages.PartitionErrors
	refused error // a partition is refused for good
}

// wantedOffsets are the offsets at one of the special timestamps.
type wantedOffsets struct {
	timestamp int64
	into      []int64 // by partition, from low on
}

// wants adds a timestamp to the query and returns where its offsets will be.
func (q *offsetQuery) wants(timestamp int64) []int64 {
	into := make([]int64, q.high-q.low)
	q.want = append(q.want, wantedOffsets{timestamp, into})
	return into
}

// ask sends every leader one request for each timestamp with all its partitions, to all
// leaders at once: one that hangs must not hold up the others. The error is
// messages.PartitionErrors when only some partitions do not answer; any other error concerns
// all of them, and then failed is empty.
func (q *offsetQuery) ask(ctx context.Context, b *Bus, t *topology) error {
	led := map[int32][]int32{}
	for p := int32(q.low); p < int32(q.high); p++ {
		leader := t.leader(q.topic, p)
		if leader == messages.NoLeader {
			q.failed[p] = fmt.Errorf("%w: partition %d: %w", messages.ErrNotWritten, p, protocol.ErrNoLeader)
			continue
		}
		led[leader] = append(led[leader], p)
	}
	if len(q.failed) > 0 {
		b.wantRefresh()
	}
	var all sync.WaitGroup
	for _, partitions := range led {
		all.Go(func() {
			for _, w := range q.want {
				q.list(ctx, b, partitions, w)
			}
		})
	}
	all.Wait()
	switch {
	case q.refused != nil:
		clear(q.failed)
		return q.refused
	case len(q.failed) == q.high-q.low:
		err := q.failed.Unwrap()
		clear(q.failed)
		return err
	case len(q.failed) > 0:
		return q.failed
	}
	return nil
}

// list asks the leader of the partitions for their offsets at one of the special timestamps.
func (q *offsetQuery) list(ctx context.Context, b *Bus, partitions []int32, w wantedOffsets) {
	asked := make([]listoffsets.RequestPartition, 0, len(partitions))
	for _, p := range partitions {
		asked = append(asked, listoffsets.RequestPartition{Partition: p, CurrentLeaderEpoch: -1, Timestamp: w.timestamp})
	}
	res, err := b.call(ctx, callTimeout, &listExchange{clientID: b.cfg.ClientID, request: &listoffsets.Request{
		ReplicaID: -1, Topics: []listoffsets.RequestTopic{{Topic: q.topic, Partitions: asked}},
	}})
	missing := make(map[int32]bool, len(partitions))
	for _, p := range partitions {
		missing[p] = true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil {
		q.take(b, res.(*listoffsets.Response), missing, w.into)
		err = fmt.Errorf("%w: it is missing in the answer", messages.ErrMaybeWritten)
	} else if !repeatable(err) {
		q.refused = err
		return
	}
	for p := range missing {
		q.failed[p] = fmt.Errorf("partition %d: %w", p, err)
	}
}

// take enters an answer and removes what it answers from the missing partitions.
func (q *offsetQuery) take(b *Bus, res *listoffsets.Response, missing map[int32]bool, into []int64) {
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if t.Topic != q.topic || !missing[p.Partition] {
				continue
			}
			delete(missing, p.Partition)
			err := b.codeError(p.ErrorCode, "")
			switch {
			case err == nil:
				into[int(p.Partition)-q.low] = p.Offset
			case !repeatable(err):
				q.refused = fmt.Errorf("partition %d: %w", p.Partition, err)
			default:
				q.failed[p.Partition] = fmt.Errorf("partition %d: %w", p.Partition, err)
			}
		}
	}
}

// listExchange is a request for offsets of partitions that have one leader. kafka-go would
// split its own request into one for each partition, each on a connection of its own.
type listExchange struct {
	request  *listoffsets.Request
	clientID string
	version  int16
}

// ApiKey implements protocol.Message.
func (e *listExchange) ApiKey() protocol.ApiKey { return protocol.ListOffsets }

// Broker implements protocol.BrokerMessage: it is the leader of the first partition.
func (e *listExchange) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return e.request.Broker(cluster)
}

// Required implements protocol.RawExchanger: it is always required.
func (e *listExchange) Required(versions map[protocol.ApiKey]int16) bool {
	e.version = versions[protocol.ListOffsets]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (e *listExchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	const correlation = 1 // a connection carries one request at a time
	return protocol.RoundTrip(rw, e.version, correlation, e.clientID, e.request)
}
