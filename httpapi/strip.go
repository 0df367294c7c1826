package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// maxStripPages bounds how often the dispatcher is asked for the open chunks of one strip.
const maxStripPages = 50

// stripInput selects how fine a strip is.
type stripInput struct {
	ID    messages.FileID `path:"id" minimum:"1" doc:"Number of the version of the file."`
	Cells int             `query:"cells" default:"600" minimum:"1" maximum:"2000" doc:"Into how many parts the file is divided."`
}

// stripBody is the answer of /api/v1/files/{id}/strip.
type stripBody struct {
	Size   int64          `json:"size" doc:"Of the file, in bytes."`
	Offset int64          `json:"offset" doc:"How many of them were handed out; what has no span before that is done, discarded or cancelled."`
	States map[string]int `json:"states" doc:"Number of chunks by state."`
	Spans  []spanBody     `json:"spans" doc:"Where chunks are that are not done, in the order of their places; no more than there are cells."`
}

// spanBody is the place of chunks that begin in the same cell.
type spanBody struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length" doc:"In bytes, from the first of its chunks to the end of the last."`
	Chunks int   `json:"chunks" doc:"How many they are."`
	// What follows is of the one that most needs a look.
	Chunk   string            `json:"chunk" doc:"The name of that which most needs a look: dead, failed, back_off, running, queued, ready."`
	State   chunkState        `json:"state" doc:"Its state."`
	Worker  messages.WorkerID `json:"worker" doc:"That has it, or had it last; empty for none."`
	Attempt int               `json:"attempt" doc:"Number of the current or last attempt; 0 before the first one."`
	Text    string            `json:"text" doc:"Why it waits, or failed; else empty."`
}

func (s *Server) registerStrip() {
	register(s, huma.Operation{
		OperationID: "get-strip", Method: http.MethodGet, Path: "/files/{id}/strip",
		Summary: "Show a file from its first to its last byte, by the state of its chunks",
		Errors:  []int{http.StatusNotFound},
	}, s.strip)
}

// strip answers with the strip of a file, which is small however many chunks there are.
func (s *Server) strip(ctx context.Context, in *stripInput) (out stripBody, err error) {
	f, err := ask[*messages.FileStatus](ctx, s, messages.QueryFile{ID: in.ID})
	if err != nil {
		return out, err
	}
	if f == nil {
		return out, notFound(noFile)
	}
	out = stripBody{Size: f.Info.Size, Offset: f.Cursor.Offset, States: map[string]int{}, Spans: []spanBody{}}
	all, err := s.allChunks(ctx, in.ID)
	if err != nil {
		return out, err
	}
	slices.SortStableFunc(all, func(a, b chunkBody) int { return cmp.Compare(a.Offset, b.Offset) })
	last := int64(-1)
	for _, c := range all {
		out.States[string(c.State)]++
		cell := c.Offset * int64(in.Cells) / max(1, out.Size)
		if cell != last || len(out.Spans) == 0 {
			out.Spans, last = append(out.Spans, spanBody{Offset: c.Offset}), cell
		}
		out.Spans[len(out.Spans)-1].add(c)
	}
	return out, nil
}

// allChunks returns the chunks of a file that are not done, those that have not ended first.
func (s *Server) allChunks(ctx context.Context, file messages.FileID) (all []chunkBody, err error) {
	open := map[messages.ChunkID]bool{} // what was retried meanwhile counts as not ended
	q := messages.QueryChunks{File: file, Limit: MaxLimit}
	for range maxStripPages {
		page, err := ask[*messages.ChunkPage](ctx, s, q)
		if err != nil {
			return nil, err
		}
		if page == nil {
			return nil, notFound(noFile)
		}
		for _, c := range page.List {
			open[c.ID] = true
			all = append(all, showChunk(c))
		}
		if !page.More {
			break
		}
		q.After = page.List[len(page.List)-1].ID
	}
	letters, err := ask[[]*messages.Letter](ctx, s, messages.QueryLetters{Fresh: true})
	if err != nil {
		return nil, err
	}
	for _, x := range ofFile(letters, file, "") {
		if !open[x.ID] {
			all = append(all, showEndedChunk(x))
		}
	}
	return all, nil
}

// add adds a chunk that begins in the cell of the span.
func (x *spanBody) add(c chunkBody) {
	x.Chunks++
	x.Length = max(x.Length, c.Offset+c.Length-x.Offset)
	if x.Chunks > 1 && urgency(c.State) <= urgency(x.State) {
		return
	}
	x.Chunk, x.State, x.Worker, x.Attempt, x.Text = c.Chunk, c.State, c.Worker, c.Attempt, c.Error
	if c.Why != nil {
		x.Text = c.Why.Text
	}
}

// urgency orders states by how much a person wants to see them.
func urgency(state chunkState) int {
	return slices.Index([]string{
		messages.ListedReady, messages.ListedQueued, messages.ListedRunning, messages.ListedBackOff, messages.ListedFailed, messages.ListedDead,
	}, string(state))
}
