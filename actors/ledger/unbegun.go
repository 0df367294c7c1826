package ledger

import (
	"time"

	"kafka-master/messages"
)

// unbegunAfter is how long a chunk may be at a native worker that has nothing else to do until
// that is strange: its heartbeats, every 3 s, list what it has begun.
const unbegunAfter = 7 * time.Second

// Unbegun are workers that live, have nothing to do but what they were sent, and do not begin
// it: most likely they do not read it.
type Unbegun struct {
	Count int // workers
	messages.Place
	Since time.Time // when the one was sent the chunk that waits for longest
}

// unbegun looks for such workers. A classic worker says nothing before its first item is done.
func (l *Ledger) unbegun(now time.Time) (u Unbegun) {
	for w, held := range l.held {
		if o := l.offers.of[w]; o == nil || !o.Recalls {
			continue
		}
		oldest := oldestUnbegun(held)
		if oldest == nil || now.Sub(oldest.since) < unbegunAfter {
			continue
		}
		u.Count++
		if u.Worker == "" || oldest.since.Before(u.Since) || oldest.since.Equal(u.Since) && w < u.Worker {
			b := l.files[oldest.ID.File]
			u.Since = oldest.since
			u.Place = messages.Place{File: b.ID, Path: b.Info.Path, Worker: w, Chunk: b.BatchID(oldest.ID, oldest.Attempt)}
		}
	}
	return u
}

// oldestUnbegun returns the chunk that a worker has had for longest, nil when it runs any.
func oldestUnbegun(held map[messages.ChunkID]*entry) (oldest *entry) {
	for _, e := range held {
		if e.State == messages.ChunkRunning {
			return nil
		}
		if oldest == nil || e.since.Before(oldest.since) {
			oldest = e
		}
	}
	return oldest
}
