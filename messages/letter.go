package messages

import (
	"errors"
	"slices"
)

// Letter is a chunk that waits for a person: it is dead, or done with failed items. It is
// what the API lists, and is immutable.
type Letter struct {
	OpenChunk
	Path       string
	Generation int
	Name       string // the chunk's name in batch ids, without an attempt
}

// Workers lists the workers that failed the chunk. Where none is known to have failed it,
// the list has the worker of the last attempt.
func (l *Letter) Workers() []WorkerID {
	if len(l.FailedBy) == 0 && l.Worker != "" {
		return []WorkerID{l.Worker}
	}
	return l.FailedBy
}

// MaxLetters is how many letters one request may change. They are one commit.
const MaxLetters = 1000

// ErrNoLetter is the error of a request for a letter that is not in the list.
var ErrNoLetter = errors.New("not in the list")

type (
	// QueryLetters asks for the dead chunks that were not discarded, and for those that are
	// done with failed items. The answer is []*Letter, ordered by id, shared and as fresh as
	// that of QueryWorkers.
	QueryLetters struct{ Fresh bool }
	// RetryLetters has dead chunks and failed items run again, as far as the ranges still
	// hold what was cut. There are at most MaxLetters of them, in the order of their ids. The answer is
	// LettersChanged, once the changes are committed.
	RetryLetters struct {
		Letters []*Letter
		By      string
	}
	// DiscardLetters takes chunks off the list. The answer is that of RetryLetters.
	DiscardLetters struct {
		Letters []*Letter
		By      string
	}
)

func (QueryLetters) query()   {}
func (RetryLetters) query()   {}
func (DiscardLetters) query() {}

// LettersChanged is what became of a request to change letters.
type LettersChanged struct {
	Reached  int // so many of them, from the first one, were looked at; the others need another request
	Accepted int
	Items    int64 // items of the accepted ones that are dead or failed
	Refused  []Refusal
}

// Failed reports whether the letter is about failed items of a chunk that is done, and not
// about a dead chunk.
func (l *Letter) Failed() bool { return l.State == ChunkDoneWithFailed }

// Concerned returns how many items are dead or failed.
func (l *Letter) Concerned() int64 {
	if l.Failed() {
		return l.FailedItems
	}
	return int64(l.Items)
}

// Refusal is why a letter was not changed.
type Refusal struct {
	ID     ChunkID
	Reason string
}

// SortLetters orders letters by id.
func SortLetters(list []*Letter) {
	slices.SortFunc(list, func(a, b *Letter) int { return a.ID.Compare(b.ID) })
}

// MaxFirstItem is how many bytes of a chunk's first item are kept for people.
const MaxFirstItem = 120

// FirstItem returns the beginning of the first item in text, which holds items with their
// line ends.
func FirstItem(text []byte) string {
	item, _ := cutLine(text[:min(len(text), 4*MaxFirstItem)])
	return CutText(string(item), MaxFirstItem)
}
