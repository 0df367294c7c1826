package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// QuietAfter is how long a chunk may show no progress at least.
	QuietAfter = time.Minute
	// quietTimes times the median time of its file's chunks is how long it may show none
	// in a file whose chunks take long.
	quietTimes = 5
)

// stall is a chunk without progress.
type stall struct {
	worker messages.WorkerID
	since  time.Time
}

// Stalled is the chunk that shows no progress for the longest time.
type Stalled struct {
	BatchID string // empty when there is none
	Worker  messages.WorkerID
	Since   time.Time
	Count   int // number of such chunks
}

// Quiet takes in since when an attempt shows no progress; a zero time means that it shows
// some again.
func (x Attempts) Quiet(w messages.WorkerID, batchID string, since, now time.Time) {
	l := x.l
	b, _, _, _ := l.find(batchID)
	if b == nil || !l.runs(w, batchID) || since.IsZero() || now.Sub(since) < max(QuietAfter, quietTimes*b.tempo.median()) {
		delete(l.stalls, batchID)
		return
	}
	l.stalls[batchID] = stall{worker: w, since: since}
}

// runs reports whether the attempt may still run at w, although it may not be the one that
// counts: it holds a slot of its worker as well.
func (l *Ledger) runs(w messages.WorkerID, batchID string) bool {
	if _, e := l.current(w, batchID); e != nil {
		return true
	}
	at, known := l.surplus[batchID]
	return known && at == w
}

// addSurplus records that the attempt in flight still runs when it does not count any more.
func (l *Ledger) addSurplus(b *book, e *entry) {
	l.surplus[b.BatchID(e.ID, e.Attempt)] = e.Worker
}

// endSurplus records that the attempt does not run at w any more.
func (l *Ledger) endSurplus(w messages.WorkerID, batchID string) {
	if l.surplus[batchID] == w {
		delete(l.surplus, batchID)
	}
}

// stalled returns the longest stall of attempts that may still run.
func (l *Ledger) stalled() (first Stalled) {
	for id, x := range l.stalls {
		if !l.runs(x.worker, id) {
			delete(l.stalls, id)
			continue
		}
		if first.BatchID == "" || x.since.Before(first.Since) || x.since.Equal(first.Since) && id < first.BatchID {
			first = Stalled{BatchID: id, Worker: x.worker, Since: x.since}
		}
	}
	first.Count = len(l.stalls)
	return first
}

// tempo is how long the last chunks of a file took.
type tempo struct {
	took []time.Duration // at most maxTook, in no order
	n    int             // number of all chunks that were added
}

// maxTook is how many chunks a tempo remembers.
const maxTook = 31

func (p *tempo) add(d time.Duration) {
	if len(p.took) < maxTook {
		p.took = append(p.took, d)
	} else {
		p.took[p.n%maxTook] = d
	}
	p.n++
}

// median returns the median of the last chunks, 0 before the first one.
func (p *tempo) median() time.Duration {
	if p.n == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(p.took))
	return list[len(list)/2]
}
