package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// forwardedBy is the header of a call that a standby passed on. Such a call is
// answered or refused, never passed on again: two masters may each believe for a
// moment that the other one leads. Where there is a token its value is a pass.
const forwardedBy = "X-Kafka-Master-Forwarded"

// maxForwarded is the most bytes of an answer that is passed back; no answer of a
// master is as large.
const maxForwarded = 8 << 20

// forward lets the leader answer, and reports whether somebody answered. The address
// is what the state store says, and so not to be trusted with anything: the call was
// checked here, and takes neither the caller's token nor a cookie along.
func (s *Server) forward(c *gin.Context, to messages.Leader) bool {
	if to.API == "" || c.GetHeader(forwardedBy) != "" {
		return false
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), AskTimeout)
	defer cancel()
	proxy := httputil.ReverseProxy{
		Transport:      s.leader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Rewrite:        func(r *httputil.ProxyRequest) { s.passOn(r, to.API) },
		ModifyResponse: passBack,
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			s.log.Debug("API: Leader does not answer", "leader", to.MasterID, "api", to.API, "err", err)
			c.Header("Retry-After", retryAfter)
			why := "does not answer at %s; API_ADVERTISE of the leader is where the others reach it."
			if errors.Is(err, errPassRefused) {
				why = "does not take the calls that this one passes on to %s; all masters need the same API_TOKEN and clocks less than " + passFor.String() + " apart."
			}
			text(c, http.StatusServiceUnavailable, "This master stands by, and the leader "+fmt.Sprintf("%s "+why, clean(to.MasterID, 128), clean(to.API, 300)))
		},
	}
	proxy.ServeHTTP(c.Writer, c.Request.WithContext(ctx))
	return true
}

// passOn makes the call to the leader: of the caller's headers it has only those
// that say what is wanted.
func (s *Server) passOn(r *httputil.ProxyRequest, api string) {
	r.SetURL(&url.URL{Scheme: "http", Host: api})
	header := http.Header{forwardedBy: {"1"}}
	if s.passKey != nil {
		header.Set(forwardedBy, s.passKey.sign(r.Out.Method, r.Out.URL.RequestURI(), api))
	}
	for _, name := range []string{"Accept", "Accept-Encoding", "User-Agent"} {
		if all := r.In.Header.Values(name); len(all) > 0 {
			header[name] = all
		}
	}
	r.Out.Header = header
	r.Out.Body, r.Out.ContentLength = http.NoBody, 0
}

// errPassRefused says that the leader does not believe that a call was checked here.
var errPassRefused = errors.New("the leader refuses the pass")

// passBack keeps of the leader's headers what describes the answer; this server sets
// its own beside them. The caller has shown the token, so it is not told that the
// token is wrong.
func passBack(r *http.Response) error {
	if r.StatusCode == http.StatusUnauthorized {
		return errPassRefused
	}
	header := http.Header{}
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Retry-After", "Allow"} {
		if all := r.Header.Values(name); len(all) > 0 {
			header[name] = all
		}
	}
	r.Header = header
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, maxForwarded), r.Body}
	return nil
}

// leaderTransport is what calls are passed on by: few connections to one host.
func leaderTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.MaxConnsPerHost = 64
	return t
}
