package ledger

import (
	"encoding/binary"
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// maxTries is how many ended attempts of a worker are kept for people.
	maxTries = 20
	// maxTryError is how many bytes of an error are kept of each.
	maxTryError = 100
)

// try is an attempt that ended.
type try struct {
	chunk   messages.ChunkID
	attempt int
	items   int
	failed  int64
	ended   int64 // in milliseconds since 1970
	took    int64 // milliseconds from its beginning to its end
	unbegun bool  // when it began is not known
	outcome string
	reason  string
}

// tries are the last attempts of one worker, in the space that tens of thousands of workers
// allow: about 20 bytes each.
type tries struct {
	log   []byte // of the attempts, the oldest one first
	count int
	texts []string // outcomes and reasons that they refer to, each once
}

const (
	// maxTexts is how many texts are kept before those that no attempt refers to any more
	// are dropped. A worker that fails usually fails for one reason.
	maxTexts = 8
	// triesStep is by how many bytes the log grows.
	triesStep = 64
)

func (t *tries) add(x try) {
	if t.count == maxTries {
		_, rest := t.decode(t.log)
		t.log = append(t.log[:0], rest...)
		t.count--
	}
	if len(t.texts) >= maxTexts && !(slices.Contains(t.texts, x.outcome) && slices.Contains(t.texts, x.reason)) {
		all := t.all()
		*t = tries{log: t.log[:0]}
		for _, a := range all {
			t.append(a)
		}
	}
	t.append(x)
}

// append adds an attempt to the log.
func (t *tries) append(x try) {
	var buf [11 * binary.MaxVarintLen64]byte
	b, took := buf[:0], x.took+1
	if x.unbegun {
		took = 0
	}
	for _, n := range [...]int64{
		int64(x.chunk.File), int64(x.chunk.Index), int64(x.chunk.Half), int64(x.chunk.Retry),
		int64(x.attempt), int64(x.items), x.failed, x.ended, took, int64(t.text(x.outcome)), int64(t.text(x.reason)),
	} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	if len(t.log)+len(b) > cap(t.log) {
		t.log = append(make([]byte, 0, len(t.log)+len(b)+triesStep), t.log...)
	}
	t.log = append(t.log, b...)
	t.count++
}

// text returns the number of a text, which it adds if it is new.
func (t *tries) text(s string) int {
	n := slices.Index(t.texts, s)
	if n < 0 {
		n = len(t.texts)
		t.texts = append(t.texts, s)
	}
	return n
}

// decode returns the first attempt of a log, and the rest of the log.
func (t *tries) decode(log []byte) (x try, rest []byte) {
	number := func() int64 {
		n, size := binary.Uvarint(log)
		log = log[size:]
		return int64(n)
	}
	x.chunk = messages.ChunkID{File: messages.FileID(number()), Index: int(number()), Half: int(number()), Retry: int(number())}
	x.attempt, x.items, x.failed, x.ended, x.took = int(number()), int(number()), number(), number(), number()-1
	if x.unbegun = x.took < 0; x.unbegun {
		x.took = 0
	}
	x.outcome, x.reason = t.texts[number()], t.texts[number()]
	return x, log
}

// all returns the attempts, the oldest one first.
func (t *tries) all() []try {
	all := make([]try, 0, t.count)
	for log := t.log; len(log) > 0; {
		var x try
		x, log = t.decode(log)
		all = append(all, x)
	}
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
		chunk: e.ID, attempt: attempt, items: int(e.Sent()), failed: how.failed,
		ended: now.UnixMilli(), unbegun: how.late, outcome: how.name, reason: messages.CutText(how.reason, maxTryError),
	}
	if !how.late {
		x.took = max(0, now.Sub(e.workedSince()).Milliseconds())
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
	for _, a := range slices.Backward(t.all()) {
		y := messages.WorkerAttempt{
			Chunk: a.chunk, Number: a.attempt, Items: a.items, Failed: a.failed,
			Ended: time.UnixMilli(a.ended), Result: a.outcome, Error: a.reason,
		}
		if !a.unbegun {
			y.Began = time.UnixMilli(a.ended - a.took)
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
