package worker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"kafka-master/messages"
)

const (
	maxFailureText = 1 << 10 // bytes of the reason why an item failed
	// maxFailureTexts bounds the reasons of all items of a chunk, which may have some
	// hundred thousand. Beyond it a reason has at most shortFailureText bytes.
	maxFailureTexts  = 4 << 20
	shortFailureText = 64
)

// report is what is known about an attempt beyond its error: which items failed, and
// what the result's writer recorded. All copies of a Chunk share it.
type report struct {
	mu       sync.Mutex
	closed   bool
	failed   map[int]failure
	texts    int // bytes of all reasons
	recorded *recorded
}

// failure is an item that failed.
type failure struct {
	Index int    // in Chunk.Items
	Exit  *int   // exit status of the item's process, nil without one
	Text  string // the reason
}

// recorded are the figures of a result that was recorded in a manifest. They may be
// those of another attempt whose result stands already.
type recorded struct {
	FailedItems  int64
	FailedRanges []messages.ItemRange
	OutputLines  int64
}

// Fail reports that item i, an index of Items, could not be processed; err is the
// reason. The chunk as a whole can be done nevertheless: its other items are, and the
// failed ones are counted and listed apart, with the reason and, if err is an
// *exec.ExitError, the exit status. A second call for an item replaces the first.
//
// Fail may be called from any goroutine until the handler has returned. It has no effect
// when the handler returns an error, since the whole chunk then runs again. Results lists
// the items that failed before Commit.
func (c Chunk) Fail(i int, err error) {
	if i < 0 || i >= len(c.Items) {
		panic(fmt.Sprintf("Fail: item %d of %d", i, len(c.Items)))
	}
	if c.report != nil {
		c.report.add(i, err)
	}
}

func (r *report) add(i int, err error) {
	f := failure{Index: i, Text: "failed"}
	if err != nil {
		f.Text = err.Error()
	}
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() >= 0 { // -1 after a signal
		code := exit.ExitCode()
		f.Exit = &code
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.failed == nil {
		r.failed = map[int]failure{}
	}
	r.texts -= len(r.failed[i].Text)
	limit := maxFailureText
	if r.texts > maxFailureTexts {
		limit = shortFailureText
	}
	f.Text = messages.CutText(f.Text, limit)
	r.texts += len(f.Text)
	r.failed[i] = f
}

// failures returns the items that failed, in their order.
func (r *report) failures() []failure {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]failure, 0, len(r.failed))
	for _, f := range r.failed {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b failure) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// setRecorded sets the figures of the result that stands.
func (r *report) setRecorded(f recorded) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recorded = &f
}

// close ends the report: what is reported later has no effect.
func (r *report) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// complete adds to the final message about a chunk that is done what the report says.
func (r *report) complete(final messages.Signal) messages.Signal {
	failed := r.failures()
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.recorded; f != nil {
		final.Recorded, final.OutputLines = true, f.OutputLines
		final.FailedItems, final.FailedRanges = f.FailedItems, f.FailedRanges
		return final
	}
	items := make([]int, len(failed))
	for i, f := range failed {
		items[i] = f.Index
	}
	final.FailedItems, final.FailedRanges = int64(len(items)), messages.ItemRanges(items)
	return final
}

// lineOf returns the line of item i in its file. known is false when the chunk has
// blank lines and the sender does not tell where.
func (c Chunk) lineOf(i int) (line int64, known bool) {
	if c.FirstLine == 0 || c.Lines > 0 && c.Gaps == nil {
		return 0, false
	}
	n := c.position(int64(i))
	return c.FirstLine + n + messages.BlankBefore(c.Gaps, n), true
}

// position returns the number of item i in its chunk, of which a retry has only some.
func (c Chunk) position(i int64) int64 {
	for _, r := range c.Positions {
		if i < r.Len() {
			return int64(r.First) + i
		}
		i -= r.Len()
	}
	return i
}
