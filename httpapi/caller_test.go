package httpapi

import (
	"net/http"
	"net/http/httptest"
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
		"with a token":                      {token: "secret", from: "192.0.2.7:4711", want: "api"},
		"by its address":                    {from: "192.0.2.7:4711", want: "192.0.2.7"},
		"by an address of version 6":        {from: "[2001:db8::7]:4711", want: "2001:db8::7"},
		"without a port":                    {from: "@", want: "@"},
		"as a standby names it":             {from: "192.0.2.1:1", header: http.Header{forwardedHeader: {"1"}, callerHeader: {"192.0.2.7"}}, want: "192.0.2.7"},
		"a client that names itself is not": {from: "192.0.2.1:1", header: http.Header{callerHeader: {"192.0.2.7"}}, want: "192.0.2.1"},
		"control characters are removed":    {from: "192.0.2.1:1", header: http.Header{forwardedHeader: {"1"}, callerHeader: {"a\x1b[2Jb"}}, want: "a?[2Jb"},
		"a token hides what a standby says": {token: "secret", header: http.Header{forwardedHeader: {"1"}, callerHeader: {"x"}}, want: "api"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = x.from
			for k, v := range x.header {
				r.Header[k] = v
			}
			require.Equal(t, x.want, (&Server{cfg: Config{Token: x.token}}).caller(r))
		})
	}
}
