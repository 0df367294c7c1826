package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// QuietAfter is how long a chunk may show no progress at least, in a file whose chunks
	// are fast: it has to take quietTimesFast times their median as well.
	QuietAfter     = 5 * time.Second
	quietTimesFast = 10
	// quietLong, and quietTimes times the median, is enough in any case. It is the limit also
	// while nobody knows how long a chunk of the file takes.
	quietLong  = time.Minute
	quietTimes = 5
)

// patience is how long a chunk of the file may show no progress.
func (p *tempo) patience() time.Duration {
	m := p.median()
	long := max(quietLong, quietTimes*m)
	if p.n == 0 {
		return long
	}
	return min(long, max(QuietAfter, quietTimesFast*m))
}

// stall is a chunk without progress.
type stall struct {
	worker messages.WorkerID
	since  time.Time
}

// lasts reports whether an attempt shows no progress for unusually long.
func (s stall) lasts(b *book, now time.Time) bool { return now.Sub(s.since) >= b.tempo.patience() }

// Stalled are chunks that show no progress, the longest time first.
type Stalled struct {
	Long []messages.StalledChunk // for unusually long
	// Unknown are those of files of which no chunk has ended, so that nobody can tell whether
	// that is unusual.
	Unknown []messages.StalledChunk
}

// Quiet takes in since when an attempt shows no progress; a zero time means that it shows
// some again.
func (x Attempts) Quiet(w messages.WorkerID, batchID string, since time.Time) {
	l := x.l
	if !l.runs(w, batchID) || since.IsZero() {
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

// stalled returns the attempts that may still run and show no progress.
func (l *Ledger) stalled(now time.Time) (out Stalled) {
	for id, x := range l.stalls {
		b, chunk, _, _ := l.find(id)
		if b == nil || !l.runs(x.worker, id) {
			delete(l.stalls, id)
			continue
		}
		c := messages.StalledChunk{BatchID: id, Worker: x.worker, Since: x.since, File: b.ID, Path: b.Info.Path, Lines: b.linesOf(chunk), Usual: b.tempo.median()}
		switch {
		case x.lasts(b, now):
			out.Long = append(out.Long, c)
		case b.tempo.n == 0:
			out.Unknown = append(out.Unknown, c)
		}
	}
	for _, list := range [][]messages.StalledChunk{out.Long, out.Unknown} {
		slices.SortFunc(list, func(a, b messages.StalledChunk) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.BatchID, b.BatchID))
		})
	}
	return out
}

// linesOf returns the lines of an open chunk in its file, for people.
func (b *book) linesOf(id messages.ChunkID) string {
	e := b.entries[id]
	if e == nil {
		return ""
	}
	if e.Lines <= 1 {
		return fmt.Sprintf("line %d", e.FirstLine)
	}
	return fmt.Sprintf("lines %d to %d", e.FirstLine, e.FirstLine+e.Lines-1)
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
