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
