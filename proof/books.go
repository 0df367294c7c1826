package proof

import "kafka-master/messages"

// open is the number of chunks that have not ended.
func (c *check) open() (n int) {
	for _, r := range c.books.Chunks {
		if r.State != messages.ChunkDead && r.State != messages.ChunkCancelled && (!isDone(r) || r.ID.Retry > 0) {
			n++
		}
	}
	return n
}
