package ledger

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// maxTries is how many ended attempts of a worker are kept for people. With tens of
	// thousands of workers each of them is an entry in memory.
	maxTries = 20
	// maxTryError is how many bytes of an error are kept of each.
	maxTryError = 100
)

// try is an attempt that ended, in the space that thousands of workers allow.
type try struct {
	chunk   messages.ChunkID
	began   int64 // in milliseconds since 1970, 0 when it is not known
	ended   int64
	failed  int32
	items   int32
	attempt int32
	outcome string // one of the constant names
	reason  string
}

// tries are the last attempts of one worker, in a ring.
type tries struct {
	ring []try
	next int // place of the oldest one once the ring is full
}

func (t *tries) add(x try) {
	// A worker that fails usually fails for one reason, which is kept once.
	if last := t.last(); last != nil && last.reason == x.reason {
		x.reason = last.reason
	}
	if t.ring == nil {
		t.ring = make([]try, 0, maxTries)
	}
	if len(t.ring) < maxTries {
		t.ring = append(t.ring, x)
		return
	}
	t.ring[t.next] = x
	t.next = (t.next + 1) % maxTries
}

func (t *tries) last() *try {
	if len(t.ring) == 0 {
		return nil
	}
	return &t.ring[(t.next+len(t.ring)-1)%len(t.ring)]
}

// newestFirst returns the attempts.
func (t *tries) newestFirst() []try {
	all := append(slices.Clone(t.ring[t.next:]), t.ring[:t.next]...)
	slices.Reverse(all)
	return all
}

// outcome is how an attempt ended, for the journal and for people.
type outcome struct {
	name   string
	reason string // why it was no success
	failed int64  // items that failed in a chunk that is done
	late   bool   // it is not the attempt in flight
}

// remember keeps an attempt that ended for those who look at its worker. A worker that was
// forgotten has no list any more, and a late result of it makes none.
func (l *Ledger) remember(e *entry, attempt int, w messages.WorkerID, how outcome, now time.Time) {
	t := l.tries[w]
	if t == nil {
		if how.late {
			return
		}
		t = &tries{}
		l.tries[w] = t
	}
	x := try{
		chunk: e.ID, ended: now.UnixMilli(), failed: int32(how.failed), items: int32(e.Sent()), attempt: int32(attempt),
		outcome: how.name, reason: messages.CutText(how.reason, maxTryError),
	}
	if !how.late {
		x.began = e.workedSince().UnixMilli()
	}
	t.add(x)
}

// Tries returns the last attempts of a worker, the newest first.
func (x Workers) Tries(w messages.WorkerID) (out []messages.WorkerAttempt) {
	l := x.l
	t := l.tries[w]
	if t == nil {
		return nil
	}
	for _, a := range t.newestFirst() {
		y := messages.WorkerAttempt{
			Chunk: a.chunk, Number: int(a.attempt), Items: int(a.items), Failed: int64(a.failed),
			Ended: time.UnixMilli(a.ended), Result: a.outcome, Error: a.reason,
		}
		if a.began > 0 {
			y.Began = time.UnixMilli(a.began)
		}
		if b := l.files[a.chunk.File]; b != nil {
			y.Path, y.BatchID = b.Info.Path, b.BatchID(a.chunk, y.Number)
		}
		out = append(out, y)
	}
	return out
}

// Forget drops what is remembered of a worker that left.
func (x Workers) Forget(w messages.WorkerID) { delete(x.l.tries, w) }
