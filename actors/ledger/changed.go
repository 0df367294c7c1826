package ledger

import (
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
	return !b.HasEnded() || now.Sub(b.Ended) < changedFor
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
