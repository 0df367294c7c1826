// Package ledger is the book of one term: which chunks of which files are open, which
// worker has which chunk, how results are judged, and what is handed out next.
//
// It has no clock and does no I/O: the time comes as an argument, and whatever has to be
// stored, sent or logged is in what the methods return. It is not safe for concurrent use.
//
// Invariants:
//   - A chunk below the cursor of its file is done, dead, cancelled, in flight at one
//     worker, or waits. A chunk behind the cursor was never handed out. The ranges of the chunks
//     below the cursor cover the file up to it.
//   - A chunk has at most one attempt in flight. Attempt numbers rise; none is given
//     twice, also when the store lost the commit of an attempt that was sent.
//   - A chunk counts as done once, by a result of all its items and of its own bytes,
//     from a worker that had the attempt. A result that does not count frees no slot.
//   - What was cut of a file is the sum of what is done, failed, dead, cancelled and open. A
//     file of which that is not true is failed, never done.
//   - Of a file that is cancelled nothing is handed out any more.
//   - What is dead or failed changes only when a person retries it. A chunk has one retry of
//     its failed items at a time, and is done all the while.
//   - A file ends in the same batch as the last of its chunks.
//   - A worker has no more attempts in flight than it offered to take. While it is paused
//     it gets nothing; after that it gets one chunk to try.
//   - A chunk that is given back because it was recalled has neither failed nor used up a
//     hand-out. A recall changes nothing until it is answered.
//   - While people pause all hand-outs, or those of a file, none is made. Files of a higher
//     priority come first; those of one priority get items in proportion to their shares.
//   - What an attempt costs does not depend on how many chunks wait or how many files are
//     remembered.
package ledger

import (
	"time"

	"kafka-master/messages"
)

// Ledger is the book of one term.
type Ledger struct {
	rules    Rules
	files    map[messages.FileID]*book
	rest     *work // see newRest
	names    map[fileName]messages.FileID
	voids    map[messages.ChunkName]int // highest attempt of each chunk that was sent and is in no record
	unread   bool                       // more of these may lie where nothing can be read in this term
	turns    turns
	gate     gate
	held     map[messages.WorkerID]map[messages.ChunkID]*entry
	ahead    map[messages.WorkerID][]*entry // those of held that wait behind others, in the order of hand-out
	offers   offers
	nobodyAt messages.WorkerID // a worker for which that is so
	nobody   messages.Why      // why no worker takes chunks, as far as somebody else knows
	breaker  breaker
	recalls  recalls
	cutting  int                          // chunks whose ranges are being cut in two
	surplus  map[string]messages.WorkerID // workers of attempts that may still run although another one counts, by batch id
	stalls   map[string]stall             // chunks without progress, by batch id
	trials   trials
	changed  []messages.FileID            // files that changed lately while they were in work
	tries    map[messages.WorkerID]*tries // last attempts of the workers that had any
	losses   losses
	totals   messages.Totals // of what ended in this term
	audited  time.Time       // time of the last audit of all files

	// What changed since the last Flush:
	out    messages.Batch
	ended  []messages.FileID
	dead   []messages.OpenChunk
	broken []messages.FileID
	// files that changed since the last call of Files.Changed
	touched map[messages.FileID]bool
	// dead chunks that changed since the last call of Letters.Changed
	letters map[messages.ChunkID]bool
}

// Changes is what became of the books since the last Flush.
type Changes struct {
	Batch  messages.Batch  // to be stored
	Ended  []messages.File // files that became terminal
	Dead   []DeadChunk     // chunks that were given up
	Broken []messages.File // files that failed because their figures do not add up
	Grants []Grant         // credit to be passed on to the planners
}

// DeadChunk is a chunk that was given up, with the path of its file.
type DeadChunk struct {
	messages.OpenChunk
	Path string
}

// maxDeadLines is how many dead chunks of a file are returned one by one.
const maxDeadLines = 1000

// auditEvery is how often the figures of all files in work are compared.
const auditEvery = time.Minute

// Rules are the settings that decide about chunks and files.
type Rules struct {
	MaxAttempts int  // failures that make a chunk dead
	Bisect      bool // a chunk of several items that fails is halved instead
	MaxDead     messages.DeadLimit
	MaxAhead    int // chunks that are queued at all workers together; 0 for as many as they offer
}

