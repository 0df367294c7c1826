package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func exampleSettings() []Setting {
	return []Setting{
		{Name: "BATCH_SIZE", Value: "500", Source: "default"}, {Name: "KAFKA_PARTITIONS", Value: "15", Source: ".env"},
		{Name: "LOG_LEVEL", Value: "info", Source: "environment"}, {Name: "API_TOKEN", Value: "***", Source: "API_TOKEN_FILE", Secret: true, Doc: "Token."},
	}
}

// patched makes a PATCH of the settings of a master and returns its answer.
func patched(t *testing.T, f *fakeMaster, body string) reply {
	t.Helper()
	return sender(t, Config{Asker: f, ChunkTopic: "master-signal"})(http.MethodPatch, "/api/v1/settings", body)
}

func TestSettingsAreShownWithTheirSources(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := start(t, Config{Asker: f, Settings: exampleSettings(), ChunkTopic: "master-signal"})
	shown := func() (out settingsBody) {
		got := call(http.MethodGet, "/api/v1/settings")
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.NoError(t, json.Unmarshal([]byte(got.body), &out))
		return out
	}
	x := shown()
	require.Equal(t, settingBody{Name: "BATCH_SIZE", Value: "500", Source: "default", RunTime: true}, x.Settings[0])
	require.Equal(t, settingBody{Name: "API_TOKEN", Value: "***", Source: "API_TOKEN_FILE", Secret: true, Doc: "Token."}, x.Settings[3])
	require.Equal(t, "drain", x.Audit[0].Action, "the newest change first")
	require.Equal(t, "50", x.Audit[1].New)
	f.batch, f.topics[2].Partitions, f.logLevel = 50, 20, "debug"
	x = shown()
	require.Equal(t, settingBody{Name: "BATCH_SIZE", Value: "50", Source: "run time", Configured: "500", RunTime: true}, x.Settings[0])
	require.Equal(t, settingBody{Name: "KAFKA_PARTITIONS", Value: "20", Source: "run time", Configured: "15", RunTime: true}, x.Settings[1])
	require.Equal(t, settingBody{Name: "LOG_LEVEL", Value: "debug", Source: "run time", Configured: "info", RunTime: true}, x.Settings[2])
}

func TestSettingsAreChangedAtRunTime(t *testing.T) {
	t.Parallel()
	f := newFake()
	got := patched(t, f, `{"batch_size":50,"partitions":20,"log_level":"debug"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, `{"old":{"batch_size":500,"partitions":15,"log_level":"default"},"new":{"batch_size":50,"partitions":20,"log_level":"debug"}}`, got.body)
	require.Equal(t, `{"old":{"batch_size":50,"partitions":20,"log_level":"debug"},"new":{"batch_size":50,"partitions":20,"log_level":"default"}}`, patched(t, f, `{"log_level":"default"}`).body)
	require.Equal(t, 4, f.changes)
}

// Partitions are never removed, and then nothing else is changed either.
func TestBadSettingsChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	requireProblem(t, patched(t, f, `{"batch_size":50,"partitions":3}`), http.StatusConflict, "15")
	for body, fact := range map[string]string{
		`{}`: "batch_size, partitions or log_level", `{"batch_size":0}`: "body.batch_size", `{"batch_size":1000001}`: "body.batch_size", `{"batch_size":"x"}`: "body.batch_size",
		`{"partitions":10001}`: "body.partitions", `{"log_level":"loud"}`: "body.log_level", `{"worker_timeout":1}`: "body.worker_timeout", `x`: "body",
	} {
		requireProblem(t, patched(t, f, body), http.StatusUnprocessableEntity, fact)
	}
	require.Zero(t, f.changes)
}
