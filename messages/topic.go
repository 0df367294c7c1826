package messages

import (
	"fmt"
	"strings"
)

// CleanupPolicy is the setting of a topic that says what happens to old records.
const (
	CleanupPolicy = "cleanup.policy"
	CleanupDelete = "delete"
)

// TopicFault says in one sentence what is wrong with the settings of a topic of
// ours, with the cure; it is empty when nothing is. Settings that are not known
// are taken for right ones.
func TopicFault(topic string, settings map[string]string) string {
	policy := settings[CleanupPolicy]
	if !strings.Contains(policy, "compact") {
		return ""
	}
	return fmt.Sprintf("topic %s has %s=%s, so Kafka drops messages that nobody has read yet: set it to %s "+
		"(kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s=%s)",
		topic, CleanupPolicy, policy, CleanupDelete, topic, CleanupPolicy, CleanupDelete)
}
