package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"

	"kafka-master/messages"
)

const (
	// The two special timestamps of ListOffsets.
	firstOffset int64 = -2
	endOffset   int64 = -1

	// offsetsPerCall bounds the connections of one call, because kafka-go sends a request
	// per partition and timestamp, each on a connection of its own.
	offsetsPerCall = 8
	// noGeneration is the generation for commits of a group without members.
	noGeneration int32 = -1
)

// Offsets returns the first retained and the end offset of every partition of
// the topic. It repeats temporary failures for 2 s. When some partitions do not
// answer even then, their offsets are messages.UnknownOffset, and the error wraps
// messages.PartitionErrors.
func (b *Bus) Offsets(ctx context.Context, topic string) (start, end []int64, err error) {
	_, err = repeat(ctx, retryFor, func() (struct{}, error) {
		n, err := b.partitions(ctx, topic)
		if err != nil {
			return struct{}{}, err
		}
		start, end, err = b.ends(ctx, topic, 0, n)
		return struct{}{}, err
	})
	if err == nil {
		return start, end, nil
	}
	return start, end, fmt.Errorf("offsets of %s: %w", topic, err)
}

// ends returns the first retained and the end offset of partitions low ≤ p < high.
func (b *Bus) ends(ctx context.Context, topic string, low, high int) (start, end []int64, err error) {
	failed := messages.PartitionErrors{}
	for _, x := range []struct {
		at   *[]int64
		time int64
	}{{&start, firstOffset}, {&end, endOffset}} {
		var some messages.PartitionErrors
		*x.at, err = b.offsetsAt(ctx, topic, low, high, x.time)
		if err != nil && !errors.As(err, &some) {
			return nil, nil, err
		}
		maps.Copy(failed, some)
	}
	switch len(failed) {
	case 0:
		return start, end, nil
	case high - low:
		return nil, nil, failed.Unwrap()
	}
	for p := range failed {
		start[int(p)-low], end[int(p)-low] = messages.UnknownOffset, messages.UnknownOffset
	}
	return start, end, failed
}

// Bounds returns the first retained and the end offset of one partition. One that
// does not exist is messages.ErrNotWritten. It repeats temporary failures for 2 s.
func (b *Bus) Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	at := int(partition)
	_, err = repeat(ctx, retryFor, func() (struct{}, error) {
		n, err := b.partitions(ctx, topic)
		if err == nil && (at < 0 || at >= n) {
			err = fmt.Errorf("%w: partition %d of %d", messages.ErrNotWritten, at, n)
		}
		if err != nil {
			return struct{}{}, err
		}
		first, last, err := b.ends(ctx, topic, at, at+1)
		if err == nil {
			start, end = first[0], last[0]
		}
		return struct{}{}, err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, err)
	}
	return start, end, nil
}

// partitions returns how many partitions the topic has.
func (b *Bus) partitions(ctx context.Context, topic string) (int, error) {
	t, err := b.topology(ctx)
	if err != nil {
		return 0, err
	}
	n := len(t.leaders[topic])
	if n == 0 {
		return 0, b.codeError(int16(kafka.UnknownTopicOrPartition), "")
	}
	return n, nil
}

// offsetsAt returns the offsets of partitions low ≤ p < high at one of the
// special timestamps. It asks the leaders, so an answer proves that the partition
// works. When only some do not answer, their offsets are messages.UnknownOffset and
// the error is messages.PartitionErrors; any other error concerns all of them.
func (b *Bus) offsetsAt(ctx context.Context, topic string, low, high int, timestamp int64) ([]int64, error) {
	offsets := make([]int64, high-low)
	failed := messages.PartitionErrors{}
	for from := low; from < high; from += offsetsPerCall {
		part := make([]listoffsets.RequestPartition, 0, offsetsPerCall)
		for p := from; p < min(from+offsetsPerCall, high); p++ {
			offsets[p-low] = messages.UnknownOffset
			part = append(part, listoffsets.RequestPartition{
				Partition: int32(p), CurrentLeaderEpoch: -1, Timestamp: timestamp,
			})
		}
		res, err := b.call(ctx, callTimeout, &listoffsets.Request{
			ReplicaID: -1, Topics: []listoffsets.RequestTopic{{Topic: topic, Partitions: part}},
		})
		if err != nil && !errors.Is(err, messages.ErrNotWritten) {
			return nil, err
		}
		for _, p := range part { // removed again when the answer has its offset
			failed[p.Partition] = fmt.Errorf("%w: partition %d is missing in the answer", messages.ErrMaybeWritten, p.Partition)
			if err != nil {
				failed[p.Partition] = err
			}
		}
		if err != nil {
			continue
		}
		if err := b.listed(res.(*listoffsets.Response), low, offsets, failed); err != nil {
			return nil, err
		}
	}
	switch len(failed) {
	case 0:
		return offsets, nil
	case len(offsets):
		return nil, failed.Unwrap()
	}
	return offsets, failed
}

