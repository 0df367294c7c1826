package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// standby returns a server whose master is a standby of the one at the address api.
func standby(t *testing.T, api string, cfg Config) *Server {
	fake := newFake()
	fake.err = &messages.NotLeader{Leader: messages.Leader{MasterID: "m1", API: api}}
	cfg.Asker = fake
	s := New(cfg)
	t.Cleanup(s.leader.CloseIdleConnections)
	return s
}

func startLeader(t *testing.T, cfg Config) (*fakeMaster, string) {
	fake := newFake()
	server := httptest.NewUnstartedServer(nil)
	cfg.Asker, cfg.Advertise = fake, server.Listener.Addr().String()
	server.Config.Handler = New(cfg).Handler()
	server.Start()
	t.Cleanup(server.Close)
	return fake, cfg.Advertise
}

func call(s *Server, path string, header ...string) *httptest.ResponseRecorder {
	return serve(s, http.MethodGet, path, header...)
}

func serve(s *Server, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost:3002"+path, nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestStandbyForwardsCalls(t *testing.T) {
	cfg := Config{Token: "t0ken"}
	fake, api := startLeader(t, cfg)
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
				requireShows(t, w.Body.String(), "m1", api, "API_ADVERTISE")
			}
		})
	}
}

// A caller with the right token gets no 401 when the masters have different tokens.
func TestLeaderThatRefusesForwardedCalls(t *testing.T) {
	t.Parallel()
	fake, api := startLeader(t, Config{Token: "another"})
	w := call(standby(t, api, Config{Token: token}), "/api/updateNumBatches?numBatches=7", "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
	require.Equal(t, retryAfter, w.Header().Get("Retry-After"))
	requireShows(t, w.Body.String(), "m1", api, "API_TOKEN", maxClockSkew.String())
	require.Zero(t, fake.changes)
}

// A false address of the leader in the state store gains nothing. It receives neither
// the token nor a cookie, only a signature that is not valid for anything else, and it
// cannot add a cookie or a redirect to an answer.
func TestFalseLeaderGainsNothing(t *testing.T) {
	t.Parallel()
	var seen http.Header
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Location", "http://evil")
		w.Header().Set("Content-Security-Policy", "default-src *")
		fmt.Fprint(w, "7")
	}))
	t.Cleanup(thief.Close)
	cfg := Config{Token: token}
	const target = "/api/updateNumBatches?numBatches=7"
	w := call(standby(t, strings.TrimPrefix(thief.URL, "http://"), cfg), target,
		"Authorization", "Bearer "+token, "Cookie", "session=canary", "X-Api-Key", "canary", "Accept", "text/html")
	require.Equal(t, "7", w.Body.String())
	require.Empty(t, w.Header().Get("Set-Cookie")+w.Header().Get("Location"))
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "text/html", seen.Get("Accept"))
	signature := seen.Get(forwardedHeader)
	require.NotEmpty(t, signature)
	for _, all := range seen {
		for _, x := range all {
			require.NotContains(t, x, "canary")
		}
	}

	fake, api := startLeader(t, cfg)
	replay := func(target, signature string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+target, nil)
		require.NoError(t, err)
		r.Header.Set(forwardedHeader, signature)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusUnauthorized, replay(target, signature), "it was signed for another master")
	key := newSigningKey(token)
	good := key.sign(http.MethodGet, target, api, nil)
	require.Equal(t, http.StatusUnauthorized, replay("/api/updateNumBatches?numBatches=8", good), "for another call")
	for _, bad := range []string{"1", ".", "0." + good, good + "x", strings.Replace(good, ".", "..", 1)} {
		require.Equal(t, http.StatusUnauthorized, replay(target, bad), bad)
	}
	require.Zero(t, fake.changes)
	require.Equal(t, http.StatusOK, replay(target, good))
	require.Equal(t, 1, fake.changes)
}

func TestSignaturesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := newSigningKey(token)
		signature := key.sign("GET", "/x", "h:1", nil)
		require.True(t, key.verify(signature, "GET", "/x", "h:1", nil))
		require.False(t, key.verify(signature, "HEAD", "/x", "h:1", nil))
		require.False(t, newSigningKey("other").verify(signature, "GET", "/x", "h:1", nil))
		require.False(t, newSigningKey("").verify(signature, "GET", "/x", "h:1", nil))
		require.False(t, key.verify(key.sign("GET", "/x", "", nil), "GET", "/x", "", nil), "this master does not know its own address")
		time.Sleep(maxClockSkew + time.Second)
		require.False(t, key.verify(signature, "GET", "/x", "h:1", nil))
	})
}

// Forwarded calls use the master's own address, which is allowed in addition to the
// names that people use.
func TestAllowedHostsDoNotBreakForwarding(t *testing.T) {
	t.Parallel()
	cfg := Config{AllowedHosts: []string{"localhost", "master.example"}}
	_, api := startLeader(t, cfg)
	require.Equal(t, http.StatusOK, call(standby(t, api, cfg), "/api/getNumBatches").Code)
	require.Equal(t, http.StatusForbidden, call(standby(t, api, cfg), "/api/getNumBatches", "Host", "evil.example").Code)
}

// Two masters that each believe that the other one leads do not forward a call forever.
func TestCallsAreForwardedOnce(t *testing.T) {
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
