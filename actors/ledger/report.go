package ledger

import (
	"fmt"
	"time"

	"kafka-master/messages"
)

// ReturnedOften is how often a chunk must have come back to be reported.
const ReturnedOften = 5

// Report is what people need to know of the work.
type Report struct {
	Totals    messages.Totals // of what ended in this term
	Files     int             // in work
	AtWorkers int             // attempts in flight
	Waiting   int             // chunks that wait for a worker
	Idle      bool            // there is nothing to do, or nothing may be handed out, or no worker takes or has chunks
	LastEnd   string          // how the last attempt ended that was taken back

	Returned     int    // open chunks that came back ReturnedOften times
	LastReturned string // how the last of them came back

	Repeats    int64  // results of chunks that were done already, in this term
	LastRepeat string // the last of them

	Paused      int    // files of which nothing new is begun
	FirstPaused string // the first of them, with the reason
	PausedAt    messages.Place

	Failing   Failing
	Stalled   Stalled
	Tail      SlowTail
	Changed   Changed
	Failed    Changed // files that failed lately
	Resting   Resting
	Unbegun   Unbegun
	HandedOut time.Time // time of the last hand-out
	Losses    Losses
}

// Losses is what the stored state turned out to lack.
type Losses struct {
	Files       int // files in the folder whose figures do not add up
	Records     int // file records that are missing
	Orphans     int // chunk records whose file record is missing
	DeadRecords int // dead and cancelled chunks whose record, and with it the reason, is missing
}

// Report returns what people need to know of the work.
func (l *Ledger) Report(now time.Time) Report {
	r := Report{
		Totals: l.totals, Files: len(l.turns.list),
		LastEnd:  l.trials.lastEnd,
		Returned: len(l.trials.often), LastReturned: l.trials.lastOften,
		Repeats: l.trials.repeats, LastRepeat: l.trials.lastRepeat,
		Failing: l.failing(),
		Stalled: l.stalled(now),
		Tail:    l.slowTail(now),
		Changed: l.lastOf(messages.FileChanged, now),
		Failed:  l.lastOf(messages.FileFailed, now),
		Unbegun: l.unbegun(now),
		Resting: l.resting(now), HandedOut: l.recalls.handedAt,
		Losses: Losses{Records: l.losses.records, Orphans: l.losses.orphans, DeadRecords: int(l.losses.deadRecords)},
	}
	moving := 0
	for _, b := range l.turns.list {
		r.AtWorkers += b.live
		r.Waiting += b.waiting.len() + len(b.cut)
		paused := b.paused(l.rules.MaxDead)
		if b.live > 0 || l.gate.open(now) && !b.Held() && (!paused || b.waiting.len() > 0) {
			moving++
		}
		if !paused {
			continue
		}
		if r.Paused++; r.Paused == 1 {
			r.FirstPaused = fmt.Sprintf("%s: %s", b.Info.Path, l.rules.MaxDead.Explain(b.File))
			r.PausedAt = messages.Place{File: b.ID, Path: b.Info.Path}
		}
	}
	r.Idle = moving == 0 || len(l.offers.of)+len(l.held) == 0
	for id := range l.losses.files {
		if l.files[id].Left.IsZero() {
			r.Losses.Files++
		}
	}
	return r
}

// ReadySince returns since when the oldest of the chunks waits that could be handed out now,
// zero when there is none.
func (l *Ledger) ReadySince(now time.Time) (oldest time.Time) {
	wait := func(since time.Time) {
		if oldest.IsZero() || since.Before(oldest) {
			oldest = since
		}
	}
	if l.gate.set.At(now).Paused {
		return oldest
	}
	for _, b := range l.turns.list {
		if b.Held() {
			continue
		}
		b.waiting.wake(now)
		for _, e := range b.waiting.ready.list {
			if e.notUntil.After(e.since) {
				wait(e.notUntil)
			} else {
				wait(e.since)
			}
		}
		if l.begins(b) {
			wait(b.cut[0].since)
		}
	}
	return oldest
}

// trials is what went wrong with attempts.
type trials struct {
	often      map[messages.ChunkID]*entry // open chunks that came back ReturnedOften times
	lastOften  string
	lastEnd    string
	repeats    int64
	lastRepeat string
	failures   failures
}

// end records an attempt that was taken back.
func (t *trials) end(b *book, e *entry, how Ending, reason string, now time.Time) {
	t.lastEnd = fmt.Sprintf("%s at %s: %s", b.BatchID(e.ID, e.Attempt), e.Worker, reason)
	if how == EndFailed {
		at := messages.Place{File: b.ID, Path: b.Info.Path, Worker: e.Worker, Chunk: b.BatchID(e.ID, e.Attempt)}
		t.failures.add(e.ID, at, reason, now)
	}
	if how == EndFailed || how == EndUnfit || how == EndRecalled { // The chunk failed, or its worker did, or it was asked to.
		return
	}
	if e.returned++; e.returned >= ReturnedOften {
		t.often[e.ID] = e
		t.lastOften = t.lastEnd
	}
}

// forget drops a chunk that is done or dead.
func (t *trials) forget(e *entry) { delete(t.often, e.ID) }

// repeat records a result of a chunk that was done already.
func (t *trials) repeat(s messages.Signal) {
	t.repeats++
	t.lastRepeat = fmt.Sprintf("%s of worker %s", s.BatchID, s.Worker)
}
