package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// chunkState is a state in which chunks are listed.
type chunkState string

// Schema implements huma.SchemaProvider.
func (chunkState) Schema(huma.Registry) *huma.Schema { return oneOf(messages.ListedStates()) }

// chunksInput selects chunks of a file.
type chunksInput struct {
	ID messages.FileID `path:"id" minimum:"1" doc:"Number of the version of the file."`
	Page
	State chunkState `query:"state" doc:"Only chunks in this state."`
}

// chunksBody is the answer of /api/v1/files/{id}/chunks.
type chunksBody struct {
	Total  int         `json:"total" doc:"Number of matching chunks, on all pages."`
	Chunks []chunkBody `json:"chunks" doc:"In the order of their ids. Chunks that are done, cancelled, discarded or not cut yet are not listed."`
	Next   string      `json:"next" doc:"The cursor of the next page; empty on the last one."`
}

// chunkBody describes a chunk that has not ended, that is dead, or that is done with failed
// items.
type chunkBody struct {
	ID        string            `json:"id" doc:"As in /api/v1/dead and /api/v1/failed."`
	Chunk     string            `json:"chunk" doc:"Its name in batch ids."`
	State     chunkState        `json:"state"`
	Worker    messages.WorkerID `json:"worker" doc:"That has it, or had it last; empty for none."`
	Attempt   int               `json:"attempt" doc:"Number of the current or last attempt; 0 before the first one."`
	Since     *time.Time        `json:"since" doc:"When this state began."`
	FirstLine int64             `json:"first_line"`
	Lines     int64             `json:"lines"`
	Items     int64             `json:"items" doc:"That its message has; of a chunk that is done the failed ones."`
	Offset    int64             `json:"offset"`
	Length    int64             `json:"length" doc:"In bytes."`
	Why       *whyBody          `json:"why" doc:"Why it does not run; null while it runs and when it has ended."`
	Error     string            `json:"error" doc:"Why it is dead, or the retry of its failed items was given up."`
	// StalledSince is set for a chunk that hangs.
	StalledSince *time.Time `json:"stalled_since" doc:"Since when it shows no progress, if that is unusually long."`
}

func (s *Server) registerChunks() {
	register(s, huma.Operation{
		OperationID: "list-chunks", Method: http.MethodGet, Path: "/files/{id}/chunks",
		Summary: "List the chunks of a file that have not ended, are dead, or have failed items",
		Errors:  []int{http.StatusNotFound},
	}, s.chunks)
}

// chunks answers with chunks of the file with the id in the path. What has not ended is asked
// from the dispatcher first, so that what ends meanwhile is in the newer list of the others.
func (s *Server) chunks(ctx context.Context, in *chunksInput) (out chunksBody, err error) {
	out.Chunks = []chunkBody{}
	q := messages.QueryChunks{File: in.ID, State: string(in.State), Limit: in.Limit}
	if in.Cursor != "" {
		if q.After, err = letterID("query.cursor", in.Cursor); err != nil {
			return out, err
		}
	}
	page := &messages.ChunkPage{}
	if !ended(in.State) {
		if page, err = ask[*messages.ChunkPage](ctx, s, q); err != nil {
			return out, err
		}
		if page == nil {
			return out, notFound(noFile)
		}
	}
	var letters []*messages.Letter
	if in.State == "" || ended(in.State) {
		all, err := ask[[]*messages.Letter](ctx, s, messages.QueryLetters{Fresh: true})
		if err != nil {
			return out, err
		}
		letters = ofFile(all, in.ID, in.State)
	}
	return mergeChunks(page, letters, q), nil
}

// ended reports whether chunks in this state have ended.
func ended(state chunkState) bool {
	return state == messages.ListedDead || state == messages.ListedFailed
}

// ofFile returns the dead and failed chunks of a file in a state, or in both without one.
func ofFile(all []*messages.Letter, file messages.FileID, state chunkState) (out []*messages.Letter) {
	at, _ := slices.BinarySearchFunc(all, messages.ChunkID{File: file}, func(x *messages.Letter, id messages.ChunkID) int { return x.ID.Compare(id) })
	for ; at < len(all) && all[at].ID.File == file; at++ {
		if state == "" || letterState(all[at]) == state {
			out = append(out, all[at])
		}
	}
	return out
}

func letterState(x *messages.Letter) chunkState {
	if x.Failed() {
		return messages.ListedFailed
	}
	return messages.ListedDead
}

// mergeChunks makes one page of what has not ended and of what has, both in the order of ids.
// A chunk that is in both, because it was retried meanwhile, counts as not ended.
func mergeChunks(page *messages.ChunkPage, letters []*messages.Letter, q messages.QueryChunks) chunksBody {
	out := chunksBody{Total: page.Total + len(letters), Chunks: []chunkBody{}}
	open, more := page.List, page.More
	for len(open) > 0 || len(letters) > 0 {
		switch {
		case len(letters) > 0 && q.After != (messages.ChunkID{}) && letters[0].ID.Compare(q.After) <= 0:
			letters = letters[1:]
			continue
		case len(letters) > 0 && len(open) > 0 && letters[0].ID == open[0].ID:
			letters, out.Total = letters[1:], out.Total-1
			continue
		case len(out.Chunks) == q.Limit || len(open) == 0 && more:
			out.Next = out.Chunks[len(out.Chunks)-1].ID
			return out
		case len(open) == 0 || len(letters) > 0 && letters[0].ID.Compare(open[0].ID) < 0:
			out.Chunks, letters = append(out.Chunks, showEndedChunk(letters[0])), letters[1:]
		default:
			out.Chunks, open = append(out.Chunks, showChunk(open[0])), open[1:]
		}
	}
	if more {
		out.Next = out.Chunks[len(out.Chunks)-1].ID
	}
	return out
}

func showChunk(c messages.ChunkStatus) chunkBody {
	return chunkBody{
		ID: c.ID.Key(), Chunk: c.Name, State: chunkState(c.State), Worker: c.Worker, Attempt: c.Attempt, Since: jsonTime(c.Since),
		FirstLine: c.FirstLine, Lines: c.Lines, Items: c.Items, Offset: c.Offset, Length: c.Length,
		Why: showWhy(c.Why), StalledSince: jsonTime(c.StalledSince),
	}
}

func showEndedChunk(x *messages.Letter) chunkBody {
	return chunkBody{
		ID: x.ID.Key(), Chunk: x.Name, State: letterState(x), Worker: x.Worker, Attempt: x.Attempt, Since: jsonTime(x.EndedAt),
		FirstLine: x.FirstLine, Lines: x.Lines, Items: x.Concerned(), Offset: x.Offset, Length: x.Length, Error: x.Reason,
	}
}
