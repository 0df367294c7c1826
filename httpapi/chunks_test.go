package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// acted answers the questions about chunks and the requests that change a file.
func (f *fakeMaster) acted(q messages.Query) (answer any, err error, ok bool) {
	switch q := q.(type) {
	case messages.QueryChunks:
		return f.chunks(q), nil, true
	case messages.CancelFile:
		f.changes++
		for _, x := range f.files {
			switch {
			case x.ID != q.ID:
			case x.HasEnded():
				return nil, messages.ErrEnded, true
			default:
				after := *x.File
				after.State, after.Reason, after.CancelledItems = messages.FileCancelled, "cancelled by "+q.By, after.Missing()
				return messages.FileChange{Old: &x, New: &messages.FileStatus{File: &after}}, nil, true
			}
		}
		return nil, messages.ErrNoFile, true
	case messages.AcknowledgeFile:
		f.changes++
		for _, x := range f.files {
			switch {
			case x.ID == q.ID && x.ID == 5:
				return nil, messages.ErrConflict, true
			case x.ID == q.ID:
				return messages.FileChange{Old: &x, New: &x}, nil, true
			}
		}
		return nil, messages.ErrNoFile, true
	case messages.Rescan:
		f.changes++
		return messages.Rescanned{Files: 7, Settling: 2}, nil, true
	}
	return nil, nil, false
}

// chunks answers for file 6: it has four open chunks, and file 1 some that are dead or failed.
func (f *fakeMaster) chunks(q messages.QueryChunks) *messages.ChunkPage {
	known := false
	for _, x := range f.files {
		known = known || x.ID == q.File
	}
	if !known && q.File != 1 && q.File != 2 {
		return nil
	}
	page := &messages.ChunkPage{}
	for i, state := range []string{messages.ListedRunning, messages.ListedQueued, messages.ListedBackOff, messages.ListedReady} {
		c := messages.ChunkStatus{State: state, Worker: "w", Attempt: 1, Since: began, Name: fmt.Sprint("c_chunk_", 10*i), Items: 2}
		c.ID = messages.ChunkID{File: q.File, Index: 10 * i}
		if state != messages.ListedRunning {
			c.Why = messages.Why{Reason: messages.WhyBackOff, Text: "why"}
		} else {
			c.StalledSince = began.Add(time.Second)
		}
		if q.State != "" && q.State != state {
			continue
		}
		page.Total++
		switch {
		case c.ID.Compare(q.After) <= 0 && q.After != (messages.ChunkID{}):
		case len(page.List) == q.Limit:
			page.More = true
		default:
			page.List = append(page.List, c)
		}
	}
	return page
}

func TestChunksGolden(t *testing.T) {
	t.Parallel()
	call := start(t, Config{Asker: withFiles()})
	got := call(http.MethodGet, "/api/v1/files/6/chunks?limit=2")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.JSONEq(t, `{"total":4,"chunks":[`+
		`{"id":"6/0","chunk":"c_chunk_0","state":"running","worker":"w","attempt":1,"since":"2026-03-01T12:00:00.123Z","first_line":0,"lines":0,"items":2,"offset":0,"length":0,"why":null,"error":"","stalled_since":"2026-03-01T12:00:01.123Z"},`+
		`{"id":"6/10","chunk":"c_chunk_10","state":"queued","worker":"w","attempt":1,"since":"2026-03-01T12:00:00.123Z","first_line":0,"lines":0,"items":2,"offset":0,"length":0,"why":{"reason":"back_off","text":"why"},"error":"","stalled_since":null}],`+
		`"next":"6/10"}`, got.body)
	requireProblem(t, call(http.MethodGet, "/api/v1/files/77/chunks"), http.StatusNotFound)
	requireProblem(t, call(http.MethodGet, "/api/v1/files/6/chunks?cursor=x"), http.StatusUnprocessableEntity, "cursor")
	requireProblem(t, call(http.MethodGet, "/api/v1/files/6/chunks?state=done"), http.StatusUnprocessableEntity, "state")
}

// What has not ended and what has are one list, whose pages have no gap and nothing twice.
func TestPagesOfChunks(t *testing.T) {
	t.Parallel()
	f := withFiles()
	f.letters = []*messages.Letter{
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 5, Index: 3}}, State: messages.ChunkDead}},
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 6, Index: 5}}, State: messages.ChunkDead, Reason: "bad"}},
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 6, Index: 20}}, State: messages.ChunkDead}},
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 6, Index: 25}}, State: messages.ChunkDoneWithFailed, FailedItems: 1}},
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 6, Index: 40}}, State: messages.ChunkDead}},
		{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{ID: messages.ChunkID{File: 9, Index: 1}}, State: messages.ChunkDead}},
	}
	call := start(t, Config{Asker: f})
	all := []string{"6/0 running", "6/5 dead", "6/10 queued", "6/20 back_off", "6/25 failed", "6/30 ready", "6/40 dead"}
	for query, want := range map[string][]string{
		"?": all, "?state=dead&": {"6/5 dead", "6/20 dead", "6/40 dead"}, "?state=failed&": {"6/25 failed"}, "?state=running&": {"6/0 running"}, "?state=ready&": {"6/30 ready"},
	} {
		for limit := 1; limit <= 8; limit++ {
			var got []string
			cursor := ""
			for range 20 {
				var page chunksBody
				answer := call(http.MethodGet, fmt.Sprintf("/api/v1/files/6/chunks%slimit=%d&cursor=%s", query, limit, cursor))
				require.NoError(t, json.Unmarshal([]byte(answer.body), &page), answer.body)
				for _, c := range page.Chunks {
					got = append(got, c.ID+" "+string(c.State))
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			require.Equal(t, want, got, "%s, %d a page", query, limit)
		}
	}
}

func TestCancelFile(t *testing.T) {
	t.Parallel()
	f := withFiles()
	call := start(t, Config{Asker: f})
	got := call(http.MethodPost, "/api/v1/files/6/cancel")
	require.Equal(t, http.StatusOK, got.status, got.body)
	var body changed[oneFileBody]
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	require.Equal(t, [2]fileState{"running", "cancelled"}, [2]fileState{body.Old.State, body.New.State})
	require.Equal(t, "cancelled by 127.0.0.1", body.New.Reason)
	require.EqualValues(t, 50, body.New.ItemsCancelled)
	requireProblem(t, call(http.MethodPost, "/api/v1/files/5/cancel"), http.StatusConflict, "has ended")
	requireProblem(t, call(http.MethodPost, "/api/v1/files/77/cancel"), http.StatusNotFound, "no file has this id")
	require.Equal(t, http.StatusMethodNotAllowed, call(http.MethodGet, "/api/v1/files/6/cancel").status)
	changes := f.changes
	for _, path := range []string{"/api/v1/files/6/cancel", "/api/v1/files/rescan"} {
		requireProblem(t, call(http.MethodPost, path, "Origin", "http://evil.example"), http.StatusForbidden)
	}
	require.Equal(t, changes, f.changes)
	got = call(http.MethodPost, "/api/v1/files/rescan")
	require.JSONEq(t, `{"files":7,"settling":2}`, got.body)
}
