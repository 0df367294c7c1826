package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// standby returns a server whose master stands by for the one at api.
func standby(t *testing.T, api string, cfg Config) *Server {
	fake := newFake()
	fake.err = &messages.NotLeader{Leader: messages.Leader{MasterID: "m1", API: api}}
	cfg.Asker = fake
	s := New(cfg)
	t.Cleanup(s.leader.CloseIdleConnections)
	return s
}

func leading(t *testing.T, cfg Config) (*fakeMaster, string) {
	fake := newFake()
	cfg.Asker = fake
	server := httptest.NewServer(New(cfg).Handler())
	t.Cleanup(server.Close)
	return fake, strings.TrimPrefix(server.URL, "http://")
}

func call(s *Server, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:3002"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestStandbyPassesCallsOnToTheLeader(t *testing.T) {
	cfg := Config{Token: "t0ken"}
	fake, api := leading(t, cfg)
	s := standby(t, api, cfg)
	auth := []string{"Authorization", "Bearer t0ken"}

	w := call(s, "/api/getNumBatches", auth...)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "500", w.Body.String())
	require.Equal(t, []string{"nosniff"}, w.Header().Values("X-Content-Type-Options"))

	w = call(s, "/api/updateNumBatches?numBatches=7", append(auth, "Origin", "http://localhost:3002", "Sec-Fetch-Site", "same-origin")...)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, 7, fake.batch)
	require.Equal(t, http.StatusForbidden, call(s, "/api/updateNumBatches?numBatches=8", append(auth, "Origin", "http://evil")...).Code)
	require.Equal(t, http.StatusUnauthorized, call(s, "/api/getNumBatches").Code)
	require.Equal(t, 7, fake.batch)

	fake.err = messages.ErrShrink
	w = call(s, "/api/updatePartitions?value=3", auth...)
	require.Equal(t, http.StatusConflict, w.Code, "the leader's refusal is passed on")
}

func TestStandbyWithoutALeaderThatAnswers(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, api := range map[string]string{"nobody leads": "", "leader is away": strings.TrimPrefix(closed.URL, "http://")} {
		t.Run(name, func(t *testing.T) {
			w := call(standby(t, api, Config{}), "/api/getWorkersStatus")
			require.Equal(t, http.StatusServiceUnavailable, w.Code)
			require.Equal(t, retryAfter, w.Header().Get("Retry-After"))
			if api != "" {
				require.Contains(t, w.Body.String(), "the leader m1 does not answer at "+api)
			}
		})
	}
}

// Two masters that each take the other one for the leader do not pass a call to
// and fro.
func TestCallsArePassedOnOnce(t *testing.T) {
	calls := 0
	var b *Server
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		b.Handler().ServeHTTP(w, r)
	}))
	defer second.Close()
	api := strings.TrimPrefix(second.URL, "http://")
	b = standby(t, api, Config{})
	require.Equal(t, http.StatusServiceUnavailable, call(standby(t, api, Config{}), "/api/getNumBatches").Code)
	require.Equal(t, 1, calls)
}

func TestReadyOfAStandbyNamesTheLeader(t *testing.T) {
	fake := newFake()
	fake.overview = messages.Overview{Role: "standby", Term: 4, Leader: messages.Leader{MasterID: "m1", API: "h:1"}}
	w := call(New(Config{Asker: fake}), "/readyz")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "ready: standby, term 4, leader m1 at h:1\n", w.Body.String())
}
