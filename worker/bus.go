package worker

import (
	"context"
	"time"

	"kafka-master/messages"
)

// bus is what workers need of Kafka. Errors wrap one class of messages.
type bus interface {
	// Produce sends records of partitions with one leader, one outcome each.
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
	// Fetch reads from positions with one leader and waits up to wait for the first
	// record.
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	// Partitions returns how many partitions the topic has, at least 1.
	Partitions(ctx context.Context, topic string) (int, error)
	// Leader returns the broker that leads a partition, messages.NoLeader while that
	// is not known. It does not block.
	Leader(topic string, partition int32) int32
	// Bounds returns the first and the end offset of one partition.
	Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error)
}
