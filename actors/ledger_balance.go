package actors

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"kafka-master/messages"
)

// owed is what of a file was handed out and is neither done nor dead, kept as a
// total beside the entries themselves.
type owed struct {
	chunks int64
	items  int64
	dead   int64 // records of dead chunks
	beyond int64 // records at or behind the cursor, which no state of ours has
}

// add counts n chunks like c.
func (o *owed) add(c messages.Chunk, n int64) {
	o.chunks += n
	o.items += n * int64(c.Items)
}

// restored counts a chunk's stored record.
func (o *owed) restored(b *book, c messages.OpenChunk) {
	if c.ID.Index >= b.Cursor.Index || c.End() > b.Cursor.Offset {
		o.beyond++
	}
	if c.State == messages.ChunkDead {
		o.dead++
		return
	}
	o.add(c.Chunk, 1)
}

// losses is what a stored state lacks.
type losses struct {
	files   map[messages.FileID]string // files whose figures do not add up, with the figures
	fresh   []messages.FileID          // of those, found since they were last reported
	records int                        // file records that are gone
	orphans int                        // chunk records whose file record is gone
	unnamed int64                      // dead chunks whose record, and so its reason, is gone
}

// missed compares a stored state with what it says of itself.
func (l *ledger) missed(s messages.Snapshot) {
	if n, err := strconv.Atoi(s.Values[messages.ValueFileCount]); err == nil {
		l.lacks.records = max(0, n-len(s.Files))
	}
	for _, f := range s.Files {
		l.lacks.unnamed += max(0, f.DeadChunks-l.files[f.ID].owed.dead)
	}
}

// countFiles stores how many file records there must be.
func (l *ledger) countFiles() {
	l.out.Values = append(l.out.Values, messages.Value{Name: messages.ValueFileCount, Value: strconv.Itoa(len(l.files))})
}

// orphan drops a chunk record that belongs to no file.
func (l *ledger) orphan(c messages.OpenChunk) {
	l.lacks.orphans++
	l.out.DropChunks = append(l.out.DropChunks, c.ID)
}

// audit compares the figures of a file: what was handed out must be done, dead or
// open. A record that the store lost would otherwise count as a done chunk, since
// done chunks have none. A file that does not add up is failed, whatever it was.
func (l *ledger) audit(b *book, now time.Time) {
	if _, known := l.lacks.files[b.ID]; known {
		return
	}
	text := b.imbalance()
	if text == "" {
		return
	}
	l.lacks.files[b.ID] = text
	l.lacks.fresh = append(l.lacks.fresh, b.ID)
	reason := text + ": the state store lost records of it; take the file out of the folder for some seconds and put it back to have all of it done again"
	switch {
	case !b.HasEnded():
		l.giveUp(b, messages.FileFailed, reason)
	case b.State != messages.FileFailed:
		b.State, b.Reason = messages.FileFailed, reason
		l.put(b)
	}
}

// imbalance says what does not add up, empty when everything does.
func (b *book) imbalance() string {
	ended := b.DoneChunks + b.DeadChunks
	switch {
	case b.DoneItems+b.DeadItems+b.owed.items != b.Items, ended+b.owed.chunks != int64(b.Cursor.Index):
	case b.Duplicates != 0, b.owed.beyond > 0, int64(b.live+b.again.len()) != b.owed.chunks:
	default:
		return ""
	}
	return fmt.Sprintf("it does not add up: of %d items cut %d are done, %d dead and %d open (chunks: %d, %d, %d and %d)",
		b.Items, b.DoneItems, b.DeadItems, b.owed.items, b.Cursor.Index, b.DoneChunks, b.DeadChunks, b.owed.chunks)
}

// auditAll looks at every file in work. It costs a comparison of totals a file.
func (l *ledger) auditAll(now time.Time) {
	for _, id := range slices.Clone(l.turn) {
		b := l.files[id]
		l.audit(b, now)
		l.settle(b, now)
	}
}
