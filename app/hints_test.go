package app

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

func TestWorkerCommandCanBeTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"./kafka-master": "./kafka-master", "kafka-master": "kafka-master", "/opt/my tools/km": "'/opt/my tools/km'",
		"/tmp/go-build42/b001/exe/kafka-master": "go run .", "": "kafka-master",
	} {
		require.Equal(t, want, program(typed))
	}
	env := func(all map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := all[name]; return v, ok }
	}
	s, err := settings.Load(pflag.NewFlagSet("", pflag.ContinueOnError), env(nil), nil)
	require.NoError(t, err)
	require.Equal(t, "./km worker --kafka-broker-address k1:9092,k2:9092", workerCommand("./km", s, []string{"k1:9092", "k2:9092"}))
	s, err = settings.Load(pflag.NewFlagSet("", pflag.ContinueOnError), env(map[string]string{"KAFKA_TOPIC_NAME_MASTER": "mine"}), nil)
	require.NoError(t, err)
	got := workerCommand("./km", s, []string{"k1:9092"})
	require.Equal(t, "./km worker --kafka-broker-address k1:9092 --kafka-topic-name-master mine", got)
}
