package ledger

import (
	"time"

	"kafka-master/messages"
)

// Resting is that files are in work and no chunk of any is at a worker, with the reason.
type Resting struct {
	Files   int // 0 unless everything rests
	Waiting int // chunks that wait
	Why     messages.Why
	messages.Place
}

// resting returns why nothing runs. Of several files it is the reason of the one whose turn it
// is, but for those that a person paused, unless all are.
func (l *Ledger) resting(now time.Time) (r Resting) {
	for _, b := range l.turns.list {
		if b.live > 0 {
			return Resting{}
		}
		r.Files++
		r.Waiting += b.waiting.len() + len(b.cut)
		if !r.Why.Runs() && (r.Why.Reason != messages.WhyPaused || b.Held()) {
			continue
		}
		if r.Why = l.why(b, now); !r.Why.Runs() {
			r.Place = messages.Place{File: b.ID, Path: b.Info.Path}
		}
	}
	if r.Why.Runs() {
		return Resting{}
	}
	if r.Why == l.nobody {
		r.Worker = l.nobodyAt
	}
	return r
}
