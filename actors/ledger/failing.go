package ledger

import (
	"time"

	"kafka-master/messages"
)

const (
	// failsOften and failsMany are how many attempts at how many chunks must fail one after
	// the other until everything seems to fail: a single bad line that is looked for by
	// halving fails less often between two halves that are done.
	failsOften = 5
	failsMany  = 3
)

// failures counts attempts that failed since a chunk was last done.
type failures struct {
	n      int
	since  time.Time
	at     messages.Place // of the last one
	last   string
	chunks map[messages.ChunkID]bool // at most failsMany of those that failed
}

// add counts an attempt that failed.
func (f *failures) add(id messages.ChunkID, at messages.Place, text string, now time.Time) {
	if f.n++; f.n == 1 {
		f.since, f.chunks = now, map[messages.ChunkID]bool{}
	}
	if f.at, f.last = at, text; len(f.chunks) < failsMany {
		f.chunks[id] = true
	}
}

// Failing is that one attempt after the other fails.
type Failing struct {
	Count          int // attempts that failed, 0 unless everything seems to fail
	Since          time.Time
	messages.Place        // of the last one
	Last           string // why it failed
}

// failing returns whether everything fails: then the lines are not the cause, but the command,
// or what it needs.
func (l *Ledger) failing() Failing {
	f := &l.trials.failures
	if f.n < failsOften || len(f.chunks) < failsMany || len(l.turns.list) == 0 {
		return Failing{}
	}
	return Failing{Count: f.n, Since: f.since, Place: f.at, Last: f.last}
}
