package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// How an attempt ended, as the ledger judges it.
type verdict uint8

const (
	verdictDone    verdict = iota // the chunk is done by this result
	verdictLate                   // the chunk is done by an attempt that was given up
	verdictFailed                 // the attempt failed
	verdictRetry                  // the worker asks to do it later
	verdictRepeat                 // the chunk was terminal before: nothing changes
	verdictStale                  // about an attempt that is not out (any more)
	verdictUnknown                // about no chunk of ours
)

var verdicts = [...]string{"done", "late", "failed", "retry", "repeat", "stale", "unknown"}

// String returns the verdict's name in logs.
func (v verdict) String() string { return verdicts[v] }

// Why an attempt was taken back. Only some of them count as failures.
type ending uint8

const (
	endLost      ending = iota // its worker is lost or was restarted
	endSilent                  // no progress for too long
	endUnstarted               // it never began
	endReturned                // handed back: drained, refused, never sent
	endRetry                   // asked for by the worker
	endFailed                  // reported as failed
	endUnsent                  // surely never written to its worker's partition
	endUnfit                   // its worker can do none now
)

var endings = [...]string{"lost", "silent", "never started", "returned", "retry", "failed", "not delivered", "worker unfit"}

// String returns the ending's name as the journal keeps it.
func (e ending) String() string { return endings[e] }

const (
	retryMin = time.Second // first pause of a chunk that shall be tried later
	// retryMax is the longest pause. When the cause is gone, work goes on after that
	// time at the latest, since no more than maxRetried chunks are handed out meanwhile.
	retryMax = 30 * time.Second
	// otherFirst is how long a chunk that failed waits for a worker other than
	// the one that failed it.
	otherFirst = 5 * time.Second
	// rememberedAttempts is of how many hand-outs a chunk knows the worker.
	rememberedAttempts = 8
	// outerBound times MAX_ATTEMPTS is the most hand-outs of a chunk that end without
	// a result, whatever the reasons: it stops a chunk that always gets lost.
	outerBound = 4
	// leastHandouts is the bound where MAX_ATTEMPTS is small: chunks come back unbegun
	// without their fault, such as when workers are restarted one after the other.
	leastHandouts = 12
	// idleEndings is how many hand-outs in a row may end without a start before a
	// chunk is held back; flapping workers would run it through its hand-outs.
	idleEndings = 2
	idleMin     = 500 * time.Millisecond // first such pause, doubled each time
	idleMax     = 30 * time.Second       // longest
)

// pick hands the next chunk to the worker, fairly one of each file in work: of its
// turn a file gives the chunks that are ready again first. They take no turns of other
// files, which a file whose chunks all come back would hold up. ahead says that the
// chunk will wait there behind others; others, whether other workers are there, which
// a chunk that this one could not do waits for.
func (l *ledger) pick(w messages.WorkerID, others, ahead bool, now time.Time) (assignment, bool) {
	for n, id := range l.turn {
		b := l.files[id]
		b.again.wake(now)
		e := b.again.next(w, others, now)
		if e == nil && (len(b.planned) == 0 || b.again.full(l.workers)) {
			continue
		}
		l.turn = append(append(l.turn[:n:n], l.turn[n+1:]...), id)
		if e != nil {
			return l.assign(b, e, nil, w, ahead, now), true
		}
		c := l.pass(b)
		a := l.assign(b, l.enter(b, c.Chunk), c.Text, w, ahead, now)
		l.put(b)
		l.passDead(b, now)
		return a, true
	}
	return assignment{}, false
}

// ready reports whether any chunk may be handed out now.
func (l *ledger) ready(now time.Time) bool {
	for _, id := range l.turn {
		b := l.files[id]
		if b.again.wake(now); len(b.again.ready.list) > 0 || len(b.planned) > 0 && !b.again.full(l.workers) {
			return true
		}
	}
	return false
}

// backlog is how many chunks wait to be handed out, and whether these are the last
// ones: every file in work is cut to its end.
func (l *ledger) backlog() (chunks int, last bool) {
	last = true
	for _, id := range l.turn {
		b := l.files[id]
		chunks += len(b.planned) + len(b.again.ready.list)
		last = last && b.allCut
	}
	return chunks, last
}

