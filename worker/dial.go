package worker

import (
	"context"
	"fmt"

	"kafka-master/infra/kafkabus"
)

// cluster is the real bus.
type cluster struct{ *kafkabus.Bus }

func dial(cfg Config) (cluster, error) {
	mechanism, err := kafkabus.SASL(cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password)
	if err != nil {
		return cluster{}, fmt.Errorf("worker config: SASL: %w", err)
	}
	b, err := kafkabus.New(kafkabus.Config{Brokers: cfg.Brokers, ClientID: clientID(cfg.ID), TLS: cfg.TLS, SASL: mechanism})
	if err != nil {
		return cluster{}, fmt.Errorf("worker %s: %w", cfg.ID, err)
	}
	return cluster{b}, nil
}

// clientID is the worker's id as far as brokers and their tools take it.
func clientID(id string) string {
	b := []byte("kafka-master-worker-" + id)
	for i, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			b[i] = '_'
		}
	}
	return string(b)
}

// Partitions returns how many partitions the topic has. Its error tells the true
// cause of trouble.
func (c cluster) Partitions(ctx context.Context, topic string) (int, error) {
	_, end, err := c.Offsets(ctx, topic)
	if err != nil {
		if cause := c.Ping(ctx); cause != nil {
			err = cause
		}
		return 0, err
	}
	return len(end), nil
}

// Bounds returns the first and the end offset of one partition.
func (c cluster) Bounds(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	starts, ends, err := c.Offsets(ctx, topic)
	if err != nil {
		return 0, 0, err
	}
	if int(partition) >= len(starts) || int(partition) >= len(ends) {
		return 0, 0, fmt.Errorf("%w: partition %d of %d", errNoPartition, partition, len(ends))
	}
	return starts[partition], ends[partition], nil
}
