package kafkabus

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"

	"kafka-master/messages"
)

// topicResource is the kind of a resource that has settings.
const topicResource int8 = 2

// Settings returns how old records of the topics are cleaned up, by topic and
// name of the setting. A topic whose settings this user may not see is left out.
func (b *Bus) Settings(ctx context.Context, topics []string) (map[string]map[string]string, error) {
	req := &describeconfigs.Request{}
	for _, name := range topics {
		req.Resources = append(req.Resources, describeconfigs.RequestResource{
			ResourceType: topicResource, ResourceName: name, ConfigNames: []string{messages.CleanupPolicy},
		})
	}
	res, err := b.call(ctx, callTimeout, req)
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of topics: %w", err)
	}
	out := map[string]map[string]string{}
	for _, r := range res.(*describeconfigs.Response).Resources {
		err := b.codeError(r.ErrorCode, r.ErrorMessage)
		if errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.UnknownTopicOrPartition) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ask for the settings of topic %s: %w", r.ResourceName, err)
		}
		settings := map[string]string{}
		for _, e := range r.ConfigEntries {
			settings[e.ConfigName] = e.ConfigValue
		}
		out[r.ResourceName] = settings
	}
	return out, nil
}