func (l *ledger) assign(b *book, e *entry, lines []byte, w messages.WorkerID, ahead bool, now time.Time) assignment {
	e.State, e.Worker, e.since, e.Ahead, e.began = messages.ChunkAssigned, w, now, ahead, time.Time{}
	if e.had == nil {
		e.had = map[int]messages.WorkerID{}
	}
	l.skipVoid(b, e)
	e.Attempt++
	e.had[e.Attempt] = w
	delete(e.had, e.Attempt-rememberedAttempts)
	b.live++
	l.hold(e)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	return assignment{
		chunk: e.Chunk, worker: w, attempt: e.Attempt, lines: lines,
		batchID:    messages.BatchID(b.Base, e.ID.Index, b.Generation, e.Attempt),
		file:       b.Info,
		generation: b.Generation,
	}
}

// maxVoid is the highest attempt that is believed of a message: whoever may write to
// the chunk topic can invent one. No chunk is handed out that often.
const maxVoid = 1 << 20

// noteSend takes a message in that a former leader sent. One that the books do not
// know is void: the store lost its commit. Its attempt number is not given again,
// so that no result of it can be taken for that of another range or worker.
func (l *ledger) noteSend(batchID string) {
	base, index, generation, attempt, ok := messages.ParseBatchID(batchID)
	if !ok {
		return
	}
	if attempt > maxVoid {
		return
	}
	name := chunkName{fileName{base, generation}, index}
	if id, ok := l.names[name.fileName]; ok && index < l.files[id].Cursor.Index {
		if e := l.files[id].open[index]; e == nil || attempt <= e.Attempt {
			return
		}
	}
	l.voids[name] = max(l.voids[name], attempt)
}

// unreadAttempts is how many numbers are left free for the attempts of a chunk that
// may lie where nothing can be read. It is far more than a store can lose of one chunk
// before the chunk is dead, or held back for hours.
const unreadAttempts = 100

// skipVoid moves a chunk's attempts beyond the void ones, which nobody had.
func (l *ledger) skipVoid(b *book, e *entry) {
	name := chunkName{fileName{b.Base, b.Generation}, e.ID.Index}
	void := l.voids[name]
	if l.unread && !e.numbered {
		void = max(void, e.Attempt) + unreadAttempts
	}
	e.numbered = true
	if void > e.Attempt {
		e.voidFrom, e.voidTo = e.Attempt+1, void
		e.Attempt = void
	}
	delete(l.voids, name)
}

// find returns the chunk that a batch id names and the attempt in it. e is nil
// when the chunk is done.
func (l *ledger) find(batchID string) (b *book, e *entry, attempt int) {
	base, index, generation, attempt, ok := messages.ParseBatchID(batchID)
	if !ok {
		return nil, nil, 0
	}
	id, ok := l.names[fileName{base, generation}]
	if !ok || index >= l.files[id].Cursor.Index {
		return nil, nil, 0
	}
	b = l.files[id]
	return b, b.open[index], attempt
}

// current reports whether the batch id is the live attempt of w.
func (l *ledger) current(w messages.WorkerID, batchID string) (*book, *entry) {
	b, e, attempt := l.find(batchID)
	if e == nil || e.Attempt != attempt || e.Worker != w || !e.out() {
		return nil, nil
	}
	return b, e
}

// wasAt reports whether the attempt was, or may have been, the worker's. Who had
// the attempts before a restart is not known any more.
func (e *entry) wasAt(attempt int, w messages.WorkerID) bool {
	if attempt == e.Attempt {
		return e.Worker == w
	}
	if attempt >= e.voidFrom && attempt <= e.voidTo {
		return false
	}
	had, known := e.had[attempt]
	return !known || had == w
}

func (e *entry) out() bool {
	return e.State == messages.ChunkAssigned || e.State == messages.ChunkRunning
}

// started notes that the attempt shows progress. It is not stored.
func (l *ledger) started(w messages.WorkerID, batchID string) *entry {
	_, e := l.current(w, batchID)
	if e != nil {
		e.State, e.idle = messages.ChunkRunning, 0
	}
	return e
}

// otherRange reports whether the result is that of other bytes than the chunk has
// that its batch id names.
func (l *ledger) otherRange(s messages.Signal) bool {
	if s.Hash == "" {
		return false
	}
	_, e, _ := l.find(s.BatchID)
	return e != nil && (s.Offset != e.Offset || s.Hash != e.Range().HashText())
}

// result judges a final progress message whose failure counts in full.
func (l *ledger) result(s messages.Signal, now time.Time) verdict {
	return l.resultOf(s, func(*entry) regard { return regardFull }, now)
}

