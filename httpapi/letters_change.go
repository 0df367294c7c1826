package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// changeBody is the body of a request to retry or to discard chunks: ids or a filter.
type changeBody struct {
	IDs    []string      `json:"ids"`
	Filter *letterFilter `json:"filter"` // an empty one matches all
	After  string        `json:"after"`  // skips the chunks up to this one
}

// changedBody is the answer to it.
type changedBody struct {
	Matched  int           `json:"matched"`  // number of chunks that the request names, without those before After
	Accepted int           `json:"accepted"` // number of those that were changed
	Items    int64         `json:"items"`    // items in them that are dead, or that failed
	Refused  []refusalBody `json:"refused"`
	Next     string        `json:"next"` // value of after for the chunks that this request did not reach, else empty
}

type refusalBody struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// retryLetters has dead chunks, or failed items, run again.
func (s *Server) retryLetters(c *gin.Context, kind letterKind) {
	s.changeLetters(c, kind, func(list []*messages.Letter) messages.Query {
		return messages.RetryLetters{Letters: list, By: s.caller(c.Request)}
	})
}

// discardLetters takes chunks off the list.
func (s *Server) discardLetters(c *gin.Context, kind letterKind) {
	s.changeLetters(c, kind, func(list []*messages.Letter) messages.Query {
		return messages.DiscardLetters{Letters: list, By: s.caller(c.Request)}
	})
}

func (s *Server) changeLetters(c *gin.Context, kind letterKind, query func([]*messages.Letter) messages.Query) {
	want, ok := s.wanted(c)
	if !ok {
		return
	}
	all, ok := ask[[]*messages.Letter](s, c, messages.QueryLetters{Fresh: true})
	if !ok {
		return
	}
	list, out := want.choose(kind, all)
	if len(list) > 0 {
		done, ok := ask[messages.LettersChanged](s, c, query(list))
		if !ok {
			return
		}
		out.add(list, done)
	}
	s.json(c, out)
}

// wanted reads which chunks a request is about. If it names none properly, it answers the
// call and ok is false.
func (s *Server) wanted(c *gin.Context) (want wantedLetters, ok bool) {
	if _, err := parameters(c.Request.URL.RawQuery); err != nil {
		s.refuseQuery(c, err)
		return want, false
	}
	if kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || kind != "application/json" {
		text(c, http.StatusUnsupportedMediaType, "Nothing changed: the body must be JSON, with Content-Type: application/json.")
		return want, false
	}
	want, err := parseWanted(postBody(c.Request))
	if err != nil {
		text(c, http.StatusUnprocessableEntity, "Nothing changed: "+err.Error()+".")
		return want, false
	}
	return want, true
}

// wantedLetters is a parsed changeBody.
type wantedLetters struct {
	ids    []messages.ChunkID // sorted, each once; empty with a filter
	filter *letterFilter
	after  messages.ChunkID
}

var (
	errNoBody  = errors.New(`the body must be one JSON object with "ids" or "filter", and "after" at most beside it`)
	errIDsOnly = errors.New(`give either "ids" or "filter": a filter without conditions, {}, matches all`)
)

// parseWanted parses the body of a request. The error is a sentence for the client.
func parseWanted(body []byte) (want wantedLetters, err error) {
	var b changeBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&b) != nil || d.Decode(&struct{}{}) != io.EOF {
		return want, errNoBody
	}
	switch {
	case (len(b.IDs) > 0) == (b.Filter != nil):
		return want, errIDsOnly
	case len(b.IDs) > messages.MaxLetters:
		return want, fmt.Errorf("at most %d ids are allowed in one request, but there were %d", messages.MaxLetters, len(b.IDs))
	}
	want.filter = b.Filter
	for _, text := range b.IDs {
		id, err := letterID(text)
		if err != nil {
			return want, err
		}
		want.ids = append(want.ids, id)
	}
	slices.SortFunc(want.ids, messages.ChunkID.Compare)
	want.ids = slices.Compact(want.ids)
	if b.After != "" {
		want.after, err = letterID(b.After)
	}
	return want, err
}

// choose returns the first of the chunks that the request names, as many as one commit
// holds, and the answer as far as it is known: those that are not in the list are refused.
func (w wantedLetters) choose(kind letterKind, all []*messages.Letter) (list []*messages.Letter, out changedBody) {
	out.Refused = []refusalBody{}
	add := func(x *messages.Letter) {
		if w.after != (messages.ChunkID{}) && x.ID.Compare(w.after) <= 0 {
			return
		}
		if out.Matched++; len(list) < messages.MaxLetters {
			list = append(list, x)
		}
	}
	for _, id := range w.ids {
		if x := kind.find(all, id); x != nil {
			add(x)
		} else if id.Compare(w.after) > 0 {
			out.Refused = append(out.Refused, refusalBody{id.Key(), "no " + kind.noun + " has this id"})
		}
	}
	if w.filter == nil {
		return list, out
	}
	for _, x := range all {
		if w.filter.matches(kind, x) {
			add(x)
		}
	}
	return list, out
}

// add adds what became of the chosen chunks.
func (out *changedBody) add(list []*messages.Letter, done messages.LettersChanged) {
	out.Accepted, out.Items = done.Accepted, done.Items
	for _, r := range done.Refused {
		out.Refused = append(out.Refused, refusalBody{r.ID.Key(), messages.Clean(r.Reason, maxReason)})
	}
	if done.Reached < out.Matched && done.Reached > 0 {
		out.Next = list[done.Reached-1].ID.Key()
	}
}

// maxReason is how many characters of a refusal's reason are shown.
const maxReason = 300
