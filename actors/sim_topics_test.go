package actors

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"kafka-master/messages"
)

// Ensure implements Topics.
func (b simBus) Ensure(ctx context.Context, specs []messages.TopicSpec) (out []messages.Topic, err error) {
	b.call(ctx, "ensure", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		for _, s := range specs {
			if s.Replication > memBrokers {
				out, err = nil, fmt.Errorf("simulated: %d replicas: %w", s.Replication, messages.ErrRefused)
				return
			}
			if b.k.size[s.Name] == 0 {
				b.k.policies[s.Name] = s.Config[messages.CleanupPolicy]
				b.k.grow(s.Name, s.Partitions)
			}
			out = append(out, messages.Topic{Name: s.Name, Partitions: b.k.size[s.Name]})
		}
	})
	return out, err
}

// Settings implements Topics.
func (b simBus) Settings(ctx context.Context, topics []string) (out map[string]map[string]string, err error) {
	b.call(ctx, "settings of topics", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		out = map[string]map[string]string{}
		for _, name := range topics {
			if b.k.size[name] > 0 {
				out[name] = map[string]string{messages.CleanupPolicy: cmp.Or(b.k.policies[name], messages.CleanupDelete)}
			}
		}
	})
	return out, err
}

// List implements Topics.
func (b simBus) List(ctx context.Context) (out []messages.Topic, err error) {
	b.call(ctx, "list topics", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(b.k.size)) {
			if n := b.k.size[name]; n > 0 {
				out = append(out, messages.Topic{Name: name, Partitions: n})
			}
		}
	})
	return out, err
}

// Grow implements Topics.
func (b simBus) Grow(ctx context.Context, topic string, n int) (err error) {
	b.call(ctx, "grow "+topic, func(cause error) {
		switch err = b.k.up(cause); {
		case err != nil:
		case b.k.size[topic] == 0:
			err = errSimNoTopic
		case b.k.size[topic] > n:
			err = fmt.Errorf("simulated: it has %d partitions: %w", b.k.size[topic], messages.ErrRefused)
		default:
			b.k.grow(topic, n)
		}
	})
	return err
}
