package messages

import (
	"encoding/json"
	"fmt"
	"time"
)

// WaitingFile is a file of the input folder that is not taken into work yet.
type WaitingFile struct {
	Info     FileInfo
	Since    time.Time // since when it looks like that
	Priority int       // that it will have
	Settled  bool      // it only waits for a place in work
	Why      Why       // never empty
}

// MaxWishes is how many waiting files may have a priority.
const MaxWishes = 1000

// ErrNotWaiting is the error of a request about a file that is not in the folder, or was
// taken into work already.
var ErrNotWaiting = fmt.Errorf("%w: no such file waits to be taken into work", ErrNotFound)

type (
	// QueryWaiting asks for the files that are not taken into work yet and have this text in
	// their path. The answer is []WaitingFile in the order of their paths.
	QueryWaiting struct{ Part string }
	// SetWaiting gives a file that is not taken yet its priority: it gets a place in work
	// before those with a lower one. The answer is a WaitingChanged, once that is committed,
	// or ErrRange, ErrNotWaiting, or ErrConflict when MaxWishes files have one.
	SetWaiting struct {
		Path     string
		Priority int
		By       string
	}
	// WaitingChanged is the priority before and after a change.
	WaitingChanged struct{ Old, New int }
)

func (QueryWaiting) query() {}
func (SetWaiting) query()   {}

// Check returns an error that wraps ErrRange when the priority is out of range.
func (s SetWaiting) Check() error { return SetFile{Priority: &s.Priority}.Check() }

// EncodeWishes returns the value ValueWishes: priorities of files that are not taken yet, by
// path.
func EncodeWishes(wishes map[string]int) string { return string(marshalRecord(wishes)) }

// DecodeWishes is the inverse of EncodeWishes. What cannot be read is left out.
func DecodeWishes(record string) map[string]int {
	var stored map[string]int
	_ = json.Unmarshal([]byte(record), &stored)
	wishes := map[string]int{}
	for path, priority := range stored {
		if priority != 0 && (SetWaiting{Priority: priority}).Check() == nil && len(wishes) < MaxWishes {
			wishes[path] = priority
		}
	}
	return wishes
}