// resultOf judges a final progress message. take tells how a failure of the chunk is
// to be taken; it is asked only when it failed.
func (l *ledger) resultOf(s messages.Signal, take func(*entry) regard, now time.Time) verdict {
	b, e, attempt := l.find(s.BatchID)
	if b == nil {
		return verdictUnknown
	}
	if e == nil {
		if !s.Old { // else a former leader may have judged this very message
			l.trials.repeat(s)
			b.Repeats++
			l.put(b)
		}
		return verdictRepeat
	}
	if e.State == messages.ChunkDead {
		return verdictRepeat
	}
	if attempt > e.Attempt || !e.wasAt(attempt, s.Worker) {
		return verdictStale
	}
	mine := attempt == e.Attempt && e.out() && e.Worker == s.Worker
	wrong := s.Total != int64(e.Items) || s.Processing != s.Total
	switch {
	case !s.Failed() && !wrong:
		return l.complete(b, e, s.Worker, attempt, mine, now)
	case !mine:
		return verdictStale
	case s.Outcome == messages.OutcomeRetry:
		l.fail(b, e, endRetry, take(e), s.Error, now)
		return verdictRetry
	case s.Failed():
		l.fail(b, e, endFailed, take(e), s.Error, now)
		return verdictFailed
	}
	l.fail(b, e, endFailed, take(e), "wrong total in its result", now)
	return verdictFailed
}

// complete counts the chunk as done, once.
func (l *ledger) complete(b *book, e *entry, w messages.WorkerID, attempt int, mine bool, now time.Time) verdict {
	outcome := verdictLate
	if mine {
		outcome = verdictDone
	}
	l.journal(e, attempt, w, outcome.String(), now)
	if mine {
		b.tempo.add(now.Sub(e.worked()))
	}
	l.release(b, e)
	delete(b.open, e.ID.Index)
	b.owed.add(e.Chunk, -1)
	l.trials.over(e)
	if b.DoneChunks++; b.DoneChunks+b.DeadChunks > int64(b.Cursor.Index) {
		b.Duplicates++ // more chunks ended than were ever handed out
	}
	b.DoneItems += int64(e.Items)
	l.counted.DoneChunks++
	l.counted.DoneItems += int64(e.Items)
	l.out.DropChunks = append(l.out.DropChunks, e.ID)
	l.put(b)
	l.settle(b, now)
	return outcome
}

// release takes the chunk from its worker or from the queue.
func (l *ledger) release(b *book, e *entry) {
	if e.out() {
		b.live--
		l.unhold(e)
		return
	}
	b.again.drop(e)
}

// takeBack ends the live attempt of w, if batchID is one.
func (l *ledger) takeBack(w messages.WorkerID, batchID string, how ending, reason string, now time.Time) bool {
	b, e := l.current(w, batchID)
	if e == nil {
		return false
	}
	l.end(b, e, how, reason, now)
	return true
}

// lost takes every attempt back that w holds, and returns how many.
func (l *ledger) lost(w messages.WorkerID, how ending, reason string, now time.Time) int {
	held := make([]*entry, 0, len(l.held[w]))
	for _, e := range l.held[w] {
		held = append(held, e)
	}
	slices.SortFunc(held, func(a, b *entry) int { return compareChunks(a.ID, b.ID) })
	delete(l.ahead, w) // nothing moves up any more: all of them end
	for _, e := range held {
		l.end(l.files[e.ID.File], e, how, reason, now)
	}
	return len(held)
}

func compareChunks(a, b messages.ChunkID) int {
	if a.File != b.File {
		if a.File < b.File {
			return -1
		}
		return 1
	}
	return a.Index - b.Index
}

// end takes an attempt back: the chunk is ready again, or dead.
func (l *ledger) end(b *book, e *entry, how ending, reason string, now time.Time) {
	if reason == "" {
		reason = how.String()
	}
	failure := how == endFailed || e.State == messages.ChunkRunning && (how == endLost || how == endSilent)
	if !e.Ahead && how != endRetry && how != endUnsent && how != endUnfit {
		e.Handouts++
	}
	l.journal(e, e.Attempt, e.Worker, how.String(), now)
	l.release(b, e)
	if failure {
		e.Failures++
		e.noteFailure()
	}
	l.trials.ended(b, e, how, reason)
	e.Reason, e.since, e.after = reason, now, time.Time{}
	e.holdBack(how, now)
	switch {
	case b.changed:
		l.bury(b, e, b.Reason)
	case l.hopeless(e):
		l.bury(b, e, reason)
	default:
		e.State = messages.ChunkReady
		b.again.put(e, now)
		l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	}
	l.settle(b, now)
}

func (l *ledger) journal(e *entry, attempt int, w messages.WorkerID, outcome string, now time.Time) {
	l.out.Journal = append(l.out.Journal, messages.Attempt{
		Chunk: e.ID, Number: attempt, Worker: w, Sent: e.since, Ended: now, Outcome: outcome, Hash: e.Hash,
	})
}
