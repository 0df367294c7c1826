package results

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kafka-master/messages"
)

// books is what a master recorded about a file.
type books struct {
	messages.Books
	dead      []messages.OpenChunk // chunks that were given up
	cancelled []messages.OpenChunk // chunks that were not done when the file was cancelled
	without   []messages.OpenChunk // both: they shall have no result
	// failed are the chunks that are done with failed items, by their ids without file and
	// retry. Chunks whose failed items were discarded have none, and they are in unlisted.
	failed   map[messages.ChunkID]messages.OpenChunk
	unlisted int64
	// failedAt and withoutAt are the halves that are in failed and without, by index.
	failedAt, withoutAt map[int][]int
}

func newBooks(b messages.Books) books {
	out := books{Books: b, failed: map[messages.ChunkID]messages.OpenChunk{}, failedAt: map[int][]int{}, withoutAt: map[int][]int{}, unlisted: b.File.FailedItems}
	for _, c := range b.Chunks {
		switch c.State {
		case messages.ChunkDead:
			out.dead = append(out.dead, c)
		case messages.ChunkCancelled:
			out.cancelled = append(out.cancelled, c)
		case messages.ChunkDoneWithFailed:
			out.failed[messages.ChunkID{Index: c.ID.Index, Half: c.ID.Half}] = c
			out.failedAt[c.ID.Index] = append(out.failedAt[c.ID.Index], c.ID.Half)
			out.unlisted -= c.FailedItems
		}
	}
	out.without = slices.Concat(out.dead, out.cancelled)
	for _, c := range out.without {
		out.withoutAt[c.ID.Index] = append(out.withoutAt[c.ID.Index], c.ID.Half)
	}
	return out
}

// isTooLate reports whether the chunk of a result, or a half of it, was given up or
// cancelled before the result came, or was so as a whole.
func (b books) isTooLate(p part) bool {
	for _, half := range b.withoutAt[p.index] {
		if within(half, p.half) || within(p.half, half) {
			return true
		}
	}
	return false
}

// The errors of a merge that depends on something that only time or a person can bring.
var (
	// ErrRunning means that the file has not ended.
	ErrRunning = errors.New("the file has not ended")
	// ErrCancelled means that the file was cancelled before all of it was done.
	ErrCancelled = errors.New("the file was cancelled")
	// ErrNoResults means that none of the workers left a result here.
	ErrNoResults = errors.New("no results of its workers are here")
	// ErrIncomplete means that results of done chunks are missing, or are too many.
	ErrIncomplete = errors.New("the results are not those that the master counted")
	// ErrChanged means that a result is not what its line in the manifest says.
	ErrChanged = errors.New("a result is not as its worker wrote it")
)

// intact returns an error if a line of a manifest is damaged.
func (p *plan) intact() error {
	if len(p.damaged) > 0 {
		return fmt.Errorf("%w: %s", ErrChanged, strings.Join(p.damaged[:min(len(p.damaged), 5)], "; "))
	}
	return nil
}

// check returns an error if the plan does not have every result that the master counted.
func (b books) check(p *plan, dir string) error {
	found, want := int64(p.chunks()), b.File.DoneChunks
	switch {
	case found == 0 && want > 0 && b.File.RecordedChunks > 0:
		return fmt.Errorf("%w: %d of the %d done chunks of %q left a result, but %s has none: is it the folder of the workers?",
			ErrNoResults, b.File.RecordedChunks, want, b.File.Info.Path, dir)
	case found == 0 && want > 0:
		return fmt.Errorf("%w: the %d done chunks of %q were reported by workers that keep their results themselves", ErrNoResults, want, b.File.Info.Path)
	case found < want:
		return fmt.Errorf("%w: %d of %d done chunks have none in %s: %s", ErrIncomplete, want-found, want, dir, strings.Join(p.missing(b), ", "))
	case found > want:
		return fmt.Errorf("%w: %s has %d results, but only %d chunks are done", ErrIncomplete, dir, found, want)
	}
	return nil
}

// maxGaps bounds the places that an error names.
const maxGaps = 20

// missing names the chunks without a result as ranges, with their lines where those are
// known.
func (p *plan) missing(b books) (gaps []string) {
	have := make(map[int]bool, len(p.parts))
	for _, q := range p.parts {
		have[q.index] = true
	}
	for _, d := range b.without {
		have[d.ID.Index] = true
	}
	for i := 0; i < b.File.Cursor.Index; i++ {
		if have[i] {
			continue
		}
		from := i
		for i+1 < b.File.Cursor.Index && !have[i+1] {
			i++
		}
		if len(gaps) == maxGaps {
			return append(gaps, "and more")
		}
		gaps = append(gaps, p.gap(b, from, i))
	}
	if len(gaps) == 0 {
		gaps = append(gaps, "halves of chunks")
	}
	return gaps
}

// gap names the chunks from one index to another, and the lines between their neighbours.
func (p *plan) gap(b books, from, to int) string {
	text := fmt.Sprintf("chunk %d", from)
	if to > from {
		text = fmt.Sprintf("chunks %d to %d", from, to)
	}
	first, last := int64(1), int64(0)
	for _, q := range p.parts {
		if q.first > 0 && q.index < from {
			first = q.first + q.lines
		}
		if q.first > 0 && q.index > to && last == 0 {
			last = q.first - 1
		}
	}
	if to == b.File.Cursor.Index-1 {
		last = b.File.Cursor.Line - 1
	}
	if last >= first {
		text += fmt.Sprintf(" (between the lines %d and %d)", first, last)
	}
	return text
}

func endOfList(err error) error {
	if err == nil || err == io.EOF {
		return nil
	}
	return fmt.Errorf("list the results: %w", err)
}
