package ledger

import (
	"cmp"
	"time"

	"kafka-master/messages"
)

// plan is what of a file is cut and was never handed out, and how far its planner may
// cut.
type plan struct {
	cut    []planned // in index order
	size   int       // bytes of the items of the chunk that was cut last
	upTo   int       // credit of the planner: the first index that may not be cut; 0 without a planner
	allCut bool      // the planner reached the end
	blank  int64     // length of a rest without items, which is in no chunk
}

// planned is a chunk that waits to be handed out for the first time.
type planned struct {
	Cut
	since time.Time
}

// Cut is a chunk that was never handed out, with its items.
type Cut struct {
	messages.Chunk
	Text  []byte         // the items; their memory goes with the chunk when it is handed out
	Gaps  []messages.Gap // blank lines between them, as far as they are known
	Dead  string         // why no message can hold the chunk, which is dead from the start; else empty
	First string         // beginning of the item of such a chunk
}

// Grant raises the credit of a file's planner: chunks below index UpTo may be cut.
type Grant struct {
	File messages.FileID
	UpTo int
}

const (
	// maxPlannedBytes bounds the items of chunks that wait in memory, over the files of one
	// priority; one chunk for each file is always allowed.
	maxPlannedBytes = 1 << 20
	minPlanned      = 16   // least number of chunks that are cut ahead of the workers
	maxPlanned      = 1024 // largest number of them
)

// Plan takes a chunk from the file's planner. Chunks come in index order; others are
// ignored.
func (x Files) Plan(c Cut, now time.Time) {
	b := x.l.files[c.ID.File]
	if b == nil || b.stopped || b.allCut || c.ID.Index != b.Cursor.Index+len(b.cut) {
		return
	}
	b.size = len(c.Text)
	b.cut = append(b.cut, planned{c, now})
	x.l.passDead(b, now)
}

// PlanEnd records that every chunk of the file was planned. blank is the length of a
// rest that holds no item and is in no chunk.
func (x Files) PlanEnd(id messages.FileID, blank int64, now time.Time) {
	if b := x.l.files[id]; b != nil && !b.stopped && !b.HasEnded() {
		b.allCut, b.blank = true, blank
		x.l.endWhenComplete(b, now)
	}
}

// Replan forgets the chunks that were planned and never handed out. The planner begins
// again at the returned cursor and may cut the chunks below index upTo. ok is false when
// nothing is left to plan.
func (x Files) Replan(id messages.FileID) (at messages.Cursor, upTo int, ok bool) {
	b := x.l.files[id]
	if b == nil || b.stopped || b.HasEnded() || b.Cursor.Offset >= b.Info.Size {
		return messages.Cursor{}, 0, false
	}
	b.plan = plan{size: b.size, upTo: b.Cursor.Index + x.l.allowance().of(b)}
	return b.Cursor, b.upTo, true
}

// allowance is how the chunks that may be cut ahead are divided. Those of the highest
// priority get all of them, in proportion to their shares; every other file gets one, so
// that it can go on at once. What is paused takes nothing from the others.
type allowance struct {
	chunks   int // of all files together
	priority int // highest one of a file that is not cut to its end
	weight   int // sum of the shares of its files
}

func (l *Ledger) allowance() allowance {
	a := allowance{chunks: min(max(minPlanned, 2*l.offers.slots), maxPlanned), priority: -messages.MaxPriority}
	for _, b := range l.turns.list {
		if !b.allCut && !l.rests(b) && !b.stuck() {
			a.priority = max(a.priority, b.Priority)
		}
	}
	for _, b := range l.turns.list {
		if b.Priority == a.priority && !l.rests(b) && !b.stuck() {
			a.weight += b.Weight()
		}
	}
	return a
}

// of is how many chunks a file may have planned.
func (a allowance) of(b *book) int {
	if b.Priority < a.priority || b.Held() {
		return 1
	}
	total := max(a.weight, b.Weight())
	n := min(a.chunks*b.Weight()/total, maxPlannedBytes*b.Weight()/total/max(1, b.size))
	return max(1, n)
}

// rests reports whether a file is paused, by a person or by MAX_DEAD.
func (l *Ledger) rests(b *book) bool { return b.Held() || b.paused(l.rules.MaxDead) }

// stuck reports whether nothing more can be cut of a file now.
func (b *book) stuck() bool { return b.stopped || b.unread != "" }

// grants raises the credit of the planners as chunks leave.
func (l *Ledger) grants() (out []Grant) {
	all := l.allowance()
	for _, b := range l.turns.list {
		if b.allCut || b.upTo == 0 || l.rests(b) {
			continue
		}
		share := all.of(b)
		if upTo := b.Cursor.Index + share; upTo > b.upTo && (len(b.cut)*2 <= share || upTo-b.upTo >= share/2) {
			b.upTo = upTo
			out = append(out, Grant{b.ID, upTo})
		}
	}
	return out
}

// passDead moves the cursor over chunks that are dead from the start.
func (l *Ledger) passDead(b *book, now time.Time) {
	for len(b.cut) > 0 && b.cut[0].Dead != "" {
		c := l.pass(b)
		l.markDead(b, l.enter(b, c), c.Dead, now)
	}
	l.endWhenComplete(b, now)
}

// pass moves the file's cursor over its next planned chunk.
func (l *Ledger) pass(b *book) Cut {
	c := b.cut[0].Cut
	b.cut[0] = planned{}
	b.cut = b.cut[1:]
	b.Cursor = messages.Cursor{
		Offset: c.End(), Index: c.ID.Index + 1, Line: c.FirstLine + c.Lines, Chain: chain(b.Cursor.Chain, c.Hash),
	}
	b.Items += int64(c.Items)
	return c
}

// enter opens an entry for a chunk that the cursor passed.
func (l *Ledger) enter(b *book, c Cut) *entry {
	e := &entry{OpenChunk: messages.OpenChunk{Chunk: c.Chunk, FirstItem: cmp.Or(c.First, messages.FirstItem(c.Text))}}
	b.keep(e)
	b.open.add(&e.OpenChunk, 1)
	return e
}

// chain continues a file's running hash with the hash of its next chunk.
func chain(sum, hash uint64) uint64 {
	const prime = 0x9E3779B185EBCA87 // the first prime of XXH64
	sum ^= hash
	sum = (sum<<31 | sum>>33) * prime
	return sum
}
