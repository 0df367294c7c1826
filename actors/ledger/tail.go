package ledger

import (
	"time"

	"kafka-master/messages"
)

const (
	// tailAfter is how long a chunk has run at least, and tailTimes times the median of its
	// file, before it holds up the end of the file.
	tailAfter = 5 * time.Second
	tailTimes = 3
)

// SlowTail are the last chunks of files, which run much longer than the others did while
// workers are idle.
type SlowTail struct {
	Count int // number of such chunks
	Idle  int // workers that are idle
	messages.Place
	Lines string        // of that chunk in the file, for people
	Left  int           // chunks of that file that have not ended
	Since time.Time     // time when the one began that runs for longest
	Usual time.Duration // the median of its file
}

// slowTail looks for chunks that hold up the end of a file: everything else of it has ended,
// and workers are idle. A chunk that shows no progress at all is named as such.
func (l *Ledger) slowTail(now time.Time) (t SlowTail) {
	if t.Idle = len(l.idle(now)); t.Idle == 0 || !l.lacksWork(now) {
		return SlowTail{}
	}
	for _, held := range l.held {
		for id, e := range held {
			b := l.files[id.File]
			if !b.inTail() || e.State != messages.ChunkRunning || now.Sub(e.workedSince()) < max(tailAfter, tailTimes*b.tempo.median()) {
				continue
			}
			if s, ok := l.stalls[b.BatchID(e.ID, e.Attempt)]; ok && s.lasts(b, now) {
				continue
			}
			t.Count++
			if since := e.workedSince(); t.Worker == "" || since.Before(t.Since) || since.Equal(t.Since) && e.Worker < t.Worker {
				t.Place = messages.Place{File: b.ID, Path: b.Info.Path, Worker: e.Worker, Chunk: b.BatchID(e.ID, e.Attempt)}
				t.Lines, t.Left, t.Since, t.Usual = b.linesOf(e.ID), b.live, since, b.tempo.median()
			}
		}
	}
	return t
}

// inTail reports whether only chunks at workers are left of a file, and it is known how long
// one takes.
func (b *book) inTail() bool {
	return b.allCut && len(b.cut) == 0 && b.waiting.len() == 0 && b.tempo.n >= backupKnown
}
