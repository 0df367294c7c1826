package ledger

import (
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// Assignment is an attempt at a chunk: the chunk is handed to a worker.
type Assignment struct {
	Chunk      messages.Chunk
	Worker     messages.WorkerID
	Attempt    int
	BatchID    string
	File       messages.FileInfo
	Generation int
	Text       []byte         // items of the chunk; nil when its range has to be read again
	Gaps       []messages.Gap // blank lines between the items of the chunk, as far as they are known; only beside Text
	// Positions are those of the items in the chunk that are handed out, nil for all.
	Positions []messages.ItemRange
}

// Ending is why an attempt ended without a result that completes the chunk. Only some
// endings count as failures.
type Ending uint8

const (
	EndLost       Ending = iota // its worker is lost or was restarted
	EndSilent                   // no progress for too long
	EndUnstarted                // it never began
	EndReturned                 // handed back: the worker drains or takes nothing
	EndRetry                    // the worker asked to do it later, or it cannot be sent now
	EndFailed                   // reported as failed
	EndUnsent                   // surely never written to its worker's partition
	EndUnfit                    // its worker can do no chunk now
	EndRecalled                 // given back for an idle worker, as it was asked to
	EndUnsendable               // no message can hold it: the chunk is dead
	EndOtherBytes               // its range holds other bytes than were cut: the file changed, the chunk is dead
)

var endings = [...]string{"lost", "silent", "never started", "returned", "retry", "failed", "not delivered", "worker unfit", "recalled", "dead", "dead"}

// String returns the ending's name as the journal keeps it.
func (e Ending) String() string { return endings[e] }

// rememberedAttempts is how many hand-outs of a chunk are remembered with their worker.
const rememberedAttempts = 8

// entry is a chunk that was handed out and is not done.
type entry struct {
	messages.OpenChunk
	since      time.Time                 // time of its assignment, or since when it is ready again
	notUntil   time.Time                 // it is not handed out again before that time
	began      time.Time                 // time of the first progress of the attempt, zero before
	workers    map[int]messages.WorkerID // workers of the last attempts
	blamed     []messages.WorkerID       // workers that failed it, one for each failure
	notBegunAt []messages.WorkerID       // workers at which it ended without any progress, one for each time
	toHalve    bool                      // it waits for being halved
	recuts     int                       // how often its range could not be cut in two
	doubted    bool                      // the last failure may be its worker's, so it does not end the chunk
	retries    int                       // endings in a row by which the chunk was put off
	idle       int                       // hand-outs in a row that ended without a start
	returned   int                       // endings other than by a failure
	recalls    int                       // how often it was recalled
	in         *entryHeap                // heap in which it waits, nil while it does not
	at         int                       // its index there
	void       voidRange
	numbered   bool // it was handed out in this term
	// asked reports that the attempt in flight was recalled, at recalledAt, or may have been
	// by a former leader.
	asked      bool
	backedUp   bool // another worker got it as well, in this term
	recalledAt time.Time
}

// inFlight reports whether a worker has the chunk.
func (e *entry) inFlight() bool {
	return e.State == messages.ChunkAssigned || e.State == messages.ChunkRunning
}

// workedSince is when the attempt began, as far as that is known.
func (e *entry) workedSince() time.Time {
	if e.began.IsZero() {
		return e.since
	}
	return e.began
}

// pick hands the next chunk to the worker, of the first file in turn that has one for it. A
// file whose turn it is gives the chunks that are ready again first; were those looked for
// in all files first, a file whose chunks all come back would hold up the others. ahead
// reports whether the chunk will wait behind others at the worker.
func (l *Ledger) pick(w messages.WorkerID, ahead bool, now time.Time) (Assignment, bool) {
	others := len(l.offers.of) > 1
	for n, b := range l.turns.list {
		if b.Held() {
			continue
		}
		b.waiting.wake(now)
		e := b.waiting.next(w, others, now)
		if e != nil {
			l.turns.took(n, e.Sent())
			return l.assign(b, e, Cut{}, w, ahead, now), true
		}
		if !l.begins(b) {
			continue
		}
		l.turns.took(n, int64(b.cut[0].Items))
		c := l.pass(b)
		a := l.assign(b, l.enter(b, c), c, w, ahead, now)
		l.store(b)
		l.passDead(b, now)
		return a, true
	}
	return Assignment{}, false
}

// ready reports whether any chunk may be handed out now.
func (l *Ledger) ready(now time.Time) bool {
	if !l.gate.open(now) {
		return false
	}
	for _, b := range l.turns.list {
		if b.Held() {
			continue
		}
		if b.waiting.wake(now); len(b.waiting.ready.list) > 0 || l.begins(b) {
			return true
		}
	}
	return false
}

// begins reports whether a chunk of the file may be handed out for the first time.
func (l *Ledger) begins(b *book) bool {
	return len(b.cut) > 0 && !b.waiting.full(len(l.offers.of)) && !l.rules.MaxDead.Reached(b.File)
}

// backlog is how many chunks wait to be handed out. last reports whether no more follow:
// every file in work is cut to its end.
func (l *Ledger) backlog() (chunks int, last bool) {
	last = true
	for _, b := range l.turns.list {
		if b.Held() {
			continue
		}
		chunks += len(b.waiting.ready.list)
		if b.paused(l.rules.MaxDead) {
			continue
		}
		chunks += len(b.cut)
		last = last && b.allCut
	}
	return chunks, last
}

func (l *Ledger) assign(b *book, e *entry, c Cut, w messages.WorkerID, ahead bool, now time.Time) Assignment {
	e.State, e.Worker, e.since, e.Ahead, e.began = messages.ChunkAssigned, w, now, ahead, time.Time{}
	e.asked, l.recalls.handedAt = false, now
	if e.workers == nil {
		e.workers = map[int]messages.WorkerID{}
	}
	l.gate.take(e.Sent())
	l.skipVoid(b, e)
	e.Attempt++
	e.workers[e.Attempt] = w
	delete(e.workers, e.Attempt-rememberedAttempts)
	b.live++
	l.hold(e)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	return Assignment{
		Chunk: e.Chunk, Worker: w, Attempt: e.Attempt, Text: c.Text, Gaps: c.Gaps,
		BatchID:    b.BatchID(e.ID, e.Attempt),
		File:       b.Info,
		Generation: b.Generation,
		Positions:  e.Positions(),
	}
}

// find returns the chunk that a batch id names, and the attempt in it. e is nil when the
// chunk has no record.
func (l *Ledger) find(batchID string) (b *book, id messages.ChunkID, e *entry, attempt int) {
	name, attempt, ok := messages.ParseBatchID(batchID)
	if !ok {
		return nil, id, nil, 0
	}
	file, ok := l.names[fileName{name.Base, name.Generation}]
	if !ok || name.Index >= l.files[file].Cursor.Index {
		return nil, id, nil, 0
	}
	b, id = l.files[file], chunkOf(file, name)
	return b, id, b.entries[id], attempt
}

// chunkOf returns the chunk of a file that has this name.
func chunkOf(file messages.FileID, n messages.ChunkName) messages.ChunkID {
	return messages.ChunkID{File: file, Index: n.Index, Half: n.Half, Retry: n.Retry}
}

// current returns the chunk whose attempt in flight at w has this batch id, nil when
// there is none.
func (l *Ledger) current(w messages.WorkerID, batchID string) (*book, *entry) {
	b, _, e, attempt := l.find(batchID)
	if e == nil || e.Attempt != attempt || e.Worker != w || !e.inFlight() {
		return nil, nil
	}
	return b, e
}

// wasAt reports whether the attempt was, or may have been, the worker's. The workers of
// attempts before a restart are not known.
func (e *entry) wasAt(attempt int, w messages.WorkerID) bool {
	if attempt == e.Attempt {
		return e.Worker == w
	}
	if e.void.has(attempt) {
		return false
	}
	x, known := e.workers[attempt]
	return !known || x == w
}

// Begin records that the attempt shows progress. That is not stored.
func (x Attempts) Begin(w messages.WorkerID, batchID string, now time.Time) {
	l := x.l
	_, e := l.current(w, batchID)
	if e == nil {
		return
	}
	e.State, e.idle = messages.ChunkRunning, 0
	if e.began.IsZero() {
		e.began = now
	}
}

// TakeBack ends the attempt in flight at w that has this batch id. It reports whether
// there was one.
func (x Attempts) TakeBack(w messages.WorkerID, batchID string, how Ending, reason string, now time.Time) bool {
	l := x.l
	l.endSurplus(w, batchID)
	b, e := l.current(w, batchID)
	if e == nil {
		return false
	}
	switch how {
	case EndOtherBytes:
		l.fail(b, messages.FileChanged, reason, now)
		l.kill(b, e, reason, now)
	case EndUnsendable:
		l.kill(b, e, reason, now)
	default:
		l.end(b, e, how, reason, now)
	}
	return true
}

// Lost takes back every attempt that w holds, and returns their number.
func (x Workers) Lost(w messages.WorkerID, how Ending, reason string, now time.Time) int {
	l := x.l
	l.breaker.forget(w)
	delete(l.recalls.speeds, w)
	maps.DeleteFunc(l.surplus, func(_ string, at messages.WorkerID) bool { return at == w })
	held := make([]*entry, 0, len(l.held[w]))
	for _, e := range l.held[w] {
		held = append(held, e)
	}
	slices.SortFunc(held, func(a, b *entry) int { return a.ID.Compare(b.ID) })
	delete(l.ahead, w) // Nothing moves up any more: all of them end.
	for _, e := range held {
		l.end(l.files[e.ID.File], e, how, reason, now)
	}
	return len(held)
}

// end takes an attempt back: the chunk is ready again, or dead.
func (l *Ledger) end(b *book, e *entry, how Ending, reason string, now time.Time) {
	if reason == "" {
		reason = how.String()
	}
	failure := e.failsBy(how)
	if !e.Ahead && how != EndRetry && how != EndUnsent && how != EndUnfit && how != EndRecalled {
		e.Handouts++
	}
	if (how == EndLost || how == EndUnstarted) && !failure && !e.Ahead {
		e.Unbegun++
		e.notBegunAt = append(e.notBegunAt, e.Worker)
	}
	l.journal(e, e.Attempt, e.Worker, outcome{name: how.String(), reason: reason}, now)
	l.release(b, e)
	if failure {
		e.Failures++
		e.blame()
	}
	l.trials.end(b, e, how, reason, now)
	e.Reason, e.since, e.notUntil = reason, now, time.Time{}
	e.holdBack(how, now)
	switch {
	case b.stopped:
		l.giveUp(b, e, now)
	case l.shallHalve(b, e, l.ableWorkers()):
		l.awaitHalving(b, e, now)
	case l.hopeless(e):
		l.markDead(b, e, reason, now)
	default:
		e.State = messages.ChunkReady
		b.waiting.put(e, now)
		l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	}
	l.endWhenComplete(b, now)
}

// kill ends an attempt and gives its chunk up, whatever its failures.
func (l *Ledger) kill(b *book, e *entry, reason string, now time.Time) {
	l.journal(e, e.Attempt, e.Worker, outcome{name: EndUnsendable.String(), reason: reason}, now)
	l.release(b, e)
	l.markDead(b, e, reason, now)
	l.endWhenComplete(b, now)
}

// release takes the chunk from its worker or from the queue.
func (l *Ledger) release(b *book, e *entry) {
	if e.inFlight() {
		b.live--
		l.unhold(e)
		return
	}
	b.waiting.drop(e)
}

// markDead gives a chunk up. The chunk of a retry is done, and stays so.
func (l *Ledger) markDead(b *book, e *entry, reason string, now time.Time) {
	b.own() // An ended file has an open chunk if the store is damaged.
	if e.IsRetry() {
		l.failAgain(b, e, reason, now)
		return
	}
	e.State, e.Reason, e.EndedAt, e.toHalve = messages.ChunkDead, reason, now, false
	l.letters[e.ID] = true
	b.open.add(&e.OpenChunk, -1)
	l.trials.forget(e)
	l.dead = append(l.dead, e.OpenChunk)
	b.DeadChunks++
	b.DeadItems += int64(e.Items)
	l.totals.DeadChunks++
	l.totals.DeadItems += int64(e.Items)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	l.store(b)
}

func (l *Ledger) journal(e *entry, attempt int, w messages.WorkerID, how outcome, now time.Time) {
	l.remember(e, attempt, w, how, now)
	l.out.Journal = append(l.out.Journal, messages.Attempt{
		Chunk: e.ID, Number: attempt, Worker: w, Sent: e.since, Ended: now, Outcome: how.name, Hash: e.Hash,
	})
}
