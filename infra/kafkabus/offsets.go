package kafkabus

import (
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"

	"kafka-master/messages"
)

// noGeneration is the generation for commits of a group without members.
const noGeneration int32 = -1

// Offsets returns the first retained and the end offset of every partition of
// the topic. It repeats temporary failures for 2 s. When some partitions do not
// answer even then, their offsets are messages.UnknownOffset, and the error wraps
// messages.PartitionErrors.
func (b *Bus) Offsets(ctx context.Context, topic string) (start, end []int64, err error) {
	_, err = repeat(ctx, retryFor, func() (struct{}, error) {
		t, n, err := b.partitions(ctx, topic)
		if err != nil {
			return struct{}{}, err
		}
		start, end, err = b.ends(ctx, t, topic, 0, n)
		return struct{}{}, err
	})
	if err == nil {
		return start, end, nil
	}
	return start, end, fmt.Errorf("offsets of %s: %w", topic, err)
}

// ends returns the first retained and the end offset of partitions low ≤ p < high. When only
// some do not answer, both are messages.UnknownOffset for these, and the error is
// messages.PartitionErrors; any other error concerns all of them.
func (b *Bus) ends(ctx context.Context, t *topology, topic string, low, high int) (start, end []int64, err error) {
	q := &offsetQuery{topic: topic, low: low, high: high, failed: messages.PartitionErrors{}}
	start, end = q.wants(firstOffset), q.wants(endOffset)
	if err = q.ask(ctx, b, t); err != nil && len(q.failed) == 0 {
		return nil, nil, err
	}
	for p := range q.failed {
		start[int(p)-low], end[int(p)-low] = messages.UnknownOffset, messages.UnknownOffset
	}
	return start, end, err
}

// answer reports whether the first n partitions of the topic work. Its error is that of ends.
func (b *Bus) answer(ctx context.Context, t *topology, topic string, n int) error {
	q := &offsetQuery{topic: topic, high: n, failed: messages.PartitionErrors{}}
	q.wants(endOffset)
	return q.ask(ctx, b, t)
}

// Bounds returns the first retained and the end offset of one partition. One that
// does not exist is messages.ErrNotWritten. It repeats temporary failures for 2 s.
func (b *Bus) Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	at := int(partition)
	_, err = repeat(ctx, retryFor, func() (struct{}, error) {
		t, n, err := b.partitions(ctx, topic)
		if err == nil && (at < 0 || at >= n) {
			err = fmt.Errorf("%w: partition %d of %d", messages.ErrNotWritten, at, n)
		}
		if err != nil {
			return struct{}{}, err
		}
		first, last, err := b.ends(ctx, t, topic, at, at+1)
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

// partitions returns the metadata of all topics, and how many partitions this one has.
func (b *Bus) partitions(ctx context.Context, topic string) (t *topology, n int, err error) {
	if t, err = b.topology(ctx); err != nil {
		return nil, 0, err
	}
	if n = len(t.leaders[topic]); n == 0 {
		return nil, 0, b.codeError(int16(kafka.UnknownTopicOrPartition), "")
	}
	return t, n, nil
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
		_, n, err := b.partitions(ctx, topic)
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
