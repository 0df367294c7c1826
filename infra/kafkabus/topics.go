package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/createpartitions"
	"github.com/segmentio/kafka-go/protocol/createtopics"

	"kafka-master/messages"
)

// internalPrefix marks the topics of the broker itself.
const internalPrefix = "__"

// Ensure creates the topics that do not exist, waits until their partitions
// answer, and returns how many partitions each has, in the order of specs. An
// existing topic is left as it is, and one partition that answers is enough: the
// others may have lost their leaders. It repeats temporary failures until ctx ends;
// messages.ErrRefused is returned at once.
func (b *Bus) Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error) {
	created := make(map[string]bool)
	topics, err := repeat(ctx, 0, func() ([]messages.Topic, error) { return b.ensure(ctx, specs, created) })
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", b.explained(err))
	}
	return topics, nil
}

// ensure is one try of Ensure. It adds the topics that it creates to created, since a
// later try finds them in the cluster while their partitions have no leaders yet.
func (b *Bus) ensure(ctx context.Context, specs []messages.TopicSpec, created map[string]bool) ([]messages.Topic, error) {
	// The refresh comes first, because only it returns the real cause of an error: with a
	// wrong password, creating a topic fails with "broker not available".
	t, err := b.refresh(ctx)
	if err != nil {
		return nil, err
	}
	var missing []messages.TopicSpec
	for _, s := range specs {
		if len(t.leaders[s.Name]) == 0 {
			missing = append(missing, s)
			created[s.Name] = true
		}
	}
	if len(missing) > 0 {
		if err := b.create(ctx, callTimeout, missing, false); err != nil {
			return nil, err
		}
		if t, err = b.refresh(ctx); err != nil {
			return nil, err
		}
	}
	topics := make([]messages.Topic, len(specs))
	var whole []messages.Topic // topics whose partitions all answer
	for i, s := range specs {
		n := len(t.leaders[s.Name])
		if n == 0 {
			return nil, fmt.Errorf("topic %s: %w", s.Name, b.codeError(int16(kafka.UnknownTopicOrPartition), ""))
		}
		// A created topic is listed some 100 ms before its partitions work.
		err := b.answer(ctx, t, s.Name, n)
		var failed messages.PartitionErrors
		some := errors.As(err, &failed) && !created[s.Name]
		if err != nil && !some {
			return nil, fmt.Errorf("topic %s: %w", s.Name, err)
		}
		topics[i] = messages.Topic{Name: s.Name, Partitions: n}
		if err == nil {
			whole = append(whole, topics[i])
		}
	}
	return topics, b.haveLeaders(ctx, whole)
}

// haveLeaders fails unless Leader knows the leaders of all partitions, which have just
// answered. Metadata may have been read before the leaders were elected.
func (b *Bus) haveLeaders(ctx context.Context, topics []messages.Topic) error {
	missing := func(t *topology) bool {
		return slices.ContainsFunc(topics, func(topic messages.Topic) bool {
			leaders := t.leaders[topic.Name]
			return len(leaders) < topic.Partitions || slices.Contains(leaders, messages.NoLeader)
		})
	}
	if !missing(b.leaders.Load()) {
		return nil
	}
	t, err := b.refresh(ctx)
	if err == nil && missing(t) {
		err = fmt.Errorf("%w: a partition has no leader yet", messages.ErrNotWritten)
	}
	return err
}

// create creates the topics, or only asks whether they could be created.
func (b *Bus) create(ctx context.Context, limit time.Duration, specs []messages.TopicSpec, validateOnly bool) error {
	req := &createtopics.Request{TimeoutMs: int32(limit / 2 / time.Millisecond), ValidateOnly: validateOnly}
	for _, s := range specs {
		t := createtopics.RequestTopic{
			Name: s.Name, NumPartitions: int32(s.Partitions), ReplicationFactor: int16(s.Replication),
		}
		for name, value := range s.Config {
			t.Configs = append(t.Configs, createtopics.RequestConfig{Name: name, Value: value})
		}
		req.Topics = append(req.Topics, t)
	}
	res, err := b.call(ctx, limit, req)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	for _, t := range res.(*createtopics.Response).Topics {
		if t.ErrorCode == int16(kafka.TopicAlreadyExists) {
			continue // by another master, or by an earlier try that timed out
		}
		if err := b.codeError(t.ErrorCode, t.ErrorMessage); err != nil {
			return fmt.Errorf("create %s: %w", t.Name, err)
		}
	}
	return nil
}

