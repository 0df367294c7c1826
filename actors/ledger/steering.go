package ledger

import (
	"fmt"
	"time"

	"kafka-master/messages"
)

// UseDispatch changes how people steer all hand-outs.
func (l *Ledger) UseDispatch(d messages.Dispatch, now time.Time) { l.gate.use(d, now) }

// OpensAt returns when anything may be handed out again without anybody's doing, zero when
// it may be now, or when only a person ends a pause.
func (l *Ledger) OpensAt(now time.Time) time.Time { return l.gate.opensAt(now) }

// Steer changes how a person steers a file. A file that is resumed goes on in spite of
// MAX_DEAD: what is dead or failed until then does not count any more.
func (x Files) Steer(s messages.SetFile, now time.Time) (out messages.FileSteered, err error) {
	l := x.l
	if err := s.Check(); err != nil {
		return out, err
	}
	b := l.files[s.ID]
	switch {
	case b == nil:
		return out, fmt.Errorf("%w: %d", messages.ErrNoFile, s.ID)
	case b.HasEnded() || b.State.Terminal():
		return out, fmt.Errorf("%w: %s is %s", messages.ErrEnded, b.Info.Path, b.State)
	}
	out.Old = *l.status(b, now)
	l.turns.change(b, func() {
		if s.Priority != nil {
			b.Priority = *s.Priority
		}
		if s.Share != nil {
			b.Share = *s.Share
		}
		if s.Paused != nil {
			l.pause(b, *s.Paused, s.By, now)
		}
	})
	l.store(b)
	out.New = *l.status(b, now)
	return out, nil
}

// pause pauses or resumes a file for a person.
func (l *Ledger) pause(b *book, paused bool, by string, now time.Time) {
	switch {
	case !paused:
		b.PausedBy, b.PausedSince = "", time.Time{}
		if l.rules.MaxDead.Reached(b.File) {
			b.LimitRejects, b.LimitTried = b.Rejects(), b.EndedItems()
		}
	case !b.Held():
		b.PausedBy, b.PausedSince = by, now.UTC().Truncate(time.Millisecond)
	}
}

// status returns what people see of a file. It is never changed.
func (l *Ledger) status(b *book, now time.Time) *messages.FileStatus {
	f := &messages.FileStatus{File: b.frozen(), Ready: len(b.cut) + b.waiting.len(), Running: b.live, Why: l.why(b, now)}
	switch {
	case b.HasEnded():
	case b.Held():
		f.Paused = b.whyHeld()
	case b.paused(l.rules.MaxDead):
		f.Paused = l.rules.MaxDead.Explain(b.File)
	}
	return f
}

// whyHeld says who paused a file.
func (b *book) whyHeld() string {
	return fmt.Sprintf("paused by %s since %s", b.PausedBy, b.PausedSince.Format(time.RFC3339))
}
