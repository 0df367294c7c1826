package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// limitDead sets MAX_DEAD in some worlds.
func (w *simWorld) limitDead() {
	if w.seed%5 != 1 {
		return
	}
	w.cfg.MaxDead = messages.DeadLimit{Items: int64(2 + w.seed/5%7)}
	w.every(7*time.Second, w.goOn)
}

// goOn is a person who discards, or before everything is healed may also retry, what a file
// is paused for.
func (w *simWorld) goOn(time.Time) {
	m := w.anyMaster()
	if m.process.dead || m.ending || w.finished || !slices.ContainsFunc(w.limited(), func(messages.FileID) bool { return w.healed || w.rng.IntN(4) == 0 }) {
		return
	}
	m.ask(messages.QueryLetters{Fresh: true}, func(a any, _ error) {
		list, _ := a.([]*messages.Letter)
		paused := w.limited()
		list = slices.DeleteFunc(slices.Clone(list), func(l *messages.Letter) bool { return !slices.Contains(paused, l.ID.File) })
		switch {
		case len(list) == 0 || w.driver.over:
		case !w.healed && w.rng.IntN(2) == 0:
			m.ask(messages.RetryLetters{Letters: list}, func(a any, err error) { w.handled(chunkRetried, list, a, err) })
		default:
			m.ask(messages.DiscardLetters{Letters: list}, func(a any, err error) {
				w.handled("what a file is paused for is discarded", list, a, err)
			})
		}
	})
}

// limited returns the files that are paused for their dead and failed items.
func (w *simWorld) limited() (out []messages.FileID) {
	for id, f := range w.history.files {
		if !f.HasEnded() && w.cfg.MaxDead.Reached(&f) {
			w.sometimes("a file is paused for its dead items")
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// limits checks that nothing new is begun of a file that is paused for its dead and failed
// items.
func (h *simHistory) limits(old, now messages.File) {
	same := old.FailedItems == now.FailedItems && old.DeadItems == now.DeadItems && old.DiscardedItems == now.DiscardedItems && old.DiscardedFailed == now.DiscardedFailed
	resumed := old.LimitRejects != now.LimitRejects // by a person, and one commit may hold that and a new chunk
	if same && !resumed && h.w.cfg.MaxDead.Reached(&old) && now.Cursor.Index > old.Cursor.Index && now.State == messages.FileRunning {
		h.violate("S25", "chunk %d of %s is begun although %d items are dead or failed, and the limit is %s", old.Cursor.Index, now.Base, now.Rejects(), h.w.cfg.MaxDead)
	}
}
