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
func (l *Ledger) Quiet(w messages.WorkerID, batchID string, since, now time.Time) {
	b, e := l.current(w, batchID)
	if e == nil || since.IsZero() || now.Sub(since) < max(QuietAfter, quietTimes*b.tempo.median()) {
		delete(l.stalls, batchID)
		return
	}
	l.stalls[batchID] = stall{worker: w, since: since}
}

// stalled returns the longest stall of attempts that are still in flight.
func (l *Ledger) stalled() (first Stalled) {
	for id, x := range l.stalls {
		if _, e := l.current(x.worker, id); e == nil {
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
