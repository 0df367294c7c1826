package actors

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// noPartition is the note of a worker that announced an empty list.
const noPartition = "has no partition: there are more workers than partitions"

// troubles are the workers that have a problem, by its kind: a thousand workers with the
// same trouble are one problem with a count. It is pure state, and a change costs the same
// however many workers there are.
type troubles map[messages.ProblemKind]*trouble

// trouble is one kind of problem.
type trouble struct {
	notes map[messages.WorkerID]string // note of each worker
	last  messages.WorkerID            // the worker that got into it last
	since time.Time                    // when the first of them got into it
}

// set notes that a worker has a problem of this kind.
func (t troubles) set(kind messages.ProblemKind, id messages.WorkerID, note string, now time.Time) {
	x := t[kind]
	if x == nil {
		x = &trouble{notes: map[messages.WorkerID]string{}, since: now}
		t[kind] = x
	}
	x.notes[id], x.last = note, id
}

// clear ends the problem of a worker.
func (t troubles) clear(kind messages.ProblemKind, id messages.WorkerID) {
	x := t[kind]
	if x == nil {
		return
	}
	if delete(x.notes, id); len(x.notes) == 0 {
		delete(t, kind)
	}
}

// fill adds the problems to a list: for each kind the worker that got into it last,
// and how many there are.
func (t troubles) fill(p problems) {
	for kind, x := range t {
		id, text := x.shown()
		p.set(string(kind), messages.Problem{Kind: kind, Part: kind.Part(), Count: len(x.notes), Text: text, Place: messages.Place{Worker: id}}, x.since)
	}
}

// shown returns the worker that got into it last, and a sentence.
func (x *trouble) shown() (id messages.WorkerID, text string) {
	n := len(x.notes)
	id, note := x.last, x.notes[x.last]
	if _, there := x.notes[id]; !there {
		id = slices.Min(slices.Collect(maps.Keys(x.notes)))
		note = x.notes[id]
	}
	if note == noPartition {
		return id, fmt.Sprintf("%d workers have no partition: raise the partitions by updatePartitions; they see it within 300 s", n)
	}
	text = fmt.Sprintf("%s: %s", id, note)
	if n > 1 {
		text += fmt.Sprintf(" (and %d other workers)", n-1)
	}
	return id, text
}
