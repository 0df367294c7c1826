package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// typeProblem is the media type of a refusal below /api/v1, see RFC 9457.
const typeProblem = "application/problem+json"

// retryAfter is the Retry-After header of a 503, in seconds.
const retryAfter = "1"

// invalid is the detail of a problem before it names the first of its errors.
const invalid = "validation failed"

// The bounds of a problem's texts, in characters. They hold what a caller has sent.
const (
	maxDetail = 500
	maxErrors = 10
)

// notFound refuses a call about something that does not exist.
func notFound(sentence string) error { return huma.Error404NotFound(sentence) }

// badValue refuses a call with a wrong value, such as query.cursor.
func badValue(location string, value any, message string) error {
	return huma.Error422UnprocessableEntity(invalid, &huma.ErrorDetail{Location: location, Message: message, Value: value})
}

// explain returns what the client is told about an error. It gets no texts of other systems;
// those go to the log.
func (s *Server) explain(path string, err error) (status int, sentence string) {
	switch {
	case errors.Is(err, messages.ErrShrink), errors.Is(err, messages.ErrConflict), errors.Is(err, messages.ErrEnded):
		return http.StatusConflict, "Nothing changed: " + messages.Clean(err.Error(), maxDetail) + "."
	case errors.Is(err, messages.ErrNotFound), errors.Is(err, messages.ErrNoFile):
		return http.StatusNotFound, "Nothing changed: " + messages.Clean(err.Error(), maxDetail) + "."
	case errors.Is(err, messages.ErrRange):
		return http.StatusUnprocessableEntity, "Nothing changed: " + messages.Clean(err.Error(), maxDetail) + "."
	case errors.Is(err, messages.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		s.log.Debug("API call not answered: not available", "path", path, "err", err)
		return http.StatusServiceUnavailable, "Not available now; " + pathReady + "?verbose shows why. Try again in a moment."
	}
	s.log.Error("API call not answered: unexpected error", "path", path, "err", err)
	return http.StatusInternalServerError, "Internal error; see the log of the master."
}

// problem returns the answer to an operation that met an error.
func (s *Server) problem(path string, err error) error {
	if _, ready := errors.AsType[huma.StatusError](err); ready {
		return err
	}
	status, sentence := s.explain(path, err)
	out := error(huma.NewError(status, sentence))
	if status == http.StatusServiceUnavailable {
		out = huma.ErrorWithHeaders(out, http.Header{"Retry-After": {retryAfter}})
	}
	return out
}

// refuse answers a call that is not an operation, or does not reach one: with a problem below
// /api/v1, elsewhere with a sentence.
func refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	kind, body := typeText, []byte(sentence+"\n")
	if isV1(r) {
		var b bytes.Buffer
		_ = marshal(&b, huma.NewError(status, sentence)) // cannot fail
		kind, body = typeProblem, b.Bytes()
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// isV1 reports whether a call is for a path of the operations, or for one beside them.
func isV1(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, pathV1+"/") }

// cleanProblem is a huma.Transformer that bounds and cleans what a problem shows of a call,
// and has its detail name the first error.
func cleanProblem(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	out := *p
	out.Errors = nil
	for _, e := range p.Errors[:min(len(p.Errors), maxErrors)] {
		out.Errors = append(out.Errors, &huma.ErrorDetail{
			Location: messages.Clean(e.Location, maxShown), Message: messages.Clean(e.Message, maxDetail), Value: shownValue(e.Value),
		})
	}
	if out.Detail == invalid && len(out.Errors) > 0 {
		first := out.Errors[0]
		out.Detail = fmt.Sprintf("%s: %s.", first.Location, first.Message)
		if first.Value != nil {
			out.Detail = fmt.Sprintf("%s: %s, but it was %q.", first.Location, first.Message, fmt.Sprint(first.Value))
		}
	}
	return &out, nil
}

// shownValue returns a wrong value as a problem shows it: nothing of a list or an object.
func shownValue(v any) any {
	switch v := v.(type) {
	case string:
		return messages.Clean(v, maxShown)
	case bool, float64, int, int64, uint64:
		return v
	}
	return nil
}
