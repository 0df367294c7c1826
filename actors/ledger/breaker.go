package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// breaker tells a worker that cannot work from a chunk that cannot be done. What a
// worker or its machine cannot do is not booked on the chunks: the worker is paused, and
// tries one chunk after a growing time.
type breaker struct {
	trials  map[messages.WorkerID]*trial // of workers whose last results were failures
	proven  map[messages.WorkerID]bool   // workers that have done a chunk since their process began
	failing int                          // number of workers that take chunks and fail every one
}

// trial is what the last results of a worker were.
type trial struct {
	failed  []messages.ChunkID // different chunks that failed since its last success, newest last
	apart   int                // those of them that are not parts of one chunk
	retries int                // chunks put off in a row since then
	trips   int                // number of its pauses since then
	away    bool               // it takes no chunks now, for whatever reason
	until   time.Time          // end of its pause, after which it gets one chunk; zero when it is not paused
	reason  string
}

const (
	// failedInARow is how many different chunks a worker has to fail, without having
	// done any, to be paused.
	failedInARow = 3
	// retriedInARow is how often a worker may ask to do a chunk later before it is
	// paused.
	retriedInARow = 5
	// pauseMin is the first pause, doubled each time up to pauseMax: a worker that is
	// well again works on after that time at the latest.
	pauseMin, pauseMax = 2 * time.Second, 16 * time.Second
	// tryFor is how long after its pause a worker gets no second chunk. What cannot
	// work mostly fails at once; a worker that takes longer for its chunk, or had none
	// to try, is believed to be well.
	tryFor = 5 * time.Second
	// maxBlamed is how many failed chunks of a worker are remembered.
	maxBlamed = 64
)

// regard is how much a failure of a worker counts for the chunk.
type regard uint8

const (
	regardFull  regard = iota // it counts
	regardDoubt               // it counts, but does not end the chunk: the worker has not done any yet
	regardNone                // it does not count: the worker is paused, or reports that it is unfit
)

func newBreaker() breaker {
	return breaker{trials: map[messages.WorkerID]*trial{}, proven: map[messages.WorkerID]bool{}}
}

// judge returns how much a failure of the worker counts. others is the number of other
// workers that take chunks and have not failed this one.
func (b *breaker) judge(w messages.WorkerID, others int) regard {
	t := b.trials[w]
	switch {
	case t != nil && !t.until.IsZero():
		return regardNone
	case !b.proven[w] && b.healthy(w, others) > 0:
		return regardDoubt
	}
	return regardFull
}

// healthy is how many of the other workers do not fail everything, too.
func (b *breaker) healthy(w messages.WorkerID, others int) int {
	failing := b.failing
	if t := b.trials[w]; t != nil && t.counts() {
		failing--
	}
	return others - failing
}

// fails reports whether a worker fails whatever it is given.
func (t *trial) fails() bool { return t.apart >= failedInARow }

// add adds a chunk that failed. The halves of a chunk fail for one reason, so they say no
// more of the worker than the chunk itself.
func (t *trial) add(id messages.ChunkID) {
	if !slices.ContainsFunc(t.failed, func(c messages.ChunkID) bool { return c.File == id.File && c.Index == id.Index }) {
		t.apart++
	}
	t.failed = append(t.failed[max(0, len(t.failed)+1-maxBlamed):], id)
}

// counts reports whether a worker is one of those that take chunks and fail.
func (t *trial) counts() bool { return t.fails() && !t.away }

// change changes a trial and keeps the number of failing workers.
func (b *breaker) change(t *trial, f func()) {
	before := t.counts()
	f()
	switch after := t.counts(); {
	case after && !before:
		b.failing++
	case before && !after:
		b.failing--
	}
}

// setTaking records whether the worker takes chunks at all.
func (b *breaker) setTaking(w messages.WorkerID, takes bool) {
	if t := b.trials[w]; t != nil {
		b.change(t, func() { t.away = !takes })
	}
}

func (b *breaker) trial(w messages.WorkerID) *trial {
	t := b.trials[w]
	if t == nil {
		t = &trial{}
		b.trials[w] = t
	}
	return t
}

// done records a chunk that the worker did. It reports whether the worker was paused.
func (b *breaker) done(w messages.WorkerID) (resumed bool) {
	t := b.trials[w]
	if t == nil && b.proven[w] {
		return false
	}
	b.forget(w)
	b.proven[w] = true
	return t != nil && !t.until.IsZero()
}

// forget drops a worker whose process ended.
func (b *breaker) forget(w messages.WorkerID) {
	if t := b.trials[w]; t != nil && t.counts() {
		b.failing--
	}
	delete(b.trials, w)
	delete(b.proven, w)
}

// Pause is the time in which a worker gets no chunks, because it could do none.
type Pause struct {
	Worker  messages.WorkerID
	Reason  string
	Until   time.Time
	pardons []messages.ChunkID // chunks on which failures of the worker are booked that do not count
}

// failed records a failure. It returns a pause when the worker is the cause: it failed
// several chunks and did none, and there are others that do not. everybody is true when
// all fail: then the chunks are the cause, and no worker stays paused for it.
func (b *breaker) failed(w messages.WorkerID, id messages.ChunkID, others int, reason string, now time.Time) (p *Pause, everybody bool) {
	t := b.trial(w)
	if !t.until.IsZero() && b.healthy(w, others) > 0 {
		return b.pause(w, t, now), false
	}
	t.retries, t.until = 0, time.Time{}
	if b.proven[w] {
		return nil, false
	}
	t.reason = "failed every chunk so far: " + reason
	if !slices.Contains(t.failed, id) {
		b.change(t, func() { t.add(id) })
	}
	switch {
	case !t.fails():
		return nil, false
	case b.healthy(w, others) > 0:
		p = b.pause(w, t, now)
		p.pardons = slices.Clone(t.failed)
		return p, false
	}
	return nil, true
}

// putOff records that the worker asked to do a chunk later.
func (b *breaker) putOff(w messages.WorkerID, reason string, now time.Time) *Pause {
	t := b.trial(w)
	t.retries++
	if t.until.IsZero() && t.retries < retriedInARow {
		return nil
	}
	t.reason = "gives back every chunk: " + reason
	return b.pause(w, t, now)
}

func (b *breaker) pause(w messages.WorkerID, t *trial, now time.Time) *Pause {
	t.until = now.Add(min(pauseMax, pauseMin<<min(t.trips, 10)))
	t.trips++
	return &Pause{Worker: w, Reason: t.reason, Until: t.until}
}

// release ends the pauses of workers that failed, and returns them.
func (b *breaker) release() (ids []messages.WorkerID) {
	for id, t := range b.trials {
		if t.fails() && !t.until.IsZero() {
			t.until = time.Time{}
			ids = append(ids, id)
		}
	}
	return ids
}

// paused reports whether the worker gets nothing now. When its pause is over it gets one
// chunk to try, and more after tryFor. held is the number of chunks that it has.
func (b *breaker) paused(w messages.WorkerID, held int, now time.Time) bool {
	t := b.trials[w]
	return t != nil && !t.until.IsZero() && (now.Before(t.until) || held > 0 && now.Before(t.until.Add(tryFor)))
}

// due lists the workers whose pause is over.
func (b *breaker) due(now time.Time) (ids []messages.WorkerID) {
	for id, t := range b.trials {
		if !t.until.IsZero() && !now.Before(t.until) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
