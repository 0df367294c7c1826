package settings_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

// env returns a lookup function for the pairs.
func env(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

// load loads the settings from an environment alone.
func load(t *testing.T, pairs map[string]string) (settings.Settings, settings.Mistakes) {
	t.Helper()
	s, err := settings.Load(nil, env(pairs), nil)
	if err == nil {
		return s, nil
	}
	var m settings.Mistakes
	require.ErrorAs(t, err, &m)
	return s, m
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	s, m := load(t, nil)
	require.Empty(t, m)
	require.Empty(t, s.KafkaBrokers)
	require.True(t, s.EmbeddedBroker())
	require.Equal(t, 9092, s.KafkaBrokerPort)
	require.Equal(t, "kafka-master", s.KafkaGroupID)
	require.Equal(t, "ip-scanner-group", s.KafkaWorkerGroup)
	require.Equal(t, "master-signal", s.ChunkTopic)
	require.Equal(t, "worker-signal", s.SignalTopic)
	require.Equal(t, "worker-connection", s.ConnectionTopic)
	require.Equal(t, "master-heartbeat", s.MasterHeartbeatTopic)
	require.Equal(t, 15, s.KafkaPartitions)
	require.Equal(t, -1, s.KafkaReplication)
	require.Equal(t, 500, s.BatchSize)
	require.Equal(t, time.Minute, s.WorkerTimeout)
	require.Equal(t, 5, s.MaxAttempts)
	require.Equal(t, settings.Auto, s.Prefetch)
	require.Equal(t, 4, s.EmbeddedWorkers)
	require.Nil(t, s.WorkerPartition)
	require.Equal(t, 445, s.SMBPort)
	require.Equal(t, ".", s.ClientDataPath)
	require.Equal(t, "input_ip_data", s.InputPath())
	require.Equal(t, 3*time.Second, s.Settle)
	require.False(t, s.Archive)
	require.Equal(t, "data/results", s.ResultsDir)
	require.Equal(t, "127.0.0.1:3001", s.APIAddress())
	require.True(t, s.APIOnLoopback())
	require.Equal(t, slog.LevelInfo, s.LogLevel)
	require.Equal(t, "auto", s.LogFormat)
	require.NotEmpty(t, s.MasterID)
	require.Empty(t, s.Warnings())
	require.False(t, s.RedisURL.IsSet() || s.APIToken.IsSet() || s.SMBPassword.IsSet())
}

func TestLoadOrderOfPlaces(t *testing.T) {
	t.Parallel()
	flags := settings.Flags()
	require.NoError(t, flags.Parse([]string{"--batch-size", "10", "--prefetch=", "--archive"}))
	real := map[string]string{"BATCH_SIZE": "20", "MAX_ATTEMPTS": "20", "PREFETCH": "20", "SETTLE": ""}
	dotenv := map[string]string{"BATCH_SIZE": "30", "MAX_ATTEMPTS": "30", "PREFETCH": "30", "SETTLE": "30", "WORKER_TIMEOUT": "# in seconds"}
	s, err := settings.Load(flags, env(real), dotenv)
	require.NoError(t, err)
	require.Equal(t, 10, s.BatchSize)
	require.Equal(t, 20, s.MaxAttempts)
	require.Equal(t, 20, s.Prefetch, "an empty flag is not set")
	require.Equal(t, 30*time.Second, s.Settle, "an empty variable is not set")
	require.Equal(t, time.Minute, s.WorkerTimeout, "a comment is no value")
	require.True(t, s.Archive)

	require.Equal(t, "10", s.Raw("BATCH_SIZE"))
	require.True(t, s.IsSet("BATCH_SIZE"))
	require.False(t, s.IsSet("KAFKA_BROKER_PORT"))
	require.Empty(t, s.Raw("KAFKA_BROKER_PORT"))
	sources := map[string]string{}
	for _, l := range s.Describe() {
		sources[l.Name] = l.Source
	}
	require.Equal(t, settings.SourceFlag, sources["BATCH_SIZE"])
	require.Equal(t, settings.SourceEnv, sources["MAX_ATTEMPTS"])
	require.Equal(t, settings.SourceDotenv, sources["SETTLE"])
	require.Equal(t, settings.SourceDefault, sources["WORKER_TIMEOUT"])
}

func TestLoadGoodValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       any
		got        func(settings.Settings) any
	}{
		{"WORKER_TIMEOUT", "60", time.Minute, func(s settings.Settings) any { return s.WorkerTimeout }},
		{"WORKER_TIMEOUT", "60s", time.Minute, func(s settings.Settings) any { return s.WorkerTimeout }},
		{"WORKER_TIMEOUT", " 1m\r", time.Minute, func(s settings.Settings) any { return s.WorkerTimeout }},
		{"WORKER_TIMEOUT", "86400", 24 * time.Hour, func(s settings.Settings) any { return s.WorkerTimeout }},
		{"SETTLE", "0", time.Duration(0), func(s settings.Settings) any { return s.Settle }},
		{"MERGE", "REPLACE", "replace", func(s settings.Settings) any { return s.Merge }},
		{"ARCHIVE", "YES", true, func(s settings.Settings) any { return s.Archive }},
		{"BATCH_SIZE", "1000000", 1_000_000, func(s settings.Settings) any { return s.BatchSize }},
		{"WORKER_PARTITION", "0", 0, func(s settings.Settings) any { return *s.WorkerPartition }},
		{"LOG_LEVEL", "DEBUG", slog.LevelDebug, func(s settings.Settings) any { return s.LogLevel }},
		{"LOG_FORMAT", "JSON", "json", func(s settings.Settings) any { return s.LogFormat }},
		{"KAFKA_BROKER_ADDRESS", "kafka_1", []string{"kafka_1:9092"}, func(s settings.Settings) any { return s.KafkaBrokers }},
		{"KAFKA_BROKER_ADDRESS", " a:1, b ,[::1],[::1]:7,a:1,", []string{"a:1", "b:9092", "[::1]:9092", "[::1]:7"}, func(s settings.Settings) any { return s.KafkaBrokers }},
		{"KAFKA_BROKER_ADDRESS", "a", 0, func(s settings.Settings) any { return s.EmbeddedWorkers }},
		{"API_LISTEN", "[::1]", "[::1]:3001", func(s settings.Settings) any { return s.APIAddress() }},
		{"DATA_DIR", "/srv/km", "/srv/km/results", func(s settings.Settings) any { return s.ResultsDir }},
		{"REDIS_URL", "redis://u:p@h:6379/0", "redis://u:p@h:6379/0", func(s settings.Settings) any { return s.RedisURL.Reveal() }},
		{"REDIS_URL", "unix:///run/redis.sock", "unix:///run/redis.sock", func(s settings.Settings) any { return s.RedisURL.Reveal() }},
	} {
		t.Run(c.name+"="+c.text, func(t *testing.T) {
			t.Parallel()
			s, m := load(t, map[string]string{c.name: c.text})
			require.Empty(t, m)
			require.Equal(t, c.want, c.got(s))
		})
	}
}

