package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"kafka-master/messages"
)

// Advertised returns the addresses that the cluster advertises to its clients, each with
// nil or the reason why it cannot be used from here. All requests about partitions go to
// these addresses. The bootstrap address is used for the first request only.
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

// answersAt makes a round trip to one broker, including the login. Its error does not name
// the settings, because the caller knows the address.
func (b *Bus) answersAt(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	_, err := b.transport.RoundTrip(ctx, kafka.TCP(address), &apiversions.Request{})
	if err != nil {
		return fmt.Errorf("ask the broker at %s: %w", address, classify(err))
	}
	return nil
}

// validateTimeout bounds the question whether topics can be created. It is always used up,
// because the transport waits for the topics to appear. A broker that has not answered by
// then is asked once more and given callTimeout.
const validateTimeout = 2 * time.Second

// Creatable reports whether the topics could be created, without creating them.
func (b *Bus) Creatable(ctx context.Context, specs []messages.TopicSpec) error {
	err := b.create(ctx, validateTimeout, specs, true)
	if errors.Is(err, context.DeadlineExceeded) {
		err = b.create(ctx, callTimeout, specs, true)
	}
	if err != nil {
		return fmt.Errorf("ask whether topics can be created: %w", b.explained(err))
	}
	return nil
}
