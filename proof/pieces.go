package proof

import (
	"fmt"
	"slices"
	"strings"

	"kafka-master/messages"
)

// checkPieces checks each piece of the file against the input, and each done chunk
// against its result.
func (c *check) checkPieces() {
	for i := range c.pieces {
		p := &c.pieces[i]
		switch {
		case p.gap():
			c.checkGap(p, i == len(c.pieces)-1)
		case p.done != nil:
			c.checkRange(p, p.done.input, p.done.items)
			c.checkResult(p)
		case p.cancelled():
			c.checkRange(p, p.record.Hash, int64(p.record.Items))
			c.cancelled += int64(p.record.Items)
		default:
			c.checkRange(p, p.record.Hash, int64(p.record.Items))
			c.dead += int64(p.record.Items)
		}
	}
	c.noteCancelled()
}

// checkInput checks the input as a whole. Blank lines at the end are in no chunk, but in
// the fingerprint.
func (c *check) checkInput() {
	switch {
	case !c.inputRead:
	case c.rest.got.length > 0:
		c.find(inputDiffers, c.rest.offset, c.rest.offset+c.rest.got.length, "the input has %d bytes more than the file that was cut", c.rest.got.length)
	case c.fingerprint != c.books.Fingerprint && !c.found(inputDiffers):
		last := c.pieces[len(c.pieces)-1]
		c.find(inputDiffers, last.offset, last.end(), "the input is not what was cut: its fingerprint is %016x, by the books it is %016x", c.fingerprint, c.books.Fingerprint)
	}
}

// found reports whether there is a finding of the kind.
func (c *check) found(kind string) bool {
	return slices.ContainsFunc(c.findings, func(f finding) bool { return f.kind == kind })
}

// checkGap checks a part of the file that belongs to no chunk. Only blank lines at the
// end belong to none.
func (c *check) checkGap(p *piece, last bool) {
	switch {
	case last && c.inputRead && p.got.length == p.length && p.got.items == 0:
		p.blank = true
	case last && c.isUncut(p): // see noteCancelled
	case last && !c.inputRead && c.allChunks(): // it must be blank
	case last && c.books.State == messages.FileFailed && p.offset == c.books.Cursor.Offset:
		c.cannot("%s were never cut: %s", c.lines(p.offset, p.end()), c.books.Reason)
	case c.inputRead && p.got.length == 0:
		c.find(inputDiffers, p.offset, p.end(), "the input ends before them")
	case c.mayLackRecords():
		c.lacking++
	case !c.books.HasEnded():
	case c.inputRead && p.got.items == 0:
		c.find(missing, p.offset, p.end(), "they are in no chunk, although they are blank")
	default:
		c.find(missing, p.offset, p.end(), "no manifest line and no record of the books tells what became of them")
	}
}

// allChunks reports whether the last chunk that was cut has its place in the file.
func (c *check) allChunks() bool {
	for _, p := range slices.Backward(c.pieces) {
		if !p.gap() {
			_, to := p.key.parts()
			return to == part{c.books.Cursor.Index, 0}
		}
	}
	return c.books.Cursor.Index == 0
}

// mayLackRecords reports whether done chunks may have no manifest line: workers of other
// kinds keep their own results, and an earlier version of the program wrote none.
func (c *check) mayLackRecords() bool {
	return c.noResults || !c.books.DigestKnown() || c.books.RecordedChunks < c.books.DoneChunks
}

// checkRange compares the bytes of a range with what was recorded about them.
func (c *check) checkRange(p *piece, hash uint64, items int64) {
	switch {
	case !c.inputRead:
	case p.got.length < p.length:
		c.find(inputDiffers, p.offset, p.end(), "the input ends within chunk %s", p.key)
	case p.got.hash != hash:
		c.find(inputDiffers, p.offset, p.end(), "the input is not what was cut: chunk %s has the hash %016x, recorded is %016x", p.key, p.got.hash, hash)
	case p.got.items != items:
		c.find(inputDiffers, p.offset, p.end(), "chunk %s has %d items, recorded are %d", p.key, p.got.items, items)
	case p.got.torn && p.end() < c.read:
		c.find(inputDiffers, p.offset, p.end(), "chunk %s ends within a line", p.key)
	case p.done != nil && p.done.firstLine != p.firstLine:
		c.find(inputDiffers, p.offset, p.end(), "chunk %s begins at line %d, recorded is %d", p.key, p.firstLine, p.done.firstLine)
	}
}

// checkResult checks the result of a done chunk.
func (c *check) checkResult(p *piece) {
	e := p.done
	if why := c.stands(e); why != "" {
		c.find(resultDiffers, p.offset, p.end(), "%s", why)
	}
	c.vouch(e)
	c.recorded++
	c.items += e.items
	c.failed += c.retried(p)
	c.output += e.lines
	c.digest += digest(e)
	if list, ok := c.results[e.name(c.books.Base, c.books.Generation)+failedSuffix]; ok && list.first > 0 && c.inputRead {
		if list.first < p.firstLine || list.last >= p.firstLine+p.got.lines {
			c.find(resultDiffers, p.offset, p.end(), "the list of failed items of chunk %s names lines of other chunks", p.key)
		}
	}
}

