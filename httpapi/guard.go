package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// isProbe reports whether a call is a health probe. Probes need no token: whether a
// process is alive and ready is no secret, and not every prober can send a token.
func isProbe(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.URL.Path == pathLive || r.URL.Path == pathReady)
}

// checkToken refuses calls without a token, if one is set.
func (s *Server) checkToken(next http.Handler) http.Handler {
	if s.cfg.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isProbe(r) && !s.hasToken(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="kafka-master"`)
			sentence := "This call needs the token: Authorization: Bearer <API_TOKEN>."
			if isDownload(r) && r.URL.Query().Has(linkSignature) {
				sentence = "This link has expired, or is another one than it was; the page has a new one, and so has the list of downloads."
			}
			refuse(w, r, http.StatusUnauthorized, sentence)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hasToken reports whether a call has one of the tokens, if any is set.
func (s *Server) hasToken(r *http.Request) bool { return s.cfg.Token == "" || s.tokenName(r) != "" }

// tokenName names the token that a call has, or that a master has checked which forwarded
// the call. It is empty if there is none.
func (s *Server) tokenName(r *http.Request) string {
	if signature := r.Header.Get(forwardedHeader); signature != "" {
		if s.signingKey.verify(signature, r.Method, r.URL.RequestURI(), s.cfg.Advertise, sentBody(r)) {
			return s.forwardedName(r)
		}
	}
	switch {
	case isToken(bearer(r), s.cfg.Token):
		return tokenCaller
	case isToken(bearer(r), s.cfg.ReadToken), isDownload(r) && s.linkKey.verify(r):
		return readCaller
	}
	return ""
}

// isToken compares a token with the one that is set. The hashes make that take the same time
// for every length.
func isToken(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func bearer(r *http.Request) string {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// checkHost refuses calls with an unknown host name. Otherwise a foreign page whose name
// resolves to this machine would count as our own site in a browser.
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isProbe(r) && !s.hasHost(r) {
			refuse(w, r, http.StatusForbidden, "This host name is not served here; use localhost or 127.0.0.1, or set API_TOKEN or API_ALLOWED_HOSTS.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hasHost reports whether a call uses an allowed host name. That of Config.Advertise is
// always allowed, since the other masters forward calls to it.
func (s *Server) hasHost(r *http.Request) bool {
	if len(s.cfg.AllowedHosts) == 0 {
		return true
	}
	name := hostName(r.Host)
	return slices.ContainsFunc(s.cfg.AllowedHosts, func(h string) bool { return hostName(h) == name }) ||
		s.cfg.Advertise != "" && hostName(s.cfg.Advertise) == name
}

// hostName returns a Host header without its port and in lower case.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// checkChange refuses calls of the legacy routes that may not change anything.
func (s *Server) checkChange(c *gin.Context) {
	if why := s.mayNotChange(c.Request); why != "" {
		refuse(c.Writer, c.Request, http.StatusForbidden, why)
		c.Abort()
	}
}

// mayNotChange returns why a call may not change anything; it is empty for one that may.
// Calls that a browser makes for a page of another site may not: the legacy routes use GET,
// which a page can send with an image tag. http.CrossOriginProtection of the standard library
// cannot be used, since it lets every GET pass.
func (s *Server) mayNotChange(r *http.Request) string {
	switch {
	case isCrossSite(r):
		return "Nothing changed: a page of another site may not do this."
	case s.cfg.ReadOnly:
		return "Nothing changed: this master has READ_ONLY=true."
	case s.mayOnlyRead(r.Context()):
		return "Nothing changed: this token may only read; changes need API_TOKEN."
	}
	return ""
}

// mayOnlyRead reports whether a call may not change anything, whatever it is.
func (s *Server) mayOnlyRead(ctx context.Context) bool {
	return s.cfg.ReadOnly || s.cfg.Token != "" && by(ctx) == readCaller
}

// isCrossSite reports whether the headers show that a page of another site makes the
// call. Clients that are not browsers do not send these headers. Browsers send
// Sec-Fetch-Site only to loopback addresses and over TLS; elsewhere Origin and Referer
// are all there is, and only a token protects reliably.
func isCrossSite(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, name := range []string{"Origin", "Referer"} {
		for _, from := range r.Header.Values(name) {
			u, err := url.Parse(from)
			if err != nil || !strings.EqualFold(u.Host, r.Host) {
				return true
			}
		}
	}
	return false
}
