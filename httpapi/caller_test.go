package httpapi

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCallerIsNamed(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		token  string
		from   string
		header http.Header
		want   string
	}{
		"with the token":                    {token: "secret", header: bearerOf("secret"), from: "192.0.2.7:4711", want: "api"},
		"with the token that only reads":    {token: "secret", header: bearerOf("reads"), from: "192.0.2.7:4711", want: "read"},
		"by its address":                    {from: "192.0.2.7:4711", want: "192.0.2.7"},
		"by an address of version 6":        {from: "[2001:db8::7]:4711", want: "2001:db8::7"},
		"without a port":                    {from: "@", want: "@"},
		"as a standby names it":             {from: "192.0.2.1:1", header: http.Header{forwardedHeader: {"1"}, callerHeader: {"192.0.2.7"}}, want: "192.0.2.7"},
		"a client that names itself is not": {from: "192.0.2.1:1", header: http.Header{callerHeader: {"192.0.2.7"}}, want: "192.0.2.1"},
		"control characters are removed":    {from: "192.0.2.1:1", header: http.Header{forwardedHeader: {"1"}, callerHeader: {"a\x1b[2Jb"}}, want: "a?[2Jb"},
		"a token hides what a standby says": {token: "secret", header: http.Header{"Authorization": {"Bearer secret"}, forwardedHeader: {"1"}, callerHeader: {"x"}}, want: "api"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = x.from
			maps.Copy(r.Header, x.header)
			require.Equal(t, x.want, (&Server{cfg: Config{Token: x.token, ReadToken: "reads"}}).caller(r))
		})
	}
}

