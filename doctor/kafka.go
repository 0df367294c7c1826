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

// Cluster is a Kafka cluster.
type Cluster interface {
	// Ping makes a round trip. Its error contains the remedy.
	Ping(context.Context) error
	// List returns all topics.
	List(context.Context) ([]messages.Topic, error)
	// Advertised returns the addresses that Kafka advertises to its clients. The value
	// is the reason why an address cannot be reached, or nil.
	Advertised(context.Context) (map[string]error, error)
	// Creatable returns an error if the topics cannot be created. It does not create
	// them.
	Creatable(context.Context, []messages.TopicSpec) error
}

// TopicSettings reads the settings of existing topics.
type TopicSettings interface {
	// Settings returns the settings by topic and name.
	Settings(context.Context, []string) (map[string]map[string]string, error)
}

// SetUp is a cluster whose topic settings can be read.
type ClusterWithSettings interface {
	Cluster
	TopicSettings
}

// Kafka checks a cluster, given by its bootstrap addresses, and the topics that the
// master needs there.
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

// checkSettings warns about topics whose settings lose messages. It accepts a cluster
// that does not return settings. It skips the topic for the heartbeats of masters, which
// may be compacted, since only the last heartbeat matters.
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

// EmbeddedBroker checks the loopback address of the embedded broker. chosen is true if
// its port was set by the user.
func EmbeddedBroker(address string, chosen bool) Check {
	return Check{Name: "kafka", Run: func(context.Context) []Finding {
		l, err := net.Listen("tcp", address)
		switch {
		case err == nil && l.Close() == nil:
			return ok("embedded broker on %s (set KAFKA_BROKER_ADDRESS to use another broker)", address)
		case chosen:
			return warn("embedded broker, but %s is in use: set KAFKA_BROKER_PORT to a free port unless your master is already running there", address)
		}
		return ok("embedded broker; %s is in use, so the master will choose a free port unless it is already running there", address)
	}}
}

// checkAddresses checks the addresses that Kafka advertises to its clients. A broker
// that is reachable, but advertises an address that is not, is a common fault.
func checkAddresses(ctx context.Context, c Cluster, brokers []string) []Finding {
	all, err := c.Advertised(ctx)
	if err != nil {
		return fail("%s", messageOf(err))
	}
	var found []Finding
	for _, address := range slices.Sorted(maps.Keys(all)) {
		if err := all[address]; err != nil {
			found = append(found, fail("Kafka answers at %s, but refers its clients to %s, which cannot be reached from here: "+
				"advertise an address that this machine can reach (advertised.listeners; KAFKA_PUBLIC_HOST with docker-compose): %v",
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
		return fail("%s lacks the topics %s and does not allow the master to create them: create them yourself, give the user the permission, "+
			"or correct KAFKA_REPLICATION: %v", at, strings.Join(names, ", "), err)
	}
	if len(there) > 0 {
		return ok("%s, topics with their partitions: %s; the master will create %s", at, strings.Join(there, ", "), strings.Join(names, ", "))
	}
	return ok("%s, the master will create its topics: %s", at, strings.Join(names, ", "))
}
