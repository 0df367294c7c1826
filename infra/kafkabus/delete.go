package kafkabus

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/deletetopics"
)

// Delete deletes topics. One that does not exist is no error. It is for topics that were
// made for a test.
func (b *Bus) Delete(ctx context.Context, topics []string) error {
	req := &deletetopics.Request{TopicNames: topics, TimeoutMs: int32(callTimeout.Milliseconds())}
	res, err := b.call(ctx, callTimeout, req)
	if err != nil {
		return fmt.Errorf("delete topics: %w", b.explained(err))
	}
	var errs []error
	for _, r := range res.(*deletetopics.Response).Responses {
		err := b.codeError(r.ErrorCode, "")
		if err != nil && !errors.Is(err, kafka.UnknownTopicOrPartition) {
			errs = append(errs, fmt.Errorf("delete topic %s: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
}
