package httpapi

import (
	"time"

	"kafka-master/messages"
)

// heldNames returns the batch ids of chunks at a worker.
func heldNames(held []messages.HeldChunk) []string {
	out := make([]string, len(held))
	for i, h := range held {
		out[i] = h.BatchID
	}
	return out
}

// heldSince returns since when a worker has each of its chunks.
func heldSince(held []messages.HeldChunk) []*time.Time {
	out := make([]*time.Time, len(held))
	for i, h := range held {
		out[i] = jsonTime(h.Since)
	}
	return out
}

// heldBody is a chunk at a worker.
type heldBody struct {
	Chunk        string     `json:"chunk" doc:"Its batch id."`
	Since        *time.Time `json:"since" doc:"When it began, or was sent if it waits."`
	StalledSince *time.Time `json:"stalled_since" doc:"Since when it shows no progress, if that is unusually long."`
}

// showHeld returns the chunks at a worker that it has begun, or those that it has not.
func showHeld(held []messages.HeldChunk, begun bool) []heldBody {
	out := []heldBody{}
	for _, h := range held {
		since := h.Since
		if begun {
			since = h.Began
		}
		if begun != h.Began.IsZero() {
			out = append(out, heldBody{h.BatchID, jsonTime(since), jsonTime(h.StalledSince)})
		}
	}
	return out
}