func TestLoadSMB(t *testing.T) {
	t.Parallel()
	pairs := map[string]string{"SMB_HOST": "nas", "SMB_USER": `CORP\scan`, "SMB_PASSWORD": " p w "}
	s, m := load(t, pairs)
	require.Empty(t, m)
	require.Equal(t, "share", s.ClientDataPath)
	require.Equal(t, "//nas/share/input_ip_data", s.InputPath())
	require.Equal(t, " p w ", s.SMBPassword.Reveal(), "white space belongs to a secret")

	pairs["CLIENT_DATA_PATH"] = `team\in/2026/`
	s, m = load(t, pairs)
	require.Empty(t, m)
	share, folder := s.Share()
	require.Equal(t, "team", share)
	require.Equal(t, "in/2026", folder)
}

func TestLoadSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, empty := filepath.Join(dir, "token"), filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(path, []byte("a-long-enough-token\r\n"), 0o600))
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))

	s, m := load(t, map[string]string{"API_TOKEN_FILE": path, "API_LISTEN": "0.0.0.0"})
	require.Empty(t, m)
	require.Equal(t, "a-long-enough-token", s.APIToken.Reveal())
	require.Empty(t, s.Warnings(), "the token is set")
	require.Empty(t, s.Raw("API_TOKEN"))
	for _, l := range s.Describe() {
		if l.Name == "API_TOKEN" {
			require.Equal(t, settings.Line{Name: "API_TOKEN", Value: "***", Source: "API_TOKEN_FILE", Doc: l.Doc, Secret: true}, l)
		}
	}

	_, m = load(t, map[string]string{"API_TOKEN_FILE": path, "API_TOKEN": "x"})
	require.Len(t, m, 1)
	_, m = load(t, map[string]string{"API_TOKEN_FILE": empty, "SMB_PASSWORD_FILE": filepath.Join(dir, "none")})
	require.Len(t, m, 2)
	require.Equal(t, []string{"SMB_PASSWORD", "SMB_PASSWORD_FILE"}, []string{m[0].Name, m[0].Source})
	require.Equal(t, []string{"API_TOKEN", "API_TOKEN_FILE"}, []string{m[1].Name, m[1].Source})
	require.Contains(t, m[0].Problem, filepath.Join(dir, "none"))
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	s, m := load(t, map[string]string{
		"API_LISTEN": "0.0.0.0", "KAFKA_BROKER_ADDRESS": "k", "KAFKA_SASL_MECHANISM": "plain",
		"KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p", "SMB_USER": "u",
	})
	require.Empty(t, m)
	require.Equal(t, "PLAIN", s.KafkaSASLMechanism)
	require.Len(t, s.Warnings(), 3)
	require.Contains(t, s.Warnings()[0], "API_TOKEN")

	s, err := settings.Load(nil, env(nil), map[string]string{"BATCHSIZE": "9", "COMPOSE_PROJECT_NAME": "x", "SMB_PASSWORD": "#pw"})
	require.NoError(t, err)
	require.Len(t, s.Warnings(), 2)
	require.Contains(t, s.Warnings()[0], "SMB_PASSWORD_FILE")
	require.Contains(t, s.Warnings()[1], "BATCH_SIZE")
}
