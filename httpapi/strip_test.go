package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// The strip of a file has every chunk that is not done, and no more spans than cells, each
// with the state that most needs a look.
func TestStrip(t *testing.T) {
	t.Parallel()
	f := withFiles()
	const chunks, length = 28_000, 10
	for _, x := range f.files {
		if x.ID == 6 {
			x.Info.Size, x.Cursor.Offset = chunks*length, chunks*length
		}
	}
	for i := 100; i < chunks; i++ { // in front of them are the four that have not ended
		c := messages.OpenChunk{State: messages.ChunkDead, Worker: "w9", Attempt: 5, Reason: "exit status 1"}
		c.ID, c.Offset, c.Length = messages.ChunkID{File: 6, Index: i}, int64(i*length), length
		if i%2 == 0 {
			c.State = messages.ChunkDoneWithFailed
		}
		f.letters = append(f.letters, &messages.Letter{Name: fmt.Sprint("c_chunk_", i), OpenChunk: c})
	}
	call := start(t, Config{Asker: f})
	strip := func(cells int) (got stripBody) {
		answer := call(http.MethodGet, fmt.Sprintf("/api/v1/files/6/strip?cells=%d", cells))
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		require.Less(t, len(answer.body), 300*cells+500)
		require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
		return got
	}
	got := strip(280)
	require.Equal(t, map[string]int{"running": 1, "queued": 1, "back_off": 1, "ready": 1, "dead": 13_950, "failed": 13_950}, got.States)
	require.Len(t, got.Spans, 280)
	require.Equal(t, spanBody{Offset: 0, Chunks: 4, Chunk: "c_chunk_20", State: "back_off", Worker: "w", Attempt: 1, Text: "why"}, got.Spans[0])
	require.Equal(t, spanBody{Offset: 1000, Length: 1000, Chunks: 100, Chunk: "c_chunk_101", State: "dead", Worker: "w9", Attempt: 5, Text: "exit status 1"}, got.Spans[1])
	require.Equal(t, []int64{chunks * length, chunks * length}, []int64{got.Size, got.Offset})
	sum := 0
	for _, x := range strip(2000).Spans {
		sum += x.Chunks
	}
	require.Equal(t, chunks-100+4, sum)
	requireProblem(t, call(http.MethodGet, "/api/v1/files/77/strip"), http.StatusNotFound)
	requireProblem(t, call(http.MethodGet, "/api/v1/files/6/strip?cells=0"), http.StatusUnprocessableEntity, "cells")
}
