package kafkabus

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"kafka-master/messages"
)

// Advertised returns the addresses that the cluster sends its clients to, each
// with nil or why it cannot be used from here. Whatever asks a partition goes
// there; the bootstrap address is for the first question only.
func (b *Bus) Advertised(ctx context.Context) (map[string]error, error) {
	res, err := b.call(ctx, callTimeout, &metadata.Request{})
	if err != nil {
		return nil, fmt.Errorf("ask for the brokers: %w", b.explained(err))
	}
	all := map[string]error{}
	for _, broker := range res.(*metadata.Response).Brokers {
		address := net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
		all[address] = b.answersAt(ctx, address)
	}
	return all, nil
}

// answersAt makes a round trip to one broker, with the login and all. The caller
// knows the address, so what is wrong with it is told without our settings.
func (b *Bus) answersAt(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	_, err := b.transport.RoundTrip(ctx, kafka.TCP(address), &apiversions.Request{})
	if err != nil {
		return fmt.Errorf("ask the broker at %s: %w", address, classify(err))
	}
	return nil
}

// validateTimeout bounds the question whether topics can be made. The transport
// takes them for made and waits for them to appear, so it is always used up.
const validateTimeout = 2 * time.Second

// Creatable reports whether the topics could be made, without making them.
func (b *Bus) Creatable(ctx context.Context, specs []messages.TopicSpec) error {
	req := &createtopics.Request{TimeoutMs: int32(validateTimeout / 2 / time.Millisecond), ValidateOnly: true}
	for _, s := range specs {
		req.Topics = append(req.Topics, createtopics.RequestTopic{
			Name: s.Name, NumPartitions: int32(s.Partitions), ReplicationFactor: int16(s.Replication),
		})
	}
	res, err := b.call(ctx, validateTimeout, req)
	if err != nil {
		return fmt.Errorf("ask whether topics can be made: %w", b.explained(err))
	}
	for _, t := range res.(*createtopics.Response).Topics {
		if t.ErrorCode == int16(kafka.TopicAlreadyExists) {
			continue // made meanwhile
		}
		if err := b.code(t.ErrorCode, t.ErrorMessage); err != nil {
			return fmt.Errorf("topic %s: %w", t.Name, err)
		}
	}
	return nil
}
