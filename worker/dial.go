package worker

import (
	"fmt"
	"time"

	"kafka-master/infra/kafkabus"
)

// metadataTTL is how long the bus uses its metadata of the cluster. It refreshes
// them at once after a failed request, which is how most changes show. A shorter
// time would only put load on the brokers.
const metadataTTL = 10 * time.Second

func dial(cfg Config, members []Member) (*kafkabus.Bus, error) {
	id := members[0].ID
	mechanism, err := kafkabus.SASL(cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password)
	if err != nil {
		return nil, fmt.Errorf("worker config: SASL: %w", err)
	}
	b, err := kafkabus.New(kafkabus.Config{
		Brokers: cfg.Brokers, ClientID: clientID(id), TLS: cfg.TLS, SASL: mechanism,
		MetadataTTL: metadataTTL, MetadataTopics: []string{cfg.ChunkTopic, cfg.SignalTopic, cfg.ConnectionTopic},
	})
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", id, err)
	}
	return b, nil
}

// clientID returns the worker's id with only those characters that brokers and
// their tools accept.
func clientID(id string) string {
	b := []byte("kafka-master-worker-" + id)
	for i, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			b[i] = '_'
		}
	}
	return string(b)
}