// listed enters an answer into the offsets of the partitions from low on, and into
// the failed ones. It fails when a partition is refused for good.
func (b *Bus) listed(res *listoffsets.Response, low int, offsets []int64, failed messages.PartitionErrors) error {
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			i := int(p.Partition) - low
			if i < 0 || i >= len(offsets) {
				continue
			}
			err := b.codeError(p.ErrorCode, "")
			switch {
			case err == nil:
				offsets[i] = p.Offset
				delete(failed, p.Partition)
			case !repeatable(err):
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			default:
				failed[p.Partition] = fmt.Errorf("partition %d: %w", p.Partition, err)
			}
		}
	}
	return nil
}

// CommitOffsets commits the positions for a group that has no members. The
// broker refuses it (messages.ErrRefused) while it has some. It repeats
// temporary failures, such as a coordinator that is just being made, for 2 s.
func (b *Bus) CommitOffsets(ctx context.Context, group string, at []messages.Position) error {
	if len(at) == 0 {
		return nil
	}
	_, err := repeat(ctx, retryFor, func() (struct{}, error) {
		return struct{}{}, b.commit(ctx, group, at)
	})
	if err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", group, err)
	}
	return nil
}

func (b *Bus) commit(ctx context.Context, group string, at []messages.Position) error {
	req := &offsetcommit.Request{GroupID: group, GenerationID: noGeneration, RetentionTimeMs: -1}
	for _, p := range at {
		i := slices.IndexFunc(req.Topics, func(t offsetcommit.RequestTopic) bool { return t.Name == p.Topic })
		if i < 0 {
			i = len(req.Topics)
			req.Topics = append(req.Topics, offsetcommit.RequestTopic{Name: p.Topic})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, offsetcommit.RequestPartition{
			PartitionIndex:  p.Partition,
			CommittedOffset: p.Offset,
			CommitTimestamp: -1,
			// kafka.Client would send epoch 0. After a change of leaders, members would take
			// such a commit for that of a truncated log.
			CommittedLeaderEpoch: -1,
		})
	}
	res, err := b.call(ctx, callTimeout, req)
	if err != nil {
		return err
	}
	for _, t := range res.(*offsetcommit.Response).Topics {
		for _, p := range t.Partitions {
			if err := b.codeError(p.ErrorCode, ""); err != nil {
				return fmt.Errorf("%s/%d: %w", t.Name, p.PartitionIndex, err)
			}
		}
	}
	return nil
}

// Committed returns the group's committed offset of every partition of topic,
// messages.UnknownOffset where there is none. It repeats temporary failures for
// 2 s.
func (b *Bus) Committed(ctx context.Context, group, topic string) ([]int64, error) {
	offsets, err := repeat(ctx, retryFor, func() ([]int64, error) {
		n, err := b.partitions(ctx, topic)
		if err != nil {
			return nil, err
		}
		return b.committed(ctx, group, topic, n)
	})
	if err != nil {
		return nil, fmt.Errorf("committed offsets of group %s: %w", group, err)
	}
	return offsets, nil
}

func (b *Bus) committed(ctx context.Context, group, topic string, n int) ([]int64, error) {
	indexes := make([]int32, n)
	offsets := make([]int64, n)
	for i := range n {
		indexes[i] = int32(i)
		offsets[i] = messages.UnknownOffset
	}
	res, err := b.call(ctx, callTimeout, &offsetfetch.Request{
		GroupID: group,
		Topics:  []offsetfetch.RequestTopic{{Name: topic, PartitionIndexes: indexes}},
	})
	if err != nil {
		return nil, err
	}
	answer := res.(*offsetfetch.Response)
	if err := b.codeError(answer.ErrorCode, ""); err != nil {
		return nil, err
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if err := b.codeError(p.ErrorCode, ""); err != nil {
				return nil, fmt.Errorf("partition %d: %w", p.PartitionIndex, err)
			}
			if p.PartitionIndex >= 0 && int(p.PartitionIndex) < n && p.CommittedOffset >= 0 {
				offsets[p.PartitionIndex] = p.CommittedOffset
			}
		}
	}
	return offsets, nil
}
