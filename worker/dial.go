package worker

import (
	"context"
	"fmt"

	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
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

// Partitions returns how many partitions the topic has. List, unlike Offsets,
// asks for the metadata only and tells the true cause of trouble.
func (c cluster) Partitions(ctx context.Context, topic string) (int, error) {
	topics, err := c.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range topics {
		if t.Name == topic {
			return t.Partitions, nil
		}
	}
	return 0, fmt.Errorf("%w: topic %s does not exist, or this user may not see it", messages.ErrNotWritten, topic)
}
