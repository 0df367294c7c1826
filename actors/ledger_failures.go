package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// fail ends an attempt that its worker could not do.
func (l *ledger) fail(b *book, e *entry, how ending, r regard, reason string, now time.Time) {
	switch {
	case r == regardNone:
		how = endUnfit
	case how == endFailed:
		e.doubted = r == regardDoubt
	}
	l.end(b, e, how, reason, now)
}

// holdBack sets the pause before the next hand-out. What a worker needs may be
// away for a moment: failures in a row come with growing pauses of 1 s to 30 s.
func (e *entry) holdBack(how ending, now time.Time) {
	if how == endRetry {
		e.after = now.Add(min(retryMax, retryMin<<min(e.retries, 10)))
		e.retries++
		return
	}
	if how == endUnsent || how == endUnfit {
		return // it is not the chunk
	}
	e.retries = 0
	if how == endFailed {
		e.after = now.Add(min(idleMax, retryMin<<min(e.Failures-1, 10)))
		return
	}
	if e.State == messages.ChunkRunning {
		return
	}
	if e.idle++; e.idle > idleEndings {
		e.after = now.Add(min(idleMax, idleMin<<min(e.idle-idleEndings-1, 10)))
	}
}

// noteFailure counts the workers that failed the chunk, up to two.
func (e *entry) noteFailure() {
	e.blamed = append(e.blamed, e.Worker)
	e.countWorkers()
}

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

// restoreFailures takes over how many workers failed the chunk before this term: of
// one it is known which.
func (e *entry) restoreFailures() {
	switch {
	case e.Workers == 1:
		e.blamed = []messages.WorkerID{e.Worker}
	case e.Workers > 1:
		e.blamed = []messages.WorkerID{"\x00 one", "\x00 another"} // no ids
	}
}

// pardon takes the failures of a worker that turned out unfit from a chunk, which is
// ready at once for another one.
func (l *ledger) pardon(id messages.ChunkID, w messages.WorkerID, now time.Time) {
	b := l.files[id.File]
	if b == nil {
		return
	}
	e := b.open[id.Index]
	if e == nil || e.State == messages.ChunkDead {
		return
	}
	had := len(e.blamed)
	e.blamed = slices.DeleteFunc(e.blamed, func(x messages.WorkerID) bool { return x == w })
	n := had - len(e.blamed)
	if n == 0 {
		return
	}
	e.Failures, e.Handouts = max(0, e.Failures-n), max(0, e.Handouts-n)
	e.countWorkers()
	if !e.out() {
		b.again.drop(e)
		e.after = time.Time{}
		b.again.put(e, now)
	}
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
}

// hopeless reports whether the chunk is given up: MAX_ATTEMPTS failures, at two
// or more workers where there are two, or far too many hand-outs.
func (l *ledger) hopeless(e *entry) bool {
	return !e.doubted && e.Failures >= l.maxAttempts && (e.Workers >= 2 || l.workers < 2) ||
		e.Handouts >= max(outerBound*l.maxAttempts, leastHandouts)
}
