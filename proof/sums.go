package proof

import (
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// digest is what a done chunk adds to the digest of its file, as docs/protocol.md
// defines it.
func digest(e *entry) uint64 {
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, uint64(e.index))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.half))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.offset))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.length))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.items))
	b = binary.LittleEndian.AppendUint64(b, e.input)
	return xxhash.Sum64(b)
}

// checkSums compares the books with the sums of the manifests.
func (c *check) checkSums() {
	c.compareSums()
	if c.found(booksDiffer) {
		c.findings = append(c.findings, c.doubts...)
	}
}

func (c *check) compareSums() {
	b := c.books
	if !b.AddsUp() && b.HasEnded() {
		c.find(booksDiffer, 0, 0, "the books do not add up: %d items cut, %d done, %d failed, %d dead, %d cancelled", b.Items, b.DoneItems, b.FailedItems, b.DeadItems, b.CancelledItems)
	}
	if !b.DigestKnown() {
		c.cannot("an earlier version of the program began the file, so the books have no digest of it")
		return
	}
	if c.noResults || !b.HasEnded() { // what came after the books were read is in the manifests
		return
	}
	if own := b.DoneChunks - b.RecordedChunks; own > 0 {
		c.cannot("%d of %d done chunks were done by workers that keep their own results, which cannot be checked", own, b.DoneChunks)
	}
	if b.UnrecordedRetries > 0 {
		c.cannot("%d retries of failed items were done by workers that keep their own results, which cannot be checked", b.UnrecordedRetries)
	}
	if !c.doneAgain() {
		c.same("chunks with a result of ours", int64(c.recorded), b.RecordedChunks)
		if !c.retriedAgain() {
			c.same("lines of results", c.output, b.OutputLines)
		}
	}
	c.same("dead items", c.dead, b.DeadItems)
	c.same("cancelled items", c.cancelled, b.CancelledItems)
	if b.RecordedChunks < b.DoneChunks {
		return
	}
	if b.UnrecordedRetries == 0 {
		c.same("items done", c.items-c.failed, b.DoneItems)
		c.same("items failed", c.failed, b.FailedItems)
	}
	if c.digest != b.Digest {
		c.find(booksDiffer, 0, 0, "the digest of the manifests is %016x, by the books it is %016x: they do not speak of the same chunks", c.digest, b.Digest)
	}
}

// retriedAgain reports whether the manifests may have more lines of retries than the books
// because workers of another kind did them again, as with doneAgain.
func (c *check) retriedAgain() bool {
	surplus := c.output - c.books.OutputLines
	return c.books.UnrecordedRetries > 0 && surplus > 0 && surplus <= c.retriedOutput
}

// doneAgain reports whether the manifests may have more results than the books because
// workers that had recorded them died before they reported that, and workers of another
// kind did these chunks again.
func (c *check) doneAgain() bool {
	more := int64(c.recorded) - c.books.RecordedChunks
	if more <= 0 || int64(c.recorded) > c.books.DoneChunks {
		return false
	}
	var lines []int64
	for _, p := range c.pieces {
		if p.done != nil {
			lines = append(lines, p.done.lines)
		}
	}
	slices.Sort(lines)
	least, most := int64(0), int64(0)
	for i := range more {
		least += lines[i]
		most += lines[int64(len(lines))-1-i]
	}
	surplus := c.output - c.books.OutputLines
	return least <= surplus && surplus <= most
}

func (c *check) same(what string, got, want int64) {
	if got != want {
		c.find(booksDiffer, 0, 0, "%s: %d by the manifests, %d by the books", what, got, want)
	}
}
