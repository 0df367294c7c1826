package actors

import (
	"fmt"
	"time"

	"kafka-master/messages"
)

// returnedOften is how often a chunk must have come back to be a problem.
const returnedOften = 5

// trials is what goes wrong with attempts, for people.
type trials struct {
	often      map[messages.ChunkID]*entry // open chunks that came back returnedOften times
	lastOften  string                      // how the last of them came back
	lastEnd    string                      // how the last attempt ended that was taken back
	repeats    int64                       // results of chunks that were done already
	lastRepeat string                      // the last of them
}

// ended notes an attempt that was taken back.
func (t *trials) ended(b *book, e *entry, how ending, reason string) {
	t.lastEnd = fmt.Sprintf("%s at %s: %s", messages.BatchID(b.Base, e.ID.Index, b.Generation, e.Attempt), e.Worker, reason)
	if how == endFailed || how == endUnfit { // it failed, or its worker did
		return
	}
	if e.returned++; e.returned >= returnedOften {
		t.often[e.ID] = e
		t.lastOften = t.lastEnd
	}
}

// over notes that a chunk is done or dead.
func (t *trials) over(e *entry) { delete(t.often, e.ID) }

// repeat notes a result of a chunk that was done already.
func (t *trials) repeat(s messages.Signal) {
	t.repeats++
	t.lastRepeat = fmt.Sprintf("%s of worker %s", s.BatchID, s.Worker)
}

// openChunks counts chunks at workers, and those that wait for one.
func (l *ledger) openChunks() (out, waiting int) {
	for _, id := range l.turn {
		b := l.files[id]
		out += b.live
		waiting += b.again.len() + len(b.planned)
	}
	return out, waiting
}

const (
	// runsFor times a minute is the time over which repeated runs are counted.
	runsFor = 10
	// fewRepeats are not worth a look, whatever their share is: a lost worker or a
	// restart causes some.
	fewRepeats = 10
	// repeatShare is one repeated run in so many.
	repeatShare = 20
)

// runs remembers the counters of the last minutes.
type runs struct {
	marks []runMark // oldest first, one a minute
}

type runMark struct {
	at            time.Time
	repeats, done int64
}

// look returns how many results of the last minutes were repeats, and how many
// results there were in all.
func (r *runs) look(repeats, done int64, now time.Time) (again, all int64) {
	if n := len(r.marks); n == 0 || now.Sub(r.marks[n-1].at) >= time.Minute {
		r.marks = append(r.marks, runMark{now, repeats, done})
	}
	if len(r.marks) > runsFor {
		r.marks = r.marks[1:]
	}
	first := r.marks[0]
	again = repeats - first.repeats
	return again, again + done - first.done
}

// tooManyRepeats reports whether a share of repeats is a problem; one that lasts ends
// at half of it.
func tooManyRepeats(repeats, all int64, lasts bool) bool {
	if lasts {
		return repeats*2*repeatShare > all
	}
	return repeats >= fewRepeats && repeats*repeatShare > all
}
