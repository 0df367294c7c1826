package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// forwardedHeader marks a call that a standby has forwarded. Such a call is answered or
// refused, but not forwarded again, since two masters may each believe for a moment that
// the other one leads. If there is an API token, the value is a signature.
const forwardedHeader = "X-Kafka-Master-Forwarded"

// maxForwarded is the largest answer of a leader that a standby returns, in bytes. No
// master sends one of that size.
const maxForwarded = 8 << 20

// maxForwarding is how many connections to the leader a standby opens for calls, and as many
// for streams.
const maxForwarding = maxStreams

// forward sends a call to the leader and returns its answer to the client. It reports
// whether the call was answered. The leader's address comes from the state store and is
// not trusted: the call was authorised here, and carries neither the caller's token nor
// a cookie.
func (s *Server) forward(c *gin.Context, to messages.Leader) bool {
	if to.API == "" || c.GetHeader(forwardedHeader) != "" {
		return false
	}
	body := sentBody(c.Request)
	ctx, cancel := context.WithTimeout(c.Request.Context(), messages.AskTimeout)
	defer cancel()
	proxy := httputil.ReverseProxy{
		Transport:      s.leader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Rewrite:        func(r *httputil.ProxyRequest) { s.rewriteRequest(r, to.API, body) },
		ModifyResponse: filterAnswer,
		ErrorHandler:   s.leaderAway(c, to),
	}
	proxy.ServeHTTP(c.Writer, c.Request.WithContext(ctx))
	c.Writer.WriteHeaderNow() // an answer to HEAD has no body that would do so
	return true
}

// leaderAway answers a call that the leader has not answered.
func (s *Server) leaderAway(c *gin.Context, to messages.Leader) func(http.ResponseWriter, *http.Request, error) {
	return func(_ http.ResponseWriter, _ *http.Request, err error) {
		s.log.Debug("leader does not answer an API call", "leader", to.MasterID, "api", to.API, "err", err)
		refuse(c.Writer, c.Request, http.StatusServiceUnavailable, noLeaderText(to, err))
	}
}

// noLeaderText explains to the client why the leader has not answered a forwarded call.
func noLeaderText(to messages.Leader, err error) string {
	why := "does not answer at %s; its API_ADVERTISE must be an address at which the other masters reach it."
	if errors.Is(err, errSignatureRefused) {
		why = "refuses the calls that this master forwards to %s; all masters need the same API_TOKEN, and clocks that differ by less than " + maxClockSkew.String() + "."
	}
	return fmt.Sprintf("This master is a standby, and the leader %s "+why, messages.Clean(to.MasterID, 128), messages.Clean(to.API, 300))
}

// rewriteRequest makes the call to the leader. Of the caller's headers it keeps only
// those that describe the body and the wanted answer. Only one that changes something has a body.
func (s *Server) rewriteRequest(r *httputil.ProxyRequest, api string, body []byte) {
	r.SetURL(&url.URL{Scheme: "http", Host: api})
	header := http.Header{forwardedHeader: {"1"}}
	s.nameForwarded(header, r.In, r.Out.Method, r.Out.URL.RequestURI(), api, body)
	if s.signingKey != nil {
		header.Set(forwardedHeader, s.signingKey.sign(r.Out.Method, r.Out.URL.RequestURI(), api, body))
	}
	maps.Copy(header, only(r.In.Header, "Accept", "Accept-Encoding", "Content-Type", "User-Agent"))
	r.Out.Header = header
	r.Out.Body, r.Out.ContentLength = http.NoBody, 0
	if len(body) > 0 {
		r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
}

// only returns those headers that have one of the names.
func only(all http.Header, names ...string) http.Header {
	out := http.Header{}
	for _, name := range names {
		if values := all.Values(name); len(values) > 0 {
			out[http.CanonicalHeaderKey(name)] = values
		}
	}
	return out
}

// errSignatureRefused is the error of a forwarded call whose signature the leader does
// not accept.
var errSignatureRefused = errors.New("the leader refuses the signature")

// filterAnswer keeps only those headers of the leader's answer that describe it; this
// server adds its own. A 401 becomes an error, since the caller's token was accepted
// here: the masters do not agree with each other.
func filterAnswer(r *http.Response) error {
	if r.StatusCode == http.StatusUnauthorized {
		return errSignatureRefused
	}
	r.Header = only(r.Header, "Content-Type", "Content-Length", "Content-Encoding", "Retry-After", "Allow")
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, maxForwarded), r.Body}
	return nil
}

// passStream passes the leader's stream of events on, for as long as it lasts. It reports
// whether the call was answered.
func (s *Server) passStream(c *gin.Context, to messages.Leader) bool {
	if to.API == "" || c.GetHeader(forwardedHeader) != "" {
		return false
	}
	proxy := httputil.ReverseProxy{
		Transport: s.leaderStreams,
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			s.rewriteRequest(r, to.API, nil)
			r.Out.Header["Last-Event-Id"] = r.In.Header.Values("Last-Event-ID")
		},
		ModifyResponse: func(r *http.Response) error {
			body := r.Body
			err := filterAnswer(r)
			if r.StatusCode == http.StatusOK {
				r.Body = body // has no end, and so no largest size
				r.Header.Set("X-Accel-Buffering", "no")
			}
			return err
		},
		ErrorHandler: s.leaderAway(c, to),
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{}) // as in beginStream
	proxy.ServeHTTP(patientWriter{c.Writer}, c.Request)
	return true
}

// leaderTransport returns the transport for forwarded calls, which bounds the
// connections to the leader.
func leaderTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.MaxConnsPerHost = maxForwarding
	t.ResponseHeaderTimeout = messages.AskTimeout + time.Second
	return t
}
