package proof

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"kafka-master/messages"
)

// piece is a part of the file: the range of a chunk, or a gap between two ranges.
type piece struct {
	offset, length int64
	key            key
	done           *entry              // what a worker recorded; nil for chunks that are not done, and gaps
	rounds         []*entry            // retries of its failed items that count, in their order
	record         *messages.OpenChunk // what the books hold of a chunk that is not done
	firstLine      int64               // of the input, once that was read
	got            tally               // what the input holds there
	blank          bool                // it is the blank rest of the file, which is in no chunk
}

func (p piece) end() int64 { return p.offset + p.length }

func (p piece) gap() bool { return p.done == nil && p.record == nil }

// maxTogether bounds the chunks of which every combination is tried, and maxTrials those that
// are tried one by one.
const (
	maxTogether = 6
	maxTrials   = 64
)

// layOut puts the chunks in the order of the file. After a store lost its last commits,
// both a chunk and its halves may be recorded, and which of them counted is known to the
// digest alone: if the books have another one, layouts with other choices are tried.
func (c *check) layOut() {
	at := c.places()
	c.pieces, c.unused = c.tile(at, nil)
	if !c.books.DigestKnown() || c.books.RecordedChunks < c.books.DoneChunks || digestOfAll(c.pieces) == c.books.Digest {
		return
	}
	var others []*entry
	for _, u := range c.unused {
		if u.done != nil {
			others = append(others, u.done)
		}
	}
	for _, preferred := range choices(others) {
		if pieces, unused := c.tile(at, preferred); digestOfAll(pieces) == c.books.Digest {
			c.pieces, c.unused = pieces, unused
			return
		}
	}
}

// choices returns what may be preferred to the first layout: all combinations of the first
// few, and each of the others alone.
func choices(others []*entry) (out []map[*entry]bool) {
	together := min(len(others), maxTogether)
	for n := 1; n < 1<<together; n++ {
		set := map[*entry]bool{}
		for i := range together {
			if n>>i&1 == 1 {
				set[others[i]] = true
			}
		}
		out = append(out, set)
	}
	for _, e := range others[together:min(len(others), maxTrials)] {
		out = append(out, map[*entry]bool{e: true})
	}
	return out
}

// digestOfAll is the digest of the done chunks of a layout.
func digestOfAll(pieces []piece) (sum uint64) {
	for _, p := range pieces {
		if p.done != nil {
			sum += digest(p.done)
		}
	}
	return sum
}

// places returns all chunks that may have a place in the file, by their offset.
func (c *check) places() map[int64][]piece {
	at := map[int64][]piece{}
	for _, list := range c.chosen {
		for _, e := range list {
			if e.retry == 0 {
				at[e.offset] = append(at[e.offset], piece{offset: e.offset, length: e.length, key: e.key, done: e})
			}
		}
	}
	for i := range c.books.Chunks {
		r := &c.books.Chunks[i]
		if !isDone(*r) {
			k := key{index: r.ID.Index, half: r.ID.Half}
			at[r.Offset] = append(at[r.Offset], piece{offset: r.Offset, length: r.Length, key: k, record: r})
		}
	}
	return at
}

// tile covers the file with chunks, and returns those that found no place. At each place
// a preferred attempt comes first; then the books, since a chunk that they hold as not
// done is not done, whatever a worker recorded; then the halves of a chunk, since a chunk
// that was halved ended with that; then the attempt that ended last.
func (c *check) tile(at map[int64][]piece, preferred map[*entry]bool) (pieces, unused []piece) {
	pos := int64(0)
	for _, s := range slices.Sorted(maps.Keys(at)) {
		if s < pos {
			unused = append(unused, at[s]...)
			continue
		}
		if s > pos {
			pieces = append(pieces, piece{offset: pos, length: s - pos})
		}
		here := slices.Clone(at[s])
		slices.SortStableFunc(here, func(a, b piece) int { return compareAtOnePlace(a, b, at, preferred) })
		pieces = append(pieces, here[0])
		unused = append(unused, here[1:]...)
		pos = here[0].end()
	}
	if size := c.books.Info.Size; pos < size {
		pieces = append(pieces, piece{offset: pos, length: size - pos})
	}
	return pieces, unused
}

// compareAtOnePlace orders the chunks that begin at one place.
func compareAtOnePlace(a, b piece, at map[int64][]piece, preferred map[*entry]bool) int {
	rank := func(p piece) int {
		switch {
		case p.done != nil && preferred[p.done]:
			return -1
		case p.record != nil:
			return 0
		case p.key.half != 0 && len(at[p.end()]) > 0:
			return 1
		}
		return 2
	}
	if n := cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.key.half, a.key.half)); n != 0 || a.done == nil || b.done == nil {
		return n
	}
	return b.done.ended.Compare(a.done.ended)
}

// part is a place in the order of the chunks: a chunk, and how much of it lies before.
type part struct {
	index  int
	before uint64 // of wholePart
}

const (
	maxDepth  = 40
	wholePart = 1 << maxDepth
)

// parts returns where a chunk begins and ends in the order of the chunks. Halves are
// numbered like a heap: the halves of n are 2n and 2n+1, and the whole chunk is 1.
func (k key) parts() (from, to part) {
	n := uint64(max(1, k.half))
	depth := bits.Len64(n) - 1
	if depth > maxDepth {
		return part{k.index, 0}, part{k.index, 0}
	}
	width := uint64(wholePart) >> depth
	begin := (n - 1<<depth) * width
	if begin+width == wholePart {
		return part{k.index, begin}, part{k.index + 1, 0}
	}
	return part{k.index, begin}, part{k.index, begin + width}
}

func (p part) compare(q part) int {
	return cmp.Or(cmp.Compare(p.index, q.index), cmp.Compare(p.before, q.before))
}

// checkOrder checks that the chunks follow each other by their numbers as they do in the
// file.
func (c *check) checkOrder() {
	var at part
	afterGap := false
	for _, p := range c.pieces {
		if p.gap() {
			afterGap = afterGap || !p.blank
			continue
		}
		from, to := p.key.parts()
		if n := from.compare(at); n < 0 || n > 0 && !afterGap {
			c.find(outOfOrder, p.offset, p.end(), "chunk %s is out of order", p.key)
		}
		at, afterGap = to, false
	}
	if want := (part{c.books.Cursor.Index, 0}); at != want && !afterGap && c.books.HasEnded() {
		c.find(outOfOrder, 0, 0, "the last chunk is %d, by the books %d were cut", at.index-1, c.books.Cursor.Index)
	}
}
