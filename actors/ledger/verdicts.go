package ledger

import (
	"time"

	"kafka-master/messages"
)

// Verdict is how a final progress message is judged.
type Verdict uint8

const (
	VerdictDone     Verdict = iota // the chunk is done by this result
	VerdictLate                    // the chunk is done by an attempt that had been taken back
	VerdictFailed                  // the attempt failed
	VerdictRetry                   // the worker asks to do the chunk later
	VerdictRecalled                // the worker gives the chunk back as it was asked to
	VerdictRepeat                  // the chunk was terminal before: nothing changes
	VerdictStale                   // the attempt is not, or no longer, in flight at the sender
	VerdictUnknown                 // the batch id names no chunk of the ledger
	VerdictForeign                 // the result is that of another chunk, which had the same name
)

var verdicts = [...]string{"done", "late", "failed", "retry", "recalled", "repeat", "stale", "unknown", "foreign"}

// String returns the verdict's name in logs.
func (v Verdict) String() string { return verdicts[v] }

// Result is a final progress message, with what is known of its sender.
type Result struct {
	messages.Signal
	Unfit   bool // the worker reports that it can do no chunk now
	Foreign bool // it is of a state that was lost, in which the names were given before
	Refill  bool // the sender made the current offer of the worker, which may be raised
}

// Judgement is what follows from a result.
type Judgement struct {
	Verdict  Verdict
	Credited bool                // the worker's offer was raised by the slot that is free now
	Epoch    uint64              // of that offer
	Paused   *Pause              // the worker is paused from now on
	Resumed  []messages.WorkerID // workers whose pause ended
}

// Judge judges a final progress message: on the chunk, and on the worker.
func (x Attempts) Judge(r Result, now time.Time) Judgement {
	l := x.l
	v, chunk := l.judge(r, now)
	if v != VerdictForeign {
		l.endSurplus(r.Worker, r.BatchID)
	}
	out := Judgement{Verdict: v}
	switch {
	case v == VerdictDone:
		if l.breaker.done(r.Worker) {
			out.Resumed = []messages.WorkerID{r.Worker}
		}
	case v == VerdictFailed:
		var everybody bool
		if out.Paused, everybody = l.breaker.failed(r.Worker, chunk, l.offers.others(r.Worker), r.Error, now); everybody {
			out.Resumed = l.breaker.release()
		}
	case v == VerdictRetry && !r.Unfit && r.Error != messages.TextStopped: // Otherwise the worker says itself why, or a person wanted it.
		out.Paused = l.breaker.putOff(r.Worker, r.Error, now)
	}
	if out.Paused != nil {
		for _, id := range out.Paused.pardons {
			l.pardon(id, r.Worker, now)
		}
	}
	for _, w := range out.Resumed {
		l.enqueue(l.offers.of[w], now)
	}
	if r.Refill && l.credit(r.Worker, v, now) {
		out.Credited, out.Epoch = true, l.offers.of[r.Worker].Epoch
	}
	return out
}

// judge judges a result on its chunk, which it returns when the attempt failed.
func (l *Ledger) judge(r Result, now time.Time) (v Verdict, failed messages.ChunkID) {
	if r.Foreign {
		return VerdictForeign, failed
	}
	b, id, e, attempt := l.find(r.BatchID)
	if b == nil {
		return VerdictUnknown, failed
	}
	if e == nil && b.divided(id) {
		return VerdictStale, failed
	}
	if e == nil {
		if !r.Old { // Otherwise a former leader may have judged this very message.
			if b.twice[id] {
				delete(b.twice, id) // It was to be expected.
			} else {
				l.trials.repeat(r.Signal)
			}
			b.own()
			b.Repeats++
			l.store(b)
		}
		return VerdictRepeat, failed
	}
	// A store that loses its last commits lets a name be given again, to other bytes.
	if r.Hash != "" && (r.Offset != e.Offset || r.Hash != e.Range().HashText()) {
		return VerdictForeign, failed
	}
	if e.State.Terminal() {
		return VerdictRepeat, failed
	}
	if attempt > e.Attempt || !e.wasAt(attempt, r.Worker) {
		return VerdictStale, failed
	}
	mine := attempt == e.Attempt && e.inFlight() && e.Worker == r.Worker
	complete := r.Total == e.Sent() && r.Processing == r.Total
	switch {
	case !r.Failed() && complete:
		return l.complete(b, e, r, attempt, mine, now), failed
	case !mine:
		return VerdictStale, failed
	case r.Outcome == messages.OutcomeRetry && r.Error == messages.TextRecalled && e.asked:
		l.end(b, e, EndRecalled, r.Error, now)
		return VerdictRecalled, e.ID
	case r.Outcome == messages.OutcomeRetry:
		l.endByFailure(b, e, EndRetry, r, r.Error, now)
		return VerdictRetry, e.ID
	}
	reason := r.Error
	if !r.Failed() {
		reason = "wrong total in its result"
	}
	l.endByFailure(b, e, EndFailed, r, reason, now)
	return VerdictFailed, e.ID
}

// endByFailure ends an attempt that its worker could not do. How much the failure counts
// depends on the worker.
func (l *Ledger) endByFailure(b *book, e *entry, how Ending, r Result, reason string, now time.Time) {
	weight := regardNone
	if !r.Unfit {
		weight = l.breaker.judge(r.Worker, l.offers.others(r.Worker)-e.failedElsewhere(r.Worker))
	}
	switch {
	case weight == regardNone:
		how = EndUnfit
	case how == EndFailed:
		e.doubted = weight == regardDoubt
	}
	l.end(b, e, how, reason, now)
}

// complete counts the chunk as done, once, and those of its items that failed.
func (l *Ledger) complete(b *book, e *entry, r Result, attempt int, mine bool, now time.Time) Verdict {
	verdict, w := VerdictLate, r.Worker
	if mine {
		verdict = VerdictDone
		b.tempo.add(now.Sub(e.workedSince()))
		l.recalls.completed(w, now)
	} else if e.inFlight() {
		l.addSurplus(b, e)
	}
	l.journal(e, attempt, w, outcome{name: verdict.String(), failed: r.FailedItems, late: !mine}, now)
	b.own() // An ended file has an open chunk if the store is damaged.
	l.release(b, e)
	b.drop(e)
	b.blind, l.trials.failures = 0, failures{}
	b.open.add(&e.OpenChunk, -1)
	l.trials.forget(e)
	if e.IsRetry() {
		l.completeRetry(b, e, r, now)
		l.store(b)
		l.endWhenComplete(b, now)
		return verdict
	}
	b.addDigest(e.Chunk, r.Signal)
	if b.DoneChunks++; b.DoneChunks+b.DeadChunks > b.Chunks() {
		b.Duplicates++ // More chunks ended than were ever handed out.
	}
	done := int64(e.Items) - r.FailedItems
	b.DoneItems += done
	b.FailedItems += r.FailedItems
	l.totals.DoneChunks++
	l.totals.DoneItems += done
	l.totals.FailedItems += r.FailedItems
	l.settle(b, e.OpenChunk, "", r.FailedItems, r.FailedRanges, now)
	l.store(b)
	l.endWhenComplete(b, now)
	return verdict
}
