package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// breaker tells a worker that cannot work from a chunk that cannot be done, as pure
// state. What a worker or its machine cannot do is not booked on the chunks: it is
// paused, and tries itself with one chunk after a growing time.
type breaker struct {
	trials  map[messages.WorkerID]*trial // of workers whose last results were failures
	proven  map[messages.WorkerID]bool   // workers that have done a chunk since they began
	failing int                          // workers that take chunks and fail every one
}

// trial is what a worker's last results were.
type trial struct {
	failed  []messages.ChunkID // different chunks that failed since it did one, newest last
	retries int                // "later" in a row, since it did one
	trips   int                // how often it was paused since it did one
	away    bool               // it takes no chunks now, for whatever reason
	until   time.Time          // it is paused until then, and then gets one chunk; zero when it is not
	reason  string
}

const (
	// failedInARow is how many different chunks a worker has to fail, without having
	// done any, for it to be the worker.
	failedInARow = 3
	// retriedInARow is how often a worker may ask to do a chunk later before it is
	// paused.
	retriedInARow = 5
	// pauseMin is its first pause, doubled each time up to pauseMax: a worker that is
	// well again works on after that time at the latest.
	pauseMin, pauseMax = 2 * time.Second, 16 * time.Second
	// tryFor is how long after its pause a worker gets no second chunk. What cannot
	// work mostly fails at once; a worker that works on its chunk for longer, or had
	// none to try itself, is believed to be well.
	tryFor = 5 * time.Second
	// maxBlamed is how many failed chunks of a worker are remembered.
	maxBlamed = 64
)

// regard is how much a failure of a worker says about the chunk.
type regard uint8

const (
	regardFull  regard = iota // it counts
	regardDoubt               // it counts, but does not end the chunk: the worker has not done any yet
	regardNone                // it does not count: the worker is paused, or says that it is unfit
)

func newBreaker() breaker {
	return breaker{trials: map[messages.WorkerID]*trial{}, proven: map[messages.WorkerID]bool{}}
}

// judge tells how a failure of the worker is to be taken. others is how many other
// workers take chunks and have not failed this one.
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
func (t *trial) fails() bool { return len(t.failed) >= failedInARow }

// counts reports whether a worker is one of those that take chunks and fail.
func (t *trial) counts() bool { return t.fails() && !t.away }

// change changes a trial and keeps the total.
func (b *breaker) change(t *trial, f func()) {
	was := t.counts()
	f()
	switch is := t.counts(); {
	case is && !was:
		b.failing++
	case was && !is:
		b.failing--
	}
}

// takes notes whether the worker takes chunks at all.
func (b *breaker) takes(w messages.WorkerID, takes bool) {
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

// done notes a chunk that the worker did. It reports whether the worker was paused.
func (b *breaker) done(w messages.WorkerID) (resumed bool) {
	t := b.trials[w]
	if t == nil && b.proven[w] {
		return false
	}
	b.forget(w)
	b.proven[w] = true
	return t != nil && !t.until.IsZero()
}

// forget drops a worker: its process ended.
func (b *breaker) forget(w messages.WorkerID) {
	if t := b.trials[w]; t != nil && t.counts() {
		b.failing--
	}
	delete(b.trials, w)
	delete(b.proven, w)
}

// tripped says that a worker is paused from now on.
type tripped struct {
	worker  messages.WorkerID
	reason  string
	until   time.Time
	pardons []messages.ChunkID // chunks on which its failures are booked that do not count
}

// failed notes a failure. It returns a trip when it is the worker's: it failed several
// chunks, did none, and there are others that do not. everybody is true when all fail:
// then it is the chunks, and nobody is paused for it any more.
func (b *breaker) failed(w messages.WorkerID, id messages.ChunkID, others int, reason string, now time.Time) (trip *tripped, everybody bool) {
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
		b.change(t, func() { t.failed = append(t.failed[max(0, len(t.failed)+1-maxBlamed):], id) })
	}
	switch {
	case !t.fails():
		return nil, false
	case b.healthy(w, others) > 0:
		trip = b.pause(w, t, now)
		trip.pardons = slices.Clone(t.failed)
		return trip, false
	}
	return nil, true
}

// retried notes that the worker asked to do a chunk later.
func (b *breaker) retried(w messages.WorkerID, reason string, now time.Time) *tripped {
	t := b.trial(w)
	t.retries++
	if t.until.IsZero() && t.retries < retriedInARow {
		return nil
	}
	t.reason = "gives back every chunk: " + reason
	return b.pause(w, t, now)
}

func (b *breaker) pause(w messages.WorkerID, t *trial, now time.Time) *tripped {
	t.until = now.Add(min(pauseMax, pauseMin<<min(t.trips, 10)))
	t.trips++
	return &tripped{worker: w, reason: t.reason, until: t.until}
}

// release ends the pauses of workers that failed: all of them fail.
func (b *breaker) release() (ids []messages.WorkerID) {
	for id, t := range b.trials {
		if t.fails() && !t.until.IsZero() {
			t.until = time.Time{}
			ids = append(ids, id)
		}
	}
	return ids
}

// holds reports whether the worker gets nothing now. When its pause is over it gets
// one chunk to try itself, and more after tryFor: held is how many it has.
func (b *breaker) holds(w messages.WorkerID, held int, now time.Time) bool {
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
