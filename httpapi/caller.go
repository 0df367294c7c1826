package httpapi

import (
	"context"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// callerHeader carries the caller of a call that a standby has forwarded.
const callerHeader = "X-Kafka-Master-Caller"

// The callers with a token: with API_TOKEN, and with that which only reads.
const (
	tokenCaller = "api"
	readCaller  = "read"
)

// maxCaller is how many characters of a caller are kept.
const maxCaller = 64

// caller names who makes a call, for the audit: the name of the token, or without one the
// client's address. Without a token everybody may do everything, so that a standby is
// believed who its caller is.
func (s *Server) caller(r *http.Request) string {
	if s.cfg.Token != "" {
		return s.tokenName(r)
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

// nameForwarded tells the leader who makes a call that is forwarded. That the caller may only
// read is signed, since the signature of the call itself allows all.
func (s *Server) nameForwarded(h http.Header, r *http.Request, method, target, api string, body []byte) {
	name := by(r.Context())
	if name == readCaller && s.signingKey != nil {
		name = s.signingKey.sign(readCaller+" "+method, target, api, body)
	}
	h.Set(callerHeader, name)
}

// forwardedName names the token that a standby has checked.
func (s *Server) forwardedName(r *http.Request) string {
	if s.signingKey.verify(r.Header.Get(callerHeader), readCaller+" "+r.Method, r.URL.RequestURI(), s.cfg.Advertise, sentBody(r)) {
		return readCaller
	}
	return tokenCaller
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

// callerBody is the answer of /api/v1/caller.
type callerBody struct {
	Name string `json:"name" doc:"As in the audit: of the token, without one the address of the client."`
	Role string `json:"role" enum:"api,read" doc:"read for a caller who may change nothing, else api."`
}

func (s *Server) registerCaller() {
	register(s, huma.Operation{
		OperationID: "get-caller", Method: http.MethodGet, Path: "/caller", Summary: "Tell who makes the call, and whether that caller may change anything",
	}, s.whoCalls)
}

// whoCalls answers with the caller. The leader is asked unless this master refuses every
// change already, because the leader may refuse what a standby would pass on.
func (s *Server) whoCalls(ctx context.Context, _ *none) (out callerBody, err error) {
	out = callerBody{Name: by(ctx), Role: s.role(ctx)}
	if out.Role != readCaller {
		_, err = s.leaderOverview(ctx, false)
	}
	return out, err
}

// role is what a caller may do.
func (s *Server) role(ctx context.Context) string {
	if s.mayOnlyRead(ctx) {
		return readCaller
	}
	return tokenCaller
}