// retried adds the retries of the failed items of a chunk, and returns how many items
// failed in the last of them that counts.
func (c *check) retried(p *piece) (failed int64) {
	failed = p.done.failed
	for _, e := range p.rounds {
		if e.offset != p.offset || e.length != p.length || e.input != p.done.input {
			c.find(outOfOrder, p.offset, p.end(), "chunk %s is of other bytes than chunk %s", e.key, p.key)
		}
		if why := c.stands(e); why != "" {
			c.find(resultDiffers, p.offset, p.end(), "%s", why)
		}
		c.vouch(e)
		c.output += e.lines
		c.retriedOutput += e.lines
		failed = e.failed
	}
	return failed
}

// vouch notes that the files of an entry belong to a chunk.
func (c *check) vouch(e *entry) {
	name := e.name(c.books.Base, c.books.Generation)
	c.vouched[name+jsonl], c.vouched[name+failedSuffix] = true, true
}

// maxNamed is how many names a finding lists.
const maxNamed = 20

// checkRest looks at the results that belong to no done chunk.
func (c *check) checkRest() {
	for _, list := range c.chosen { // Entries of this deployment vouch for what an attempt left.
		for _, e := range list {
			if !c.vouched[e.name(c.books.Base, c.books.Generation)+jsonl] {
				c.vouch(e)
				c.leftover++
			}
		}
	}
	var names []string
	for _, name := range sortedKeys(c.results) {
		if !c.vouched[name] && c.foreign == 0 && !c.mayLackRecords() {
			names = append(names, name)
		}
	}
	if len(names) > 0 && c.books.HasEnded() { // else they may have come after the books were read
		c.find(surplus, 0, 0, "%d files lie among the results, and no manifest line vouches for them: %s", len(names), strings.Join(names[:min(len(names), maxNamed)], ", "))
	}
}

// lines names a range of the input by its lines.
func (c *check) lines(from, to int64) string {
	first, last := c.lineRange(from, to)
	switch {
	case first == 0:
		return fmt.Sprintf("bytes %d to %d", from, to-1)
	case last <= first:
		return fmt.Sprintf("line %d", first)
	}
	return fmt.Sprintf("lines %d to %d", first, last)
}

// lineRange returns the lines of the pieces that a range of bytes lies in; 0 when they
// are not known.
func (c *check) lineRange(from, to int64) (first, last int64) {
	if to <= from {
		return 0, 0
	}
	if from >= c.rest.offset && c.inputRead {
		return c.rest.firstLine, c.rest.firstLine + c.rest.got.lines - 1
	}
	for i, p := range c.pieces {
		if p.end() <= from || p.offset >= to {
			continue
		}
		a, b := c.linesOf(i)
		if first == 0 {
			first = a
		}
		last = b
	}
	return first, last
}

// linesOf returns the lines of a piece. What was recorded comes before what the input
// holds now, which may be shifted by a change.
func (c *check) linesOf(i int) (first, last int64) {
	p := c.pieces[i]
	first = p.recordedLine()
	switch {
	case first > 0:
	case p.offset == c.lastEnd() && c.books.Cursor.Line > 0:
		first = c.books.Cursor.Line
	default:
		first = p.firstLine
	}
	switch {
	case i+1 < len(c.pieces) && c.pieces[i+1].recordedLine() > 0:
		return first, c.pieces[i+1].recordedLine() - 1
	case p.end() == c.lastEnd() && c.books.Cursor.Line > first:
		return first, c.books.Cursor.Line - 1
	case c.inputRead:
		return first, first + max(1, p.got.lines) - 1
	}
	return first, first
}

// recordedLine is the first line of a chunk as it was recorded; 0 for gaps.
func (p piece) recordedLine() int64 {
	switch {
	case p.done != nil:
		return p.done.firstLine
	case p.record != nil:
		return p.record.FirstLine
	}
	return 0
}

// lastEnd is where the last chunk ends, of which the books know the line behind it.
func (c *check) lastEnd() int64 {
	for _, p := range slices.Backward(c.pieces) {
		if !p.gap() {
			return p.end()
		}
	}
	return 0
}

// isDone reports whether the chunk of a record counts as done. One with failed items has
// a record although it is done, and so has the retry of these items.
func isDone(c messages.OpenChunk) bool {
	switch c.State {
	case messages.ChunkReady, messages.ChunkAssigned, messages.ChunkRunning, messages.ChunkDead, messages.ChunkCancelled:
		return c.ID.Retry > 0
	}
	return true
}