// Sent is what is known of the messages that former leaders sent.
type Sent struct {
	BatchIDs []string
	Unread   bool // more of them may lie where nothing can be read in this term
}

// New returns the ledger of a stored state.
func New(rules Rules, s messages.Snapshot, sent Sent, now time.Time) *Ledger {
	l := &Ledger{
		rules:   rules,
		files:   map[messages.FileID]*book{},
		rest:    newRest(),
		names:   map[fileName]messages.FileID{},
		voids:   map[messages.ChunkName]int{},
		held:    map[messages.WorkerID]map[messages.ChunkID]*entry{},
		ahead:   map[messages.WorkerID][]*entry{},
		offers:  offers{of: map[messages.WorkerID]*offering{}, most: rules.MaxAhead},
		breaker: newBreaker(),
		recalls: recalls{speeds: map[messages.WorkerID]*speed{}},
		surplus: map[string]messages.WorkerID{},
		stalls:  map[string]stall{},
		tries:   map[messages.WorkerID]*tries{},
		trials:  trials{often: map[messages.ChunkID]*entry{}},
		losses:  losses{files: map[messages.FileID]bool{}},
		audited: now,
		touched: map[messages.FileID]bool{},
		letters: map[messages.ChunkID]bool{},
		unread:  sent.Unread,
	}
	l.restore(s, now)
	for _, batchID := range sent.BatchIDs {
		l.addVoid(batchID)
	}
	return l
}

// restore loads a stored state.
func (l *Ledger) restore(s messages.Snapshot, now time.Time) {
	for _, f := range s.Files {
		l.restoreFile(f)
	}
	for _, c := range s.Chunks {
		b := l.files[c.ID.File]
		if b == nil {
			l.dropOrphan(c)
			continue
		}
		b.open.addRestored(b, c)
		if c.State == messages.ChunkDoneWithFailed {
			b.rejects.put(c)
			l.letters[c.ID] = true
			continue
		}
		e := &entry{OpenChunk: c, since: now}
		e.restoreFailures()
		b.keep(e)
		switch c.State {
		case messages.ChunkAssigned, messages.ChunkRunning:
			e.State, e.asked = messages.ChunkAssigned, true // A former leader may have recalled it.
			l.ownWork(b)
			b.live++
			l.hold(e)
		case messages.ChunkReady:
			l.ownWork(b)
			e.toHalve = l.shallHalve(b, e, len(s.Workers))
			b.waiting.put(e, now)
		case messages.ChunkDead:
			l.letters[c.ID] = true
		}
	}
	for _, w := range s.Workers {
		l.moveUp(w.ID, w.Capacity)
	}
	l.countLosses(s)
	for _, f := range s.Files {
		l.audit(l.files[f.ID], now)
		l.endWhenComplete(l.files[f.ID], now)
	}
	l.restoreChanged(s.Files, now)
}

// Tick is to be called every second or so. It compares the figures of the files in work
// when that is due, and lets workers whose pause is over try one chunk.
func (l *Ledger) Tick(now time.Time) {
	if now.Sub(l.audited) >= auditEvery {
		l.audited = now
		l.auditAll(now)
	}
	for _, w := range l.breaker.due(now) {
		l.enqueue(l.offers.of[w], now)
	}
}

// Flush returns what changed since the last call.
func (l *Ledger) Flush() Changes {
	out := Changes{Batch: l.out, Grants: l.grants()}
	for _, id := range l.ended {
		out.Ended = append(out.Ended, *l.files[id].File)
	}
	for _, x := range l.dead {
		if b := l.files[x.ID.File]; b != nil && b.DeadChunks <= maxDeadLines {
			out.Dead = append(out.Dead, DeadChunk{OpenChunk: x, Path: b.Info.Path})
		}
	}
	for _, id := range l.broken {
		if b := l.files[id]; b != nil {
			out.Broken = append(out.Broken, *b.File)
		}
	}
	l.out, l.ended, l.dead, l.broken = messages.Batch{}, nil, nil, nil
	return out
}
