package ledger

import (
	"slices"

	"kafka-master/messages"
)

// turns decides which file gives the next chunk: one of the highest priority, and among
// these the one that had the least items for its share. So files of one priority get items
// in proportion to their shares, whatever the size of their chunks, to within one chunk.
//
// Each file has a tag: the items that it had, divided by its share. One that had nothing to
// hand out for a while is not owed that: its tag is at least the clock of its priority,
// which is the tag of the file that had the last turn.
type turns struct {
	list   []*book // files in work, in the order of their turns
	clocks [2*messages.MaxPriority + 1]float64
}

// clock returns the clock of a file's priority.
func (t *turns) clock(b *book) *float64 { return &t.clocks[b.Priority+messages.MaxPriority] }

// join gives a file its turn behind those that wait for theirs already.
func (t *turns) join(b *book) {
	b.tag = *t.clock(b)
	t.insert(b)
}

// insert puts a file where its priority and its tag belong, behind equal ones.
func (t *turns) insert(b *book) {
	at, _ := slices.BinarySearchFunc(t.list, b, func(x, b *book) int {
		if x.Priority > b.Priority || x.Priority == b.Priority && x.tag <= b.tag {
			return -1
		}
		return 1
	})
	t.list = slices.Insert(t.list, at, b)
}

// leave takes a file out that has ended.
func (t *turns) leave(b *book) {
	t.list = slices.DeleteFunc(t.list, func(x *book) bool { return x == b })
}

// took records that the file at a place in the list gave a chunk of so many items.
func (t *turns) took(at int, items int64) {
	b, clock := t.list[at], t.clock(t.list[at])
	*clock = max(*clock, b.tag)
	b.tag = *clock + float64(items)/float64(b.Weight())
	t.list = slices.Delete(t.list, at, at+1)
	t.insert(b)
}

// change changes how a file is steered.
func (t *turns) change(b *book, how func()) {
	before := b.Priority
	how()
	if b.Priority != before {
		t.leave(b)
		t.join(b)
	}
}
