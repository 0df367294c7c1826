package app

import (
	"path/filepath"
	"strings"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// program returns the command with which a person can run this program again. It is the one
// that was typed, since the bare name may not be in the search path.
func program(typed string) string {
	if strings.Contains(filepath.ToSlash(typed), "/go-build") { // the binary of "go run" is deleted when this process ends
		return "go run ."
	}
	if typed == "" {
		return "kafka-master"
	}
	return messages.ShellWord(typed)
}

// workerCommand returns the shell command that starts a worker of this master. It contains no
// secrets, which the worker reads from the environment or .env.
func workerCommand(typed string, s settings.Settings, brokers []string) string {
	parts := []string{program(typed), "worker", "--kafka-broker-address", messages.ShellWord(strings.Join(brokers, ","))}
	for _, topic := range []struct{ name, value string }{
		{"KAFKA_TOPIC_NAME_MASTER", s.ChunkTopic}, {"KAFKA_TOPIC_NAME_WORKER", s.SignalTopic}, {"KAFKA_TOPIC_NAME_WORKER_FREE", s.ConnectionTopic},
	} {
		if s.IsSet(topic.name) {
			parts = append(parts, "--"+flag(topic.name), messages.ShellWord(topic.value))
		}
	}
	return strings.Join(parts, " ")
}

// flag returns the flag of a setting, without dashes.
func flag(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }
