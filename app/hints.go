package app

import (
	"path/filepath"
	"strings"

	"kafka-master/infra/settings"
)

// program is what a person types to run this program again: what was typed
// before, since a bare name may not be on the search path.
func program(typed string) string {
	if strings.Contains(filepath.ToSlash(typed), "/go-build") { // of "go run", gone when this process ends
		return "go run ."
	}
	if typed == "" {
		return "kafka-master"
	}
	return quoted(typed)
}

// workerCommand starts a worker of a master, as it can be typed into a shell. A
// secret is not part of it: the worker takes it from the environment or .env.
func workerCommand(typed string, s settings.Settings, brokers []string) string {
	parts := []string{program(typed), "worker", "--kafka-broker-address", quoted(strings.Join(brokers, ","))}
	for _, topic := range []struct{ name, value string }{
		{"KAFKA_TOPIC_NAME_MASTER", s.ChunkTopic}, {"KAFKA_TOPIC_NAME_WORKER", s.SignalTopic}, {"KAFKA_TOPIC_NAME_WORKER_FREE", s.ConnectionTopic},
	} {
		if s.IsSet(topic.name) {
			parts = append(parts, "--"+flag(topic.name), quoted(topic.value))
		}
	}
	return strings.Join(parts, " ")
}

// flag is a setting on the command line.
func flag(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@+=") == "" && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
