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
	// QueryLetters asks for the dead chunks that were not discarded. The answer is
	// []*Letter, ordered by id, shared and as fresh as that of QueryWorkers.
	QueryLetters struct{ Fresh bool }
	// RetryLetters makes dead chunks ready again, as far as their ranges still hold what
	// was cut. There are at most MaxLetters of them, in the order of their ids. The answer is
	// LettersChanged, once the changes are committed.
	RetryLetters struct{ Letters []*Letter }
	// DiscardLetters takes dead chunks off the list. The answer is that of RetryLetters.
	DiscardLetters struct{ Letters []*Letter }
)

func (QueryLetters) query()   {}
func (RetryLetters) query()   {}
func (DiscardLetters) query() {}

// LettersChanged is what became of a request to change letters.
type LettersChanged struct {
	Reached  int // so many of them, from the first one, were looked at; the others need another request
	Accepted int
	Items    int64 // items of the accepted ones
	Refused  []Refusal
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
