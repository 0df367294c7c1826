package worker

import (
	"context"
	"time"

	"kafka-master/messages"
)

// bus is the part of a Kafka client that workers need. Each error wraps one of the
// error classes of package messages.
type bus interface {
	// Produce sends records whose partitions have the same leader and returns one
	// outcome for each of them.
	Produce(ctx context.Context, records []messages.Record) []messages.Produced
	// Fetch reads from positions whose partitions have the same leader. It waits at
	// most wait for the first record.
	Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error)
	// Partitions returns the number of partitions of the topic, at least 1.
	Partitions(ctx context.Context, topic string) (int, error)
	// Leader returns the broker that leads a partition, or messages.NoLeader while it
	// is unknown. It does not block.
	Leader(topic string, partition int32) int32
	// Bounds returns the first and the end offset of one partition.
	Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error)
}
