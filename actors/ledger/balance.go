package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"kafka-master/messages"
)

// openTotals counts the chunks of a file that were handed out and have not ended. It is kept beside the entries themselves, so that each can be checked by the other.
type openTotals struct {
	chunks  int64
	retries int64 // of failed items; their chunks are done
	items   int64
	dead    int64 // number of records of dead and cancelled chunks in the stored state
	beyond  int64 // number of records at or behind the cursor, which no state of ours has
}

// add counts n chunks like c.
func (o *openTotals) add(c *messages.OpenChunk, n int64) {
	if c.IsRetry() {
		o.retries += n
		o.items += n * c.FailedItems
		return
	}
	o.chunks += n
	o.items += n * int64(c.Items)
}

// addRestored counts the stored record of a chunk.
func (o *openTotals) addRestored(b *book, c messages.OpenChunk) {
	if c.ID.Index >= b.Cursor.Index || c.End() > b.Cursor.Offset {
		o.beyond++
	}
	switch c.State {
	case messages.ChunkDoneWithFailed:
	case messages.ChunkDead, messages.ChunkCancelled:
		o.dead++
	default:
		o.add(&c, 1)
	}
}

// losses is what the stored state turned out to lack.
type losses struct {
	files       map[messages.FileID]bool // files whose figures do not add up
	records     int
	orphans     int
	deadRecords int64
}

// countLosses compares a stored state with its own figures.
func (l *Ledger) countLosses(s messages.Snapshot) {
	if n, err := strconv.Atoi(s.Values[messages.ValueFileCount]); err == nil {
		l.losses.records = max(0, n-len(s.Files))
	}
	for _, f := range s.Files {
		l.losses.deadRecords += max(0, f.DeadChunks+f.CancelledChunks-l.files[f.ID].open.dead)
	}
}

// countFiles stores how many file records there must be.
func (l *Ledger) countFiles() {
	l.out.Values = append(l.out.Values, messages.Value{Name: messages.ValueFileCount, Value: strconv.Itoa(len(l.files))})
}

// dropOrphan drops a chunk record that belongs to no file.
func (l *Ledger) dropOrphan(c messages.OpenChunk) {
	l.losses.orphans++
	l.out.DropChunks = append(l.out.DropChunks, c.ID)
}

// audit compares the figures of a file: what was handed out must be done, dead, cancelled
// or open. A record that the store lost would otherwise count as a done chunk, since
// done chunks have none. A file that does not add up is failed, whatever it was.
func (l *Ledger) audit(b *book, now time.Time) {
	if l.losses.files[b.ID] {
		return
	}
	text := b.imbalance()
	if text == "" {
		return
	}
	l.losses.files[b.ID] = true
	l.broken = append(l.broken, b.ID)
	reason := text + ": the state store lost records of it; take the file out of the folder for some seconds and put it back to have all of it done again"
	switch {
	case !b.HasEnded():
		l.stop(b, messages.FileFailed, reason, now)
	case b.State != messages.FileFailed:
		b.own()
		b.State, b.Reason, b.stopped = messages.FileFailed, reason, true
		l.store(b)
	}
}

// imbalance describes what does not add up; it is empty when everything does.
func (b *book) imbalance() string {
	switch {
	case b.EndedItems()+b.open.items != b.Items, b.EndedChunks()+b.open.chunks != b.Chunks():
	case b.Duplicates != 0, b.open.beyond > 0, int64(b.live+b.waiting.len()) != b.open.chunks+b.open.retries:
	default:
		return ""
	}
	return fmt.Sprintf("it does not add up: of %d items cut %d are done, %d failed, %d dead, %d cancelled and %d open (of %d chunks %d, %d, %d and %d are done, dead, cancelled and open)",
		b.Items, b.DoneItems, b.FailedItems, b.DeadItems, b.CancelledItems, b.open.items, b.Chunks(), b.DoneChunks, b.DeadChunks, b.CancelledChunks, b.open.chunks)
}

// auditAll audits every file in work. It costs a comparison of totals for each.
func (l *Ledger) auditAll(now time.Time) {
	for _, b := range slices.Clone(l.turns.list) {
		l.audit(b, now)
		l.endWhenComplete(b, now)
	}
}
