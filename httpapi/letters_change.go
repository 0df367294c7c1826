package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// letterChangeInput is a request to retry or to discard chunks.
type letterChangeInput struct{ Body letterChangeBody }

// letterChangeBody names chunks: by ids or by a filter.
type letterChangeBody struct {
	IDs    []string      `json:"ids,omitempty" maxItems:"1000" doc:"Ids of chunks; not with filter."`
	Filter *letterFilter `json:"filter,omitempty" doc:"Conditions that the chunks meet; without conditions all. Not with ids."`
	Cursor string        `json:"cursor,omitempty" doc:"The value of next of the answer before, to reach the chunks that it did not."`
}

// letterChangedBody is the answer to it.
type letterChangedBody struct {
	Matched  int                 `json:"matched" doc:"Number of chunks that the request names, without those before the cursor."`
	Accepted int                 `json:"accepted" doc:"Number of those that were changed."`
	Items    int64               `json:"items" doc:"Items in them that are dead, or that failed."`
	Refused  []letterRefusalBody `json:"refused"`
	Next     string              `json:"next" doc:"The cursor for the chunks that this request did not reach, else empty."`
}

type letterRefusalBody struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func (s *Server) registerLetterChanges(kind letterKind) {
	register(s, huma.Operation{
		OperationID: "retry-" + kind.name, Method: http.MethodPost, Path: "/" + kind.name + "/retry",
		Summary: "Have chunks of this list run again, as far as their bytes are unchanged",
	}, func(ctx context.Context, in *letterChangeInput) (letterChangedBody, error) {
		return s.changeLetters(ctx, kind, in.Body, func(list []*messages.Letter) messages.Query { return messages.RetryLetters{Letters: list, By: by(ctx)} })
	})
	register(s, huma.Operation{
		OperationID: "discard-" + kind.name, Method: http.MethodPost, Path: "/" + kind.name + "/discard",
		Summary: "Take chunks off this list",
	}, func(ctx context.Context, in *letterChangeInput) (letterChangedBody, error) {
		return s.changeLetters(ctx, kind, in.Body, func(list []*messages.Letter) messages.Query {
			return messages.DiscardLetters{Letters: list, By: by(ctx)}
		})
	})
}

func (s *Server) changeLetters(ctx context.Context, kind letterKind, body letterChangeBody, query func([]*messages.Letter) messages.Query) (out letterChangedBody, err error) {
	want, err := parseWanted(body)
	if err != nil {
		return out, err
	}
	all, err := ask[[]*messages.Letter](ctx, s, messages.QueryLetters{Fresh: true})
	if err != nil {
		return out, err
	}
	list, out := want.choose(kind, all)
	if len(list) == 0 {
		return out, nil
	}
	done, err := ask[messages.LettersChanged](ctx, s, query(list))
	if err != nil {
		return out, err
	}
	out.add(list, done)
	return out, nil
}

// wantedLetters is a parsed letterChangeBody.
type wantedLetters struct {
	ids    []messages.ChunkID // sorted, each once; empty with a filter
	filter *letterFilter
	after  messages.ChunkID
}

// parseWanted parses the body of a request.
func parseWanted(b letterChangeBody) (want wantedLetters, err error) {
	if (len(b.IDs) > 0) == (b.Filter != nil) {
		return want, badValue("body", nil, `must have either ids or filter; a filter without conditions, {}, matches all`)
	}
	want.filter = b.Filter
	for i, text := range b.IDs {
		id, err := letterID(fmt.Sprintf("body.ids[%d]", i), text)
		if err != nil {
			return want, err
		}
		want.ids = append(want.ids, id)
	}
	slices.SortFunc(want.ids, messages.ChunkID.Compare)
	want.ids = slices.Compact(want.ids)
	if b.Cursor != "" {
		want.after, err = letterID("body.cursor", b.Cursor)
	}
	return want, err
}

// choose returns the first of the chunks that the request names, as many as one commit
// holds, and the answer as far as it is known: those that are not in the list are refused.
func (w wantedLetters) choose(kind letterKind, all []*messages.Letter) (list []*messages.Letter, out letterChangedBody) {
	out.Refused = []letterRefusalBody{}
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
			out.Refused = append(out.Refused, letterRefusalBody{id.Key(), "no " + kind.noun + " has this id"})
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
func (out *letterChangedBody) add(list []*messages.Letter, done messages.LettersChanged) {
	out.Accepted, out.Items = done.Accepted, done.Items
	for _, r := range done.Refused {
		out.Refused = append(out.Refused, letterRefusalBody{r.ID.Key(), messages.Clean(r.Reason, maxReason)})
	}
	if done.Reached < out.Matched && done.Reached > 0 {
		out.Next = list[done.Reached-1].ID.Key()
	}
}

// maxReason is how many characters of a refusal's reason are shown.
const maxReason = 300
