package doctor

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"kafka-master/messages"
)

// Cluster is what is asked of Kafka.
type Cluster interface {
	// Ping makes a round trip; its error says what to do.
	Ping(context.Context) error
	// List returns all topics.
	List(context.Context) ([]messages.Topic, error)
	// Advertised returns the addresses that Kafka sends its clients to, each with
	// why it cannot be reached.
	Advertised(context.Context) (map[string]error, error)
	// Creatable reports whether the topics could be made, without making them.
	Creatable(context.Context, []messages.TopicSpec) error
}

// TopicSettings is what is asked of topics that exist.
type TopicSettings interface {
	// Settings returns settings of the topics, by topic and name.
	Settings(context.Context, []string) (map[string]map[string]string, error)
}

// SetUp is a cluster of which the settings of topics can be seen.
type ClusterWithSettings interface {
	Cluster
	TopicSettings
}

// Kafka looks at a cluster that is named by its bootstrap addresses, and at the
// topics that the master needs there.
func Kafka(c ClusterWithSettings, brokers []string, topics []messages.TopicSpec) Check {
	return Check{Name: "kafka", Run: func(ctx context.Context) []Finding {
		if err := c.Ping(ctx); err != nil {
			return fail("%s", messageOf(err))
		}
		if found := checkAddresses(ctx, c, brokers); len(found) > 0 {
			return found
		}
		return append(checkTopics(ctx, c, brokers, topics), checkSettings(ctx, c, topics)...)
	}}
}

// lookAtSettings warns of topics that are set up in a way that loses messages. A
// cluster that does not tell is fine. Heartbeats of masters may be compacted:
// only the last one is of use.
func checkSettings(ctx context.Context, c TopicSettings, topics []messages.TopicSpec) (found []Finding) {
	var names []string
	for _, t := range topics[:min(len(topics), 3)] {
		names = append(names, t.Name)
	}
	settings, err := c.Settings(ctx, names)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if fault := messages.TopicFault(name, settings[name]); fault != "" {
			found = append(found, warn("%s", fault)...)
		}
	}
	return found
}

// EmbeddedBroker looks at the loopback address of the broker that runs in the
// master. chosen is whether somebody asked for its port.
func EmbeddedBroker(address string, chosen bool) Check {
	return Check{Name: "kafka", Run: func(context.Context) []Finding {
		l, err := net.Listen("tcp", address)
		switch {
		case err == nil && l.Close() == nil:
			return ok("a broker of its own, on %s (set KAFKA_BROKER_ADDRESS for another one)", address)
		case chosen:
			return warn("a broker of its own, but %s is in use: by a master that runs already, or set KAFKA_BROKER_PORT to a free port", address)
		}
		return ok("a broker of its own; %s is in use, so the master takes a free port unless it is the one that runs there", address)
	}}
}

// addresses looks at where Kafka sends its clients: a broker that is reached by
// one address and says another is the usual reason why nothing works.
func checkAddresses(ctx context.Context, c Cluster, brokers []string) []Finding {
	all, err := c.Advertised(ctx)
	if err != nil {
		return fail("%s", messageOf(err))
	}
	var found []Finding
	for _, address := range slices.Sorted(maps.Keys(all)) {
		if err := all[address]; err != nil {
			found = append(found, fail("Kafka answers at %s and sends its clients on to %s, which cannot be used from here: "+
				"let it advertise an address that this machine reaches (advertised.listeners; KAFKA_PUBLIC_HOST with docker-compose): %v",
				strings.Join(brokers, ","), address, err)...)
		}
	}
	return found
}

func checkTopics(ctx context.Context, c Cluster, brokers []string, want []messages.TopicSpec) []Finding {
	have, err := c.List(ctx)
	if err != nil {
		return fail("%s", messageOf(err))
	}
	var there []string
	var missing []messages.TopicSpec
	for _, spec := range want {
		i := slices.IndexFunc(have, func(t messages.Topic) bool { return t.Name == spec.Name })
		if i < 0 {
			missing = append(missing, spec)
			continue
		}
		there = append(there, fmt.Sprintf("%s (%d)", spec.Name, have[i].Partitions))
	}
	at := strings.Join(brokers, ",")
	if len(missing) == 0 {
		return ok("%s, topics with their partitions: %s", at, strings.Join(there, ", "))
	}
	names := make([]string, len(missing))
	for i, spec := range missing {
		names[i] = spec.Name
	}
	if err := c.Creatable(ctx, missing); err != nil {
		return fail("%s lacks the topics %s and does not let the master make them: make them yourself, or give the user the right to, "+
			"or correct KAFKA_REPLICATION: %v", at, strings.Join(names, ", "), err)
	}
	if len(there) > 0 {
		return ok("%s, topics with their partitions: %s; the master will make %s", at, strings.Join(there, ", "), strings.Join(names, ", "))
	}
	return ok("%s, the master will make its topics: %s", at, strings.Join(names, ", "))
}
