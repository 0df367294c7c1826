package ledger

import (
	"time"

	"kafka-master/messages"
)

const (
	// maxRejects is how many chunks of a file that are done with failed items are
	// remembered. The items of further ones are counted, and cannot be retried.
	maxRejects = 100_000
	// maxRejectRanges bounds the ranges of failed items in their records. A retry of a
	// chunk whose ranges are not remembered runs all of its items.
	maxRejectRanges = 1_000_000
)

// rejects are the chunks of a file that are done with failed items, or the last retries of
// these.
type rejects struct {
	of     map[messages.ChunkID]messages.OpenChunk
	ranges int // in the records
}

// put adds a record, if there is room for it.
func (r *rejects) put(c messages.OpenChunk) bool {
	if len(r.of) >= maxRejects {
		return false
	}
	if r.of == nil {
		r.of = map[messages.ChunkID]messages.OpenChunk{}
	}
	r.of[c.ID] = c
	r.ranges += len(c.FailedRanges)
	return true
}

func (r *rejects) drop(id messages.ChunkID) {
	r.ranges -= len(r.of[id].FailedRanges)
	delete(r.of, id)
}

// settle writes what is left of a chunk that is done: nothing, or the record of its failed
// items. reason is why their retry was given up, empty for a chunk that was completed.
func (l *Ledger) settle(b *book, c messages.OpenChunk, reason string, failed int64, ranges []messages.ItemRange, now time.Time) {
	if failed > 0 {
		// What fails again in a retry may lie in more ranges than a record can hold.
		if len(ranges) > messages.MaxItemRanges || b.rejects.ranges+len(ranges) > maxRejectRanges {
			ranges = nil
		}
		c.State, c.Failures, c.Workers, c.Handouts, c.Unbegun, c.Ahead, c.FailedBy = messages.ChunkDoneWithFailed, 0, 0, 0, 0, false, nil
		c.FailedItems, c.FailedRanges, c.EndedAt, c.Reason = failed, ranges, now, reason
		if b.rejects.put(c) {
			l.letters[c.ID] = true
			l.out.Chunks = append(l.out.Chunks, c)
			return
		}
	}
	l.out.DropChunks = append(l.out.DropChunks, c.ID)
}

// again makes a retry of the failed items of a chunk. Until it ends they are open.
func (l *Ledger) again(b *book, c messages.OpenChunk, now time.Time) {
	b.rejects.drop(c.ID)
	l.letters[c.ID] = true
	l.out.DropChunks = append(l.out.DropChunks, c.ID)
	b.FailedItems -= c.FailedItems
	id := c.ID
	id.Retry++
	e := &entry{since: now, OpenChunk: messages.OpenChunk{
		Chunk: c.Chunk, FirstItem: c.FirstItem, FailedItems: c.FailedItems, FailedRanges: c.FailedRanges,
	}}
	e.ID = id
	b.entries[id] = e
	b.open.add(&e.OpenChunk, +1)
	b.waiting.put(e, now)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
}

// completeRetry counts the items of a retry: those that did not fail again are done. A
// retry of all items of its chunk may fail others than before, even more.
func (l *Ledger) completeRetry(b *book, e *entry, r Result, now time.Time) {
	ranges := r.FailedRanges
	if partial := e.Sent() < int64(e.Items); partial && r.FailedItems == e.FailedItems {
		ranges = e.FailedRanges
	} else if partial {
		ranges = messages.PickRanges(e.FailedRanges, ranges)
	}
	done := e.FailedItems - r.FailedItems
	b.DoneItems += done
	b.FailedItems += r.FailedItems
	l.totals.DoneItems += max(0, done)
	l.totals.FailedItems += r.FailedItems
	switch {
	case !r.Recorded:
		b.UnrecordedRetries++
	case b.Digested:
		b.OutputLines += r.OutputLines
	}
	l.settle(b, e.OpenChunk, "", r.FailedItems, ranges, now)
}

// failAgain gives a retry up: its items have failed as before.
func (l *Ledger) failAgain(b *book, e *entry, reason string, now time.Time) {
	delete(b.entries, e.ID)
	b.open.add(&e.OpenChunk, -1)
	l.trials.forget(e)
	b.FailedItems += e.FailedItems
	l.settle(b, e.OpenChunk, reason, e.FailedItems, e.FailedRanges, now)
	l.store(b)
}