func bearerOf(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

const readToken = "canary-reads-0123456789"

// A caller who may only read changes nothing, at a standby as at the leader, and neither does
// anybody where everything is read only.
func TestWhoMayChange(t *testing.T) {
	t.Parallel()
	fake, api := startLeader(t, Config{Token: token, ReadToken: readToken})
	s := standby(t, api, Config{Token: token, ReadToken: readToken})
	_, locked := startLeader(t, Config{Token: token, ReadToken: readToken, ReadOnly: true})
	send := func(s *Server, method, target, bearer, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://localhost:3002"+target, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	leader := New(Config{Asker: fake, Token: token, ReadToken: readToken})
	frozen := New(Config{Asker: fake, Token: token, ReadToken: readToken, ReadOnly: true})
	for _, x := range []struct{ method, target, body string }{
		{http.MethodGet, "/api/updateNumBatches?numBatches=7", ""},
		{http.MethodGet, "/api/updatePartitions?value=20", ""},
		{http.MethodPost, "/api/v1/dead/retry", `{"filter":{}}`},
		{http.MethodPost, "/api/v1/failed/discard", `{"filter":{}}`},
	} {
		for name, got := range map[string]*httptest.ResponseRecorder{
			"reader at the leader":    send(leader, x.method, x.target, readToken, x.body),
			"reader at a standby":     send(s, x.method, x.target, readToken, x.body),
			"read only":               send(frozen, x.method, x.target, token, x.body),
			"standby of read only":    send(standby(t, locked, Config{Token: token}), x.method, x.target, token, x.body),
			"read only, with a token": send(frozen, x.method, x.target, readToken, x.body),
		} {
			require.Equal(t, http.StatusForbidden, got.Code, name+" "+x.target)
			require.Contains(t, got.Body.String(), "Nothing changed: ")
			require.Equal(t, strings.HasPrefix(x.target, pathV1), got.Header().Get("Content-Type") == typeProblem, name)
		}
	}
	require.Zero(t, fake.changes)
	for _, s := range []*Server{leader, s, frozen} {
		require.Equal(t, http.StatusOK, send(s, http.MethodGet, "/api/getNumBatches", readToken, "").Code)
	}
	require.Equal(t, http.StatusOK, send(leader, http.MethodGet, "/api/v1/files", readToken, "").Code)
	require.Equal(t, http.StatusOK, send(s, http.MethodPost, "/api/v1/dead/retry", token, `{"filter":{}}`).Code)
	require.Equal(t, 1, fake.changes)
}

// Who may only read is told so, at a standby as at the leader, whichever of them refuses.
func TestCallerIsToldWhatItMayDo(t *testing.T) {
	t.Parallel()
	_, api := startLeader(t, Config{Token: token, ReadToken: readToken})
	_, frozen := startLeader(t, Config{Token: token, ReadToken: readToken, ReadOnly: true})
	_, open := startLeader(t, Config{})
	cfg := Config{Token: token, ReadToken: readToken}
	locked := Config{Token: token, ReadOnly: true}
	for name, x := range map[string]struct {
		s    *Server
		with string
		want string
	}{
		"the leader":                {New(Config{Asker: newFake(), Token: token}), token, `{"name":"api","role":"api"}`},
		"a reader":                  {New(Config{Asker: newFake(), Token: token, ReadToken: readToken}), readToken, `{"name":"read","role":"read"}`},
		"a leader that only reads":  {New(Config{Asker: newFake(), Token: token, ReadOnly: true}), token, `{"name":"api","role":"read"}`},
		"nobody has a token":        {New(Config{Asker: newFake()}), "", `{"name":"192.0.2.1","role":"api"}`},
		"a standby":                 {standby(t, api, cfg), token, `{"name":"api","role":"api"}`},
		"a reader at a standby":     {standby(t, api, cfg), readToken, `{"name":"read","role":"read"}`},
		"a standby of one":          {standby(t, frozen, cfg), token, `{"name":"api","role":"read"}`},
		"a standby that only reads": {standby(t, api, locked), token, `{"name":"api","role":"read"}`},
		"a standby without a token": {standby(t, open, Config{}), "", `{"name":"192.0.2.1","role":"api"}`},
	} {
		got := call(x.s, "/api/v1/caller", "Authorization", "Bearer "+x.with)
		require.Equal(t, http.StatusOK, got.Code, name)
		require.JSONEq(t, x.want, got.Body.String(), name)
	}
	require.Equal(t, http.StatusServiceUnavailable, call(standby(t, "127.0.0.1:1", cfg), "/api/v1/caller", "Authorization", "Bearer "+token).Code)
	require.Equal(t, http.StatusUnauthorized, call(standby(t, api, cfg), "/api/v1/caller").Code)
}

// The leader knows of a forwarded call that its caller may only read. That cannot be made up,
// nor taken over for another call.
func TestForwardedCallsKeepTheirCaller(t *testing.T) {
	t.Parallel()
	const api = "127.0.0.1:3001"
	leader := New(Config{Asker: newFake(), Token: token, ReadToken: readToken, Advertise: api})
	s := New(Config{Asker: newFake(), Token: token, ReadToken: readToken})
	forwarded := func(bearer string) *http.Request {
		in := httptest.NewRequest(http.MethodGet, "/api/v1/files?limit=1", nil)
		in.Header.Set("Authorization", "Bearer "+bearer)
		in = in.WithContext(context.WithValue(in.Context(), callerKey{}, s.caller(in)))
		out := &httputil.ProxyRequest{In: in, Out: in.Clone(in.Context())}
		s.rewriteRequest(out, api, nil)
		return out.Out
	}
	require.Equal(t, readCaller, leader.caller(forwarded(readToken)))
	require.Equal(t, tokenCaller, leader.caller(forwarded(token)))
	r := forwarded(readToken)
	r.Header.Set(forwardedHeader, r.Header.Get(callerHeader))
	require.Empty(t, leader.caller(r))
	r = forwarded(token)
	r.Header.Set(callerHeader, forwarded(readToken).Header.Get(callerHeader)+"x")
	require.Equal(t, tokenCaller, leader.caller(r))
}
