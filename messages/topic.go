package messages

import (
	"fmt"
	"strings"
)

// CleanupPolicy is the setting of a topic that decides what happens to old records,
// CleanupDelete the value that our topics need.
const (
	CleanupPolicy = "cleanup.policy"
	CleanupDelete = "delete"
)

// TopicFault returns one sentence with what is wrong with the settings of one of our
// topics and how to cure it, or nothing. A setting that is not known counts as right.
func TopicFault(topic string, settings map[string]string) string {
	policy := settings[CleanupPolicy]
	if !strings.Contains(policy, "compact") {
		return ""
	}
	return fmt.Sprintf("topic %s has %s=%s, so Kafka drops messages that nobody has read yet: set it to %s "+
		"(kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s=%s)",
		topic, CleanupPolicy, policy, CleanupDelete, topic, CleanupPolicy, CleanupDelete)
}
