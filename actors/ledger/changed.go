package ledger

import (
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

// changedFor is how long it is shown that a file changed while it was in work, or failed.
const changedFor = 10 * time.Minute

// Changed are files that changed while they were in work, or that failed, lately.
type Changed struct {
	Count int
	Last  messages.File // the last of them
}

// noteChanged remembers a file that changed or failed.
func (l *Ledger) noteChanged(b *book) { l.changed = append(l.changed, b.ID) }

// restoreChanged remembers the files that changed or failed under former leaders.
func (l *Ledger) restoreChanged(files []*messages.File, now time.Time) {
	for _, f := range files {
		if b := l.files[f.ID]; (b.State == messages.FileChanged || b.State == messages.FileFailed) && b.changedLately(now) {
			l.noteChanged(b)
		}
	}
}

// changedLately reports whether a file that changed or failed is still in work, or ended not long ago.
func (b *book) changedLately(now time.Time) bool {
	return !b.Acknowledged && (!b.HasEnded() || now.Sub(b.Ended) < changedFor)
}

// Acknowledge takes a file that changed or failed off the list of those that did lately, also
// under the next leader.
func (x Files) Acknowledge(id messages.FileID, now time.Time) (before, after *messages.FileStatus, err error) {
	l := x.l
	b := l.files[id]
	switch {
	case b == nil:
		return nil, nil, messages.ErrNoFile
	case b.State != messages.FileChanged && b.State != messages.FileFailed:
		return nil, nil, fmt.Errorf("%w: the file neither changed while it was in work nor failed", messages.ErrConflict)
	}
	before = l.status(b, now)
	b.own()
	b.Acknowledged = true
	l.store(b)
	return before, l.status(b, now), nil
}

// isLossy reports whether a file failed because the stored state lacks records, which is a
// problem of its own.
func (l *Ledger) isLossy(id messages.FileID) bool {
	_, lossy := l.losses.files[id]
	return lossy
}

// lastOf returns the files that changed, or failed, lately.
func (l *Ledger) lastOf(state messages.FileState, now time.Time) (c Changed) {
	l.changed = slices.DeleteFunc(l.changed, func(id messages.FileID) bool {
		b := l.files[id]
		return b == nil || !b.changedLately(now)
	})
	for _, id := range l.changed {
		if b := l.files[id]; b.State == state && !l.isLossy(id) {
			c.Count++
			c.Last = *b.File
		}
	}
	return c
}