// List returns all topics except the internal ones, sorted by name. Changes by others are
// visible within 2 s. It fails when the cluster is away.
func (b *Bus) List(ctx context.Context) ([]messages.Topic, error) {
	topics, err := repeat(ctx, retryFor, func() ([]messages.Topic, error) {
		// The transport answers from its cache even while the broker is away.
		if err := b.alive(ctx); err != nil {
			return nil, err
		}
		t, err := b.topology(ctx)
		if err != nil {
			return nil, err
		}
		topics := make([]messages.Topic, 0, len(t.leaders))
		for name, leaders := range t.leaders {
			if !strings.HasPrefix(name, internalPrefix) {
				topics = append(topics, messages.Topic{Name: name, Partitions: len(leaders)})
			}
		}
		slices.SortFunc(topics, func(a, b messages.Topic) int { return strings.Compare(a.Name, b.Name) })
		return topics, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", b.explained(err))
	}
	return topics, nil
}

// Partitions asks the cluster how many partitions the topic has. One that does
// not exist, or may not be seen, is messages.ErrNotWritten. It repeats temporary
// failures for 2 s.
func (b *Bus) Partitions(ctx context.Context, topic string) (int, error) {
	t, err := repeat(ctx, retryFor, func() (*topology, error) { return b.refresh(ctx) })
	if err != nil {
		return 0, fmt.Errorf("ask for topic %s: %w", topic, b.explained(err))
	}
	n := len(t.leaders[topic])
	if n == 0 {
		return 0, fmt.Errorf("%w: topic %s does not exist, or this user may not see it", messages.ErrNotWritten, topic)
	}
	return n, nil
}

// alive makes a round trip to any broker of the cluster.
func (b *Bus) alive(ctx context.Context) error {
	res, err := b.call(ctx, callTimeout, &apiversions.Request{})
	if err != nil {
		return err
	}
	return b.codeError(res.(*apiversions.Response).ErrorCode, "")
}

// Grow raises the topic's partition count to n and returns when the new
// partitions answer, also when it has n already. It never shrinks: fewer than
// now is messages.ErrRefused. It repeats temporary failures until ctx ends.
func (b *Bus) Grow(ctx context.Context, topic string, n int) error {
	asked := false // once the request was accepted, another one would be refused
	_, err := repeat(ctx, 0, func() (struct{}, error) {
		t, err := b.refresh(ctx)
		if err != nil {
			return struct{}{}, err
		}
		now := len(t.leaders[topic])
		if now > 0 && now < n && !asked {
			if err := b.addPartitions(ctx, topic, n); err != nil {
				return struct{}{}, err
			}
			asked = true
			if t, err = b.refresh(ctx); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, b.grown(ctx, t, topic, n)
	})
	if err != nil {
		return fmt.Errorf("grow %s to %d: %w", topic, n, err)
	}
	return nil
}

// grown returns nil when the topic has n partitions that all answer.
func (b *Bus) grown(ctx context.Context, t *topology, topic string, n int) error {
	switch now := len(t.leaders[topic]); {
	case now == 0:
		return b.codeError(int16(kafka.UnknownTopicOrPartition), "")
	case now > n:
		return fmt.Errorf("%w: it has %d partitions and cannot have fewer", messages.ErrRefused, now)
	case now < n:
		return fmt.Errorf("%w: new partitions are not announced yet", messages.ErrNotWritten)
	}
	if err := b.answer(ctx, t, topic, n); err != nil {
		return err
	}
	return b.haveLeaders(ctx, []messages.Topic{{Name: topic, Partitions: n}})
}

func (b *Bus) addPartitions(ctx context.Context, topic string, n int) error {
	res, err := b.call(ctx, callTimeout, &createpartitions.Request{
		Topics:    []createpartitions.RequestTopic{{Name: topic, Count: int32(n)}},
		TimeoutMs: int32(callTimeout / 2 / time.Millisecond),
	})
	if err != nil {
		return err
	}
	for _, r := range res.(*createpartitions.Response).Results {
		if err := b.codeError(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}
