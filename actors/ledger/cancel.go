package ledger

import (
	"time"

	"kafka-master/messages"
)

// Cancel ends a file that somebody does not want to be finished: nothing more of it is cut
// or handed out. What workers have may still end and counts; what waits is cancelled, and so
// is what comes back. It returns the file as it was and as it is; the error is
// messages.ErrNoFile, or messages.ErrEnded when nothing of it is handed out anyway.
func (x Files) Cancel(id messages.FileID, reason string, now time.Time) (before, after *messages.FileStatus, err error) {
	l := x.l
	b := l.files[id]
	switch {
	case b == nil:
		return nil, nil, messages.ErrNoFile
	case b.stopped || b.HasEnded():
		return nil, nil, messages.ErrEnded
	}
	before = l.status(b, now)
	l.stop(b, messages.FileCancelled, reason, now)
	l.endWhenComplete(b, now)
	return before, l.status(b, now), nil
}

// markCancelled records that a chunk is not done because its file was cancelled. The chunk
// of a retry is done, and stays so: its items have failed as before.
func (l *Ledger) markCancelled(b *book, e *entry, reason string, now time.Time) {
	b.own() // An ended file has an open chunk if the store is damaged.
	if e.IsRetry() {
		l.failAgain(b, e, reason, now)
		return
	}
	e.State, e.Reason, e.EndedAt, e.toHalve = messages.ChunkCancelled, reason, now, false
	b.open.add(&e.OpenChunk, -1)
	l.trials.forget(e)
	b.CancelledChunks++
	b.CancelledItems += int64(e.Items)
	l.totals.CancelledChunks++
	l.totals.CancelledItems += int64(e.Items)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	l.store(b)
}
