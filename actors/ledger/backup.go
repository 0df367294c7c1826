package ledger

import (
	"cmp"
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// backupTimes times the median time of its file's chunks is how long a chunk has run
	// before another worker gets it as well.
	backupTimes = 3
	backupAfter = time.Second // least such time
	// backupKnown is how many chunks of a file are done before their median counts.
	backupKnown = 3
	// outcomeBackup is the entry in the journal of an attempt beside which another one
	// begins.
	outcomeBackup = "backup"
)

// slowChunk is a chunk that runs for long, in multiples of its file's median.
type slowChunk struct {
	*entry
	ran   time.Duration
	times float64
}

// Backup hands chunks that run for much longer than others of their file to idle workers as
// well, when nothing is left to hand out. The former attempt counts as taken back: its
// result is late, and completes the chunk if it comes first. Each chunk gets at most one
// such attempt in a term. One that the next failure may end gets none: the idle worker could
// fail it while the slow one would complete it.
func (x Workers) Backup(now time.Time) (out []Assigned) {
	l := x.l
	idle := l.idle(now)
	if len(idle) == 0 || !l.gate.open(now) || !l.lacksWork(now) {
		return nil
	}
	list := l.slow(now)
	for _, w := range idle {
		o := l.offers.of[w]
		n := slices.IndexFunc(list, func(c slowChunk) bool { return c.Worker != w && l.recalls.each(w) < c.ran })
		if n < 0 || !o.Backup {
			continue
		}
		c := list[n]
		list = slices.Delete(list, n, n+1)
		out = append(out, Assigned{Assignment: l.overtake(c.entry, w, now), Epoch: o.Epoch})
		o.given++
	}
	return out
}

// slow returns the chunks that run for long, the slowest one first. A worker with a queue
// is left out: what waits behind the chunk is recalled first.
func (l *Ledger) slow(now time.Time) (list []slowChunk) {
	for w, held := range l.held {
		if o := l.offers.of[w]; o == nil || !o.Backup || len(l.ahead[w]) > 0 {
			continue
		}
		for _, e := range held {
			b := l.files[e.ID.File]
			if e.State != messages.ChunkRunning || e.backedUp || l.failsNext(e) || b.stopped || b.Held() || b.tempo.n < backupKnown {
				continue
			}
			median := max(time.Microsecond, b.tempo.median())
			if ran := now.Sub(e.workedSince()); ran > max(backupAfter, backupTimes*median) {
				list = append(list, slowChunk{e, ran, float64(ran) / float64(median)})
			}
		}
	}
	slices.SortFunc(list, func(a, b slowChunk) int {
		return cmp.Or(cmp.Compare(b.times, a.times), a.ID.Compare(b.ID))
	})
	return list
}

// overtake ends the attempt in flight and begins another one at w.
func (l *Ledger) overtake(e *entry, w messages.WorkerID, now time.Time) Assignment {
	b := l.files[e.ID.File]
	l.journal(e, e.Attempt, e.Worker, outcome{name: outcomeBackup}, now)
	l.addSurplus(b, e)
	l.release(b, e)
	e.backedUp = true
	if b.twice == nil {
		b.twice = map[messages.ChunkID]bool{}
	}
	b.twice[e.ID] = true
	return l.assign(b, e, Cut{}, w, false, now)
}
