package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// Recall asks a worker to give back chunks that wait behind others there.
type Recall struct {
	Worker   messages.WorkerID
	BatchIDs []string
}

// RecallTimeout is how long a recall counts as on its way. There is no answer from a worker
// that has begun the chunk, or if a message was lost.
const RecallTimeout = 10 * time.Second

const (
	// recallWait is how long a chunk must be expected to wait before it is recalled.
	// Recalling costs some round trips and commits, so a queue of usual length stays
	// where it is.
	recallWait = 100 * time.Millisecond
	// maxRecalls is how often a chunk is recalled at most.
	maxRecalls = 4
	// starvedAfter is how long nothing was handed out before a file that is not cut to
	// its end is no reason to wait for more chunks.
	starvedAfter = time.Second
	// recallPause times the number of workers with a queue is the least time between two
	// searches for chunks to recall, so that these cost little with many workers.
	recallPause = 10 * time.Microsecond
)

// recalls is what decides which chunks are recalled.
type recalls struct {
	speeds     map[messages.WorkerID]*speed
	handedAt   time.Time // time of the last hand-out
	nextSearch time.Time // chunks to recall are searched for again from then on
}

// speed is how fast a worker completes chunks.
type speed struct {
	since time.Time     // time of its last completion, or when it last began to have chunks
	each  time.Duration // mean time between two completions while it has chunks, 0 until one is known
}

// busy records that a worker that held no chunk has one now.
func (r *recalls) busy(w messages.WorkerID, now time.Time) {
	s := r.speeds[w]
	if s == nil {
		s = &speed{}
		r.speeds[w] = s
	}
	s.since = now
}

// completed records that a worker completed a chunk.
func (r *recalls) completed(w messages.WorkerID, now time.Time) {
	s := r.speeds[w]
	took := now.Sub(s.since)
	if s.each == 0 {
		s.each = took
	}
	s.each += (took - s.each) / 8
	s.since = now
}

// pace returns the time that a chunk seems to take at a worker. A chunk that takes longer
// than the others did counts with what it took so far.
func (r *recalls) pace(w messages.WorkerID, now time.Time) time.Duration {
	s := r.speeds[w]
	return max(s.each, now.Sub(s.since))
}

// each returns the mean time that a worker took for a chunk, 0 while none is known.
func (r *recalls) each(w messages.WorkerID) time.Duration {
	if s := r.speeds[w]; s != nil {
		return s.each
	}
	return 0
}

// queuedChunk is a chunk that waits at a worker, with the time that it is expected to
// wait there.
type queuedChunk struct {
	*entry
	wait time.Duration
}

// Recall returns the chunks that are to be asked back for workers that are idle: nothing
// is left to hand out, and the chunks would wait where they are for longer than the idle
// worker takes for one. A chunk is asked for once until that is answered or timed out.
func (x Workers) Recall(now time.Time) []Recall {
	l := x.l
	if len(l.ahead) == 0 || now.Before(l.recalls.nextSearch) || !l.gate.open(now) {
		return nil
	}
	idle := l.idle(now)
	if len(idle) == 0 || !l.lacksWork(now) {
		return nil
	}
	l.recalls.nextSearch = now.Add(time.Duration(len(l.ahead)) * recallPause)
	list, asked := l.queuedFor(now)
	return l.ask(list, idle[min(asked, len(idle)):], now)
}

// RecallAll returns the batch ids of the chunks that a worker has not begun as far as is
// known, which are asked back because it is drained. Which of them wait behind others is not
// asked, since a stored state does not tell what the worker began. A chunk whose recall is on
// its way is left out.
func (x Workers) RecallAll(w messages.WorkerID, now time.Time) (batchIDs []string) {
	l := x.l
	for _, id := range slices.SortedFunc(maps.Keys(l.held[w]), messages.ChunkID.Compare) {
		e := l.held[w][id]
		if e.State != messages.ChunkAssigned || e.asked && now.Sub(e.recalledAt) < RecallTimeout {
			continue
		}
		e.asked, e.recalledAt = true, now
		batchIDs = append(batchIDs, l.files[id.File].BatchID(id, e.Attempt))
	}
	return batchIDs
}

// lacksWork reports whether nothing is left to hand out and nothing more is cut soon.
func (l *Ledger) lacksWork(now time.Time) bool {
	if l.ready(now) {
		return false
	}
	_, last := l.backlog()
	return last || now.Sub(l.recalls.handedAt) >= starvedAfter
}

// idle returns the workers with free slots, one for each slot, the first one to get a
// chunk first. There are no more of them than chunks are recalled at one time.
func (l *Ledger) idle(now time.Time) (idle []messages.WorkerID) {
	for _, o := range l.offers.free {
		if l.offers.of[o.Worker] != o || l.paused(o.Worker, now) {
			continue
		}
		free := o.UpTo - o.given
		if o.Limit > 0 {
			free = min(free, o.Limit-len(l.held[o.Worker])) // A slot may be counted as free twice.
		}
		for range free {
			if len(idle) == messages.MaxRecalled {
				return idle
			}
			idle = append(idle, o.Worker)
		}
	}
	return idle
}

// queuedFor returns the chunks that may be recalled, the one with the longest wait first,
// and how many recalls are on their way.
func (l *Ledger) queuedFor(now time.Time) (list []queuedChunk, asked int) {
	for w, ahead := range l.ahead {
		o := l.offers.of[w]
		if o == nil || !o.Recalls || len(ahead) == 0 {
			continue
		}
		pace := l.recalls.pace(w, now)
		for n, e := range ahead {
			wait := time.Duration(n+1) * pace
			switch {
			case e.State != messages.ChunkAssigned || l.files[e.ID.File].Held():
			case e.asked && now.Sub(e.recalledAt) < RecallTimeout:
				asked++
			case wait >= recallWait && e.recalls < maxRecalls:
				list = append(list, queuedChunk{e, wait})
			}
		}
	}
	slices.SortFunc(list, func(a, b queuedChunk) int {
		return cmp.Or(cmp.Compare(b.wait, a.wait), a.ID.Compare(b.ID))
	})
	return list, asked
}

// ask recalls one chunk for each idle worker that is faster than the chunk's wait.
func (l *Ledger) ask(list []queuedChunk, idle []messages.WorkerID, now time.Time) (out []Recall) {
	for _, w := range idle {
		if len(list) == 0 {
			break
		}
		c := list[0]
		if l.recalls.each(w) > c.wait || w == c.Worker {
			continue
		}
		list = list[1:]
		c.asked, c.recalledAt = true, now
		c.recalls++
		b := l.files[c.ID.File]
		n := slices.IndexFunc(out, func(r Recall) bool { return r.Worker == c.Worker })
		if n < 0 {
			n = len(out)
			out = append(out, Recall{Worker: c.Worker})
		}
		out[n].BatchIDs = append(out[n].BatchIDs, b.BatchID(c.ID, c.Attempt))
	}
	return out
}
