package httpapi

import (
	"context"
	"net"
	"net/http"

	"kafka-master/messages"
)

// callerHeader carries the caller of a call that a standby has forwarded.
const callerHeader = "X-Kafka-Master-Caller"

// tokenCaller is the caller of every call with the API token.
const tokenCaller = "api"

// maxCaller is how many characters of a caller are kept.
const maxCaller = 64

// caller names who makes a call, for the audit: the name of the token, or without one the
// client's address. Without a token everybody may do everything, so that a standby is
// believed who its caller is.
func (s *Server) caller(r *http.Request) string {
	if s.cfg.Token != "" {
		return tokenCaller
	}
	if from := r.Header.Get(callerHeader); from != "" && r.Header.Get(forwardedHeader) != "" {
		return messages.CleanLine(from, maxCaller)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return messages.CleanLine(host, maxCaller)
}

// callerKey is the key of a call's caller.
type callerKey struct{}

// by names the caller of an operation, as an AuditEntry does.
func by(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// nameCaller stores who makes a call.
func (s *Server) nameCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, s.caller(r))))
	})
}
