package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

// Letters is the side of a ledger that concerns chunks which wait for a person: the dead
// ones that were not discarded, and those that are done with failed items.
type Letters struct{ l *Ledger }

// Letters returns the ledger's side that concerns dead chunks and failed items.
func (l *Ledger) Letters() Letters { return Letters{l} }

// Handled is what became of a request to change letters.
type Handled struct {
	Accepted int
	Items    int64 // items of the accepted ones that are dead or failed
	Refused  []messages.Refusal
	Files    []messages.File // of the accepted ones, as they are now
}

// Retry makes dead chunks ready again, as if they had never failed; attempt numbers go on,
// so a result of a former attempt still counts as late. Of a chunk that is done with failed
// items these become a chunk of their own. A file that had ended is in work again until it
// ends once more.
func (x Letters) Retry(ids []messages.ChunkID, now time.Time) Handled {
	return x.each(ids, func(b *book, e *entry, c messages.OpenChunk) error {
		if b.stopped {
			return fmt.Errorf("its file is %s: %s", b.State, b.Reason)
		}
		x.l.reopen(b)
		if e == nil {
			x.l.again(b, c, now)
		} else {
			x.l.revive(b, e, now)
		}
		return nil
	})
}

// Discard takes chunks off the list. Their items stay counted as dead, or as failed.
func (x Letters) Discard(ids []messages.ChunkID) Handled {
	return x.each(ids, func(b *book, e *entry, c messages.OpenChunk) error {
		if e == nil {
			b.rejects.drop(c.ID)
			b.DiscardedFailed += c.FailedItems
			x.l.out.DropChunks = append(x.l.out.DropChunks, c.ID)
			return nil
		}
		e.Discarded = true
		b.DiscardedChunks++
		b.DiscardedItems += int64(e.Items)
		x.l.out.Chunks = append(x.l.out.Chunks, e.OpenChunk)
		return nil
	})
}

// each changes the letters that can be changed, and refuses the others.
func (x Letters) each(ids []messages.ChunkID, change func(*book, *entry, messages.OpenChunk) error) (out Handled) {
	var files []*book
	for _, id := range ids {
		b, e, c, err := x.find(id)
		if err == nil {
			b.own()
			err = change(b, e, c)
		}
		if err != nil {
			out.Refused = append(out.Refused, messages.Refusal{ID: id, Reason: err.Error()})
			continue
		}
		x.l.letters[id] = true
		out.Accepted++
		out.Items += (&messages.Letter{OpenChunk: c}).Concerned()
		if !slices.Contains(files, b) {
			files = append(files, b)
		}
	}
	for _, b := range files {
		// What a person let pass of MAX_DEAD is at most what is still counted, so that as many
		// new rejects do not pass unseen.
		b.LimitRejects, b.LimitTried = min(b.LimitRejects, b.Rejects()), min(b.LimitTried, b.EndedItems())
		x.l.store(b)
		out.Files = append(out.Files, *b.File)
	}
	return out
}

var errNotListed = errors.New("it is not dead and has no failed items")

// find returns a chunk that is in the list. It has no entry if it is done with failed
// items.
func (x Letters) find(id messages.ChunkID) (b *book, e *entry, c messages.OpenChunk, err error) {
	if b = x.l.files[id.File]; b == nil {
		return nil, nil, c, fmt.Errorf("%w: its file is not known any more", errNotListed)
	}
	if c, ok := b.rejects.of[id]; ok {
		return b, nil, c, nil
	}
	switch e = b.entries[id]; {
	case e == nil:
		return nil, nil, c, fmt.Errorf("%w: it is done, or there never was such a chunk", errNotListed)
	case e.State != messages.ChunkDead:
		return nil, nil, c, fmt.Errorf("%w: it is %s", errNotListed, e.State)
	case e.Discarded:
		return nil, nil, c, errors.New("it was discarded")
	}
	return b, e, e.OpenChunk, nil
}

// reopen puts a file that has ended into work again.
func (l *Ledger) reopen(b *book) {
	if !b.HasEnded() {
		return
	}
	b.State, b.Reason, b.Ended, b.Merged = messages.FileRunning, "", time.Time{}, time.Time{}
	l.ownWork(b)
	if b.entries == nil {
		b.entries = map[messages.ChunkID]*entry{}
	}
	l.turns.join(b)
}

// revive makes a dead chunk ready again.
func (l *Ledger) revive(b *book, e *entry, now time.Time) {
	c := e.OpenChunk
	c.State, c.Failures, c.Workers, c.Handouts, c.Unbegun, c.Ahead = messages.ChunkReady, 0, 0, 0, 0, false
	c.FailedBy, c.Reason, c.EndedAt = nil, "", time.Time{}
	*e = entry{OpenChunk: c, since: now, workers: e.workers, void: e.void, numbered: e.numbered}
	b.open.add(&e.OpenChunk, +1)
	b.DeadChunks--
	b.DeadItems -= int64(e.Items)
	b.waiting.put(e, now)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
}

// Changed returns what became of the letters since the last call: those that are new in the
// list, and the ids of those that left it. What leaves with its file is not in it.
func (x Letters) Changed() (put []*messages.Letter, gone []messages.ChunkID) {
	l := x.l
	for id := range l.letters {
		b, _, c, err := x.find(id)
		switch {
		case err == nil:
			put = append(put, &messages.Letter{
				OpenChunk: c, Path: b.Info.Path, Generation: b.Generation,
				Name: b.ChunkName(id).String(),
			})
		case l.files[id.File] != nil:
			gone = append(gone, id)
		}
	}
	l.letters = map[messages.ChunkID]bool{} // A map that once was large stays slow to iterate.
	messages.SortLetters(put)
	slices.SortFunc(gone, messages.ChunkID.Compare)
	return put, gone
}
