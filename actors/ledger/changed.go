package ledger

import (
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

// changedFor is how long it is shown that a file changed while it was in work.
const changedFor = 10 * time.Minute

// Changed are files that changed while they were in work, lately.
type Changed struct {
	Count int
	Last  messages.File // the one that changed last
}

// noteChanged remembers a file that changed.
func (l *Ledger) noteChanged(b *book) { l.changed = append(l.changed, b.ID) }

// restoreChanged remembers the files that changed under former leaders.
func (l *Ledger) restoreChanged(files []*messages.File, now time.Time) {
	for _, f := range files {
		if b := l.files[f.ID]; b.State == messages.FileChanged && b.changedLately(now) {
			l.noteChanged(b)
		}
	}
}

// changedLately reports whether a file that changed is still in work, or ended not long ago.
func (b *book) changedLately(now time.Time) bool {
	return !b.Acknowledged && (!b.HasEnded() || now.Sub(b.Ended) < changedFor)
}

// Acknowledge takes a file that changed off the list of those that changed lately, also under
// the next leader.
func (x Files) Acknowledge(id messages.FileID, now time.Time) (before, after *messages.FileStatus, err error) {
	l := x.l
	b := l.files[id]
	switch {
	case b == nil:
		return nil, nil, messages.ErrNoFile
	case b.State != messages.FileChanged:
		return nil, nil, fmt.Errorf("%w: the file did not change while it was in work", messages.ErrConflict)
	}
	before = l.status(b, now)
	b.own()
	b.Acknowledged = true
	l.store(b)
	return before, l.status(b, now), nil
}

// lastChanged returns the files that changed lately.
func (l *Ledger) lastChanged(now time.Time) (c Changed) {
	l.changed = slices.DeleteFunc(l.changed, func(id messages.FileID) bool {
		b := l.files[id]
		return b == nil || !b.changedLately(now)
	})
	if c.Count = len(l.changed); c.Count > 0 {
		c.Last = *l.files[l.changed[c.Count-1]].File
	}
	return c
}
