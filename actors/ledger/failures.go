package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	retryMin = time.Second // first pause of a chunk that is put off or failed, doubled each time
	// retryMax is the longest pause. When the cause is gone, work goes on after that
	// time at the latest, since no more than maxRetried chunks are handed out meanwhile.
	retryMax = 30 * time.Second
	// idleEndings is how many hand-outs in a row may end without a start before a
	// chunk is held back: flapping workers would use up its hand-outs.
	idleEndings = 2
	idleMin     = 500 * time.Millisecond // first such pause, doubled each time
	idleMax     = 30 * time.Second       // longest such pause
	// outerBound times MAX_ATTEMPTS is the largest number of hand-outs of a chunk that
	// end without a result, whatever the reasons: it stops a chunk that always gets lost.
	outerBound = 4
	// leastHandouts is the bound where MAX_ATTEMPTS is small: chunks come back unbegun
	// without their fault, such as when workers are restarted one after the other.
	leastHandouts = 12
)

// holdBack sets the pause before the next hand-out. What a worker needs may be away for
// a moment, so the pauses of endings in a row grow.
func (e *entry) holdBack(how Ending, now time.Time) {
	if how == EndRetry {
		e.notUntil = now.Add(min(retryMax, retryMin<<min(e.retries, 10)))
		e.retries++
		return
	}
	if how == EndUnsent || how == EndUnfit || how == EndRecalled {
		return // The chunk is not the cause.
	}
	e.retries = 0
	if how == EndFailed {
		e.notUntil = now.Add(min(retryMax, retryMin<<min(e.Failures-1, 10)))
		return
	}
	if e.State == messages.ChunkRunning {
		return
	}
	if e.idle++; e.idle > idleEndings {
		e.notUntil = now.Add(min(idleMax, idleMin<<min(e.idle-idleEndings-1, 10)))
	}
}

// hopeless reports whether the chunk is given up: MAX_ATTEMPTS failures, at two or more
// workers where there are two, or far too many hand-outs.
func (l *Ledger) hopeless(e *entry) bool {
	return !e.doubted && e.Failures >= l.rules.MaxAttempts && (e.Workers >= 2 || len(l.offers.of) < 2) || l.usedUp(e)
}

// usedUp reports whether the chunk was handed out far too often.
func (l *Ledger) usedUp(e *entry) bool {
	return e.Handouts >= max(outerBound*l.rules.MaxAttempts, leastHandouts)
}

// failsBy reports whether an attempt that ends so has failed, and did not merely come back.
// A half is suspected already: a worker that did not begin it may have been killed by its
// first item, before it could report anything.
func (e *entry) failsBy(how Ending) bool {
	switch how {
	case EndFailed:
		return true
	case EndLost, EndUnstarted:
		return e.State == messages.ChunkRunning && how == EndLost || e.ID.Half > 0 && !e.Ahead
	case EndSilent:
		return e.State == messages.ChunkRunning
	}
	return false
}

// blame books a failure on the worker of the attempt.
func (e *entry) blame() {
	e.blamed = append(e.blamed, e.Worker)
	e.countWorkers()
	e.FailedBy = lastWorkers(e.blamed)
}

// lastWorkers returns the last of the workers in a list, each once, the last one last.
func lastWorkers(list []messages.WorkerID) (out []messages.WorkerID) {
	for _, w := range slices.Backward(list) {
		if !slices.Contains(out, w) && len(out) < messages.MaxFailedBy {
			out = append(out, w)
		}
	}
	slices.Reverse(out)
	return out
}

// countWorkers counts the workers that failed the chunk, up to two.
func (e *entry) countWorkers() {
	e.Workers = 0
	for n, w := range e.blamed {
		if !slices.Contains(e.blamed[:n], w) {
			e.Workers++
		}
	}
	e.Workers = min(2, e.Workers)
}

// failedElsewhere counts the other workers that failed the chunk.
func (e *entry) failedElsewhere(w messages.WorkerID) (n int) {
	for i, x := range e.blamed {
		if x != w && !slices.Contains(e.blamed[:i], x) {
			n++
		}
	}
	return n
}

// restoreFailures takes over which workers failed the chunk before this term. Records of
// earlier versions have only their number; a single one is known by its id.
func (e *entry) restoreFailures() {
	switch {
	case len(e.FailedBy) > 0:
		e.blamed = slices.Clone(e.FailedBy)
	case e.Workers == 1:
		e.blamed = []messages.WorkerID{e.Worker}
	case e.Workers > 1:
		e.blamed = []messages.WorkerID{"\x00 one", "\x00 another"} // No worker has such an id.
	}
}

// pardon removes the failures of a worker that turned out unfit from a chunk, which is
// ready at once for another one.
func (l *Ledger) pardon(id messages.ChunkID, w messages.WorkerID, now time.Time) {
	b := l.files[id.File]
	if b == nil {
		return
	}
	e := b.entries[id]
	if e == nil || e.State == messages.ChunkDead {
		return
	}
	before := len(e.blamed)
	e.blamed = slices.DeleteFunc(e.blamed, func(x messages.WorkerID) bool { return x == w })
	n := before - len(e.blamed)
	if n == 0 {
		return
	}
	e.Failures, e.Handouts = max(0, e.Failures-n), max(0, e.Handouts-n)
	e.countWorkers()
	e.FailedBy = lastWorkers(e.blamed)
	if !e.inFlight() {
		b.waiting.drop(e)
		e.notUntil, e.toHalve = time.Time{}, false
		b.waiting.put(e, now)
	}
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
}
