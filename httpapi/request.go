package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// The numbers of entries in an answer with a list.
const (
	// DefaultLimit is the number of entries without the parameter limit.
	DefaultLimit = 100
	// MaxLimit is the largest value of the parameter limit.
	MaxLimit = 1000
)

// Page is what the inputs of all lists have: which part of the list is wanted.
type Page struct {
	Cursor string `query:"cursor" doc:"The value of next of the page before; empty for the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The largest number of entries."`
}

// ginKey is the key of the call's *gin.Context.
type ginKey struct{}

// checkRequest refuses calls that no operation may see, and lets the others pass.
func (s *Server) checkRequest(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	if status, sentence, errs := s.refusal(ctx.Operation(), c.Request); status != 0 {
		_ = huma.WriteErr(s.api, ctx, status, sentence, errs...) // the client may be gone
		return
	}
	next(huma.WithValue(ctx, ginKey{}, c))
}

// refusal returns why no operation may see a call; the status is 0 if one may.
func (s *Server) refusal(op *huma.Operation, r *http.Request) (status int, sentence string, errs []error) {
	if why := s.mayNotChange(r); changes(op.Method) && why != "" {
		return http.StatusForbidden, why, nil
	}
	if errs := queryErrors(op, r.URL.RawQuery); len(errs) > 0 {
		return http.StatusUnprocessableEntity, invalid, errs
	}
	if op.RequestBody == nil {
		return 0, "", nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, "The body must be JSON, with Content-Type: application/json.", nil
	}
	if !json.Valid(sentBody(r)) {
		return http.StatusUnprocessableEntity, invalid, []error{&huma.ErrorDetail{Location: "body", Message: "must be one JSON object"}}
	}
	return 0, "", nil
}

// changes reports whether an operation with this method changes something.
func changes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// queryErrors returns what is wrong with the names of a call's parameters. A misspelt name
// is an error, so that nobody takes the answer for a selection.
func queryErrors(op *huma.Operation, query string) (errs []error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query", Message: "cannot be read", Value: query}}
	}
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		detail := &huma.ErrorDetail{Location: "query." + name, Value: values[name][0]}
		switch n := len(values[name]); {
		case len(known) == 0:
			detail.Message = "unknown parameter: this path takes none"
		case !slices.Contains(known, name):
			detail.Message = "unknown parameter: there are " + strings.Join(known, ", ")
		case n > 1:
			detail.Message = fmt.Sprintf("may be given once, but was given %d times", n)
		case values[name][0] == "" && name != "cursor": // the first page has the empty cursor
			detail.Message = "is empty"
		default:
			continue
		}
		errs = append(errs, detail)
	}
	return errs
}

// passOn forwards a call to the leader if err says that this master does not lead. It
// reports whether the call was answered.
func (s *Server) passOn(ctx context.Context, err error) bool {
	var other *messages.NotLeader
	c, ok := ctx.Value(ginKey{}).(*gin.Context)
	return ok && errors.As(err, &other) && s.forward(c, other.Leader)
}
