package httpapi

import (
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// exampleSeries has two cells of each figure, of which the first one has no sample.
func exampleSeries() *messages.Series {
	s := &messages.Series{Window: messages.Window1h, From: began}
	for n := range s.Values {
		s.Values[n] = []float64{math.NaN(), float64(n) + 0.12345}
	}
	return s
}

func TestSeries(t *testing.T) {
	t.Parallel()
	f := newFake()
	call := start(t, Config{Asker: f})
	got := call(http.MethodGet, "/api/v1/series?name=ready,failed_and_dead&window=1h")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, `{"window":"1h","step_s":10,"from":"2026-03-01T12:00:00.123Z","series":{"failed_and_dead":[null,5.123],"ready":[null,1.123]}}`, got.body)
	got = call(http.MethodGet, "/api/v1/series")
	require.Contains(t, got.body, `"window":"5m","step_s":1,`)
	require.Contains(t, got.body, `"items_per_s":[null,0.123]`)
	for _, wrong := range []string{"?name=nope", "?name=ready,nope", "?window=2h", "?window=5m&limit=3"} {
		require.Equal(t, http.StatusUnprocessableEntity, call(http.MethodGet, "/api/v1/series"+wrong).status, wrong)
	}
}
