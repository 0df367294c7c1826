package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// forwardedBy is the header of a call that a standby passed on. Such a call is
// answered or refused, never passed on again: two masters may each believe for a
// moment that the other one leads.
const forwardedBy = "X-Kafka-Master-Forwarded"

// forward lets the leader answer, and reports whether somebody answered.
func (s *Server) forward(c *gin.Context, to messages.Leader) bool {
	if to.API == "" || c.GetHeader(forwardedBy) != "" {
		return false
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), AskTimeout)
	defer cancel()
	own := c.Writer.Header()
	proxy := httputil.ReverseProxy{
		Transport: s.leader,
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to.API})
			r.Out.Header.Set(forwardedBy, "1")
			for _, name := range []string{"Origin", "Referer", "Sec-Fetch-Site"} {
				r.Out.Header.Del(name) // judged here, where the call came from
			}
		},
		ModifyResponse: func(r *http.Response) error {
			for name := range own {
				r.Header.Del(name) // set by this server already
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			s.log.Debug("API: Leader does not answer", "leader", to.MasterID, "api", to.API, "err", err)
			c.Header("Retry-After", retryAfter)
			text(c, http.StatusServiceUnavailable, fmt.Sprintf("This master stands by, and the leader %s does not answer at %s; "+
				"API_ADVERTISE of the leader is where the others reach it.", clean(to.MasterID, 128), clean(to.API, 300)))
		},
	}
	proxy.ServeHTTP(c.Writer, c.Request.WithContext(ctx))
	return true
}

// leaderTransport is what calls are passed on by: few connections to one host.
func leaderTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.MaxConnsPerHost = 64
	return t
}
