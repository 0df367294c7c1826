// Package cutter cuts the bytes of a file into chunks. It is pure: it reads no file
// and no clock, and the same bytes give the same chunks however they are fed.
//
// Invariants:
//   - The ranges of the chunks follow one another without a gap and cover what was fed,
//     unless it holds no item at all: then there is no chunk.
//   - A chunk begins at the start of an item's line; only the first one begins where
//     the stream begins. Blank lines belong to the chunk before them.
//   - A chunk has at most the given number of items, and its message fits into
//     messages.MaxChunkBytes. An item that does not fit alone is a chunk of its own,
//     which is dead from the start.
//   - A cutter that begins at the start of any chunk makes the same chunks as one that
//     came from the beginning of the file.
//   - Memory is bounded by one chunk, however long a line is.
package cutter

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// TooLarge is the reason of a chunk whose only item fits into no message.
const TooLarge = "item too large"

// Cut is a chunk together with its items.
type Cut struct {
	messages.Chunk
	// Text holds the items with their line ends, without the blank lines; nil when
	// the chunk is dead from the start. Its memory belongs to whoever has the chunk.
	Text []byte
	// Gaps are the blank lines between the items; nil if there are none, or too many runs
	// of them for a message.
	Gaps []messages.Gap
	// Dead is the reason why the chunk is dead from the start, else empty.
	Dead string
	// First is the beginning of the item of such a chunk, else empty.
	First string
}

// Cutter cuts one stream of bytes.
type Cutter struct {
	file  messages.FileID
	batch int             // maximum number of items of a chunk
	emit  func(Cut) error // receives each finished chunk
	room  func(int) []byte
	pos   int64    // offset of the next byte to be fed
	line  int64    // number of the line that contains pos
	index int      // index of the current chunk
	cur   draft    // the chunk being filled
	part  []byte   // beginning of a line that continues in the next feed
	long  longLine // unfinished line that outgrew part
	start int64    // offset of the unfinished line
}

// draft is a chunk that is being filled.
type draft struct {
	offset    int64
	firstLine int64
	items     int
	text      []byte // nil without any
	likely    int    // about how long the text gets, 0 when that is not known
	gaps      messages.Gaps
	bound     int // upper bound of the encoded size; the size itself once exact is set
	exact     bool
	dead      string
	first     string // beginning of the item of a dead chunk
	digest    xxhash.Digest
}

// New returns a cutter that begins at a cursor. It calls emit for each chunk, in order;
// an error of emit ends the cutting and is returned by Feed or Finish.
func New(file messages.FileID, at messages.Cursor, batch int, emit func(Cut) error) *Cutter {
	c := &Cutter{file: file, batch: batch, emit: emit, pos: at.Offset, line: max(1, at.Line), index: at.Index}
	c.room = func(n int) []byte { return make([]byte, 0, n) }
	c.begin(at.Offset, 0)
	return c
}

// TakeRoom makes the cutter take the memory for texts from room, which returns an empty
// slice with room for n bytes at least. Each text belongs to whoever gets its chunk.
func (c *Cutter) TakeRoom(room func(n int) []byte) { c.room = room }

func (c *Cutter) begin(offset int64, likely int) {
	c.cur = draft{offset: offset, firstLine: c.line, bound: 2, likely: likely}
	c.cur.digest.Reset()
}

// keep appends items to the text of the current chunk.
func (c *Cutter) keep(items []byte) {
	if c.cur.text == nil && len(items) > 0 {
		c.cur.text = c.room(max(c.cur.likely, len(items)))
	}
	c.cur.text = append(c.cur.text, items...)
}

// maxFastLine is the longest line that feedFast takes; the upper bound of its encoded
// size must stay far below the limit of a chunk.
const maxFastLine = 4 << 10

// Feed takes the next bytes.
func (c *Cutter) Feed(b []byte) error {
	for len(b) > 0 {
		var n int
		var err error
		if len(c.part) == 0 && !c.long.active && c.pos > 0 {
			n, err = c.feedFast(b)
		}
		if n == 0 && err == nil {
			n, err = c.feedSlow(b)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// feedFast takes whole short lines from b and returns how many bytes they have. For
// speed, bytes are hashed and copied in runs and not line by line.
func (c *Cutter) feedFast(b []byte) (int, error) {
	at, hashed, run := 0, 0, 0 // b[hashed:at] is not hashed yet, b[run:at] is not copied yet
	base := c.pos
	for at < len(b) {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 || n > maxFastLine {
			break
		}
		line := b[at : at+n]
		if isBlank(line) {
			c.keep(b[run:at])
			c.cur.gaps.Add(c.cur.items)
			run = at + n + 1
		} else if !c.count(line, b[run:at]) {
			c.keep(b[run:at])
			c.cur.digest.Write(b[hashed:at])
			hashed, run = at, at
			if err := c.close(base + int64(at)); err != nil {
				return at, err
			}
			c.count(line, nil)
		}
		at += n + 1
		c.line++
	}
	c.keep(b[run:at])
	c.cur.digest.Write(b[hashed:at])
	c.pos = base + int64(at)
	return at, nil
}

// count counts the item to the current chunk and reports whether there was room for it.
// pending are bytes of the chunk that are not in its text yet.
func (c *Cutter) count(item, pending []byte) bool {
	d := &c.cur
	if d.items >= c.batch || d.dead != "" {
		return false
	}
	bound := d.bound + 6*len(item) + 3
	if bound > messages.MaxChunkBytes {
		if !d.exact {
			d.bound, d.exact = encodedSize(d.text, pending), true
		}
		bound = d.bound + messages.EncodedLen(bytes.TrimSuffix(item, []byte{'\r'})) + 1
		if bound > messages.MaxChunkBytes {
			return false
		}
	} else if d.exact {
		bound = d.bound + messages.EncodedLen(bytes.TrimSuffix(item, []byte{'\r'})) + 1
	}
	d.bound = bound
	d.items++
	return true
}

// encodedSize returns the size of the JSON array of the items in the parts, with one
// comma too many.
func encodedSize(parts ...[]byte) int {
	n := 2
	for _, b := range parts {
		for line := range bytes.Lines(b) {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
			n += messages.EncodedLen(line) + 1
		}
	}
	return n
}

// close ends the current chunk at an offset, where the next one begins, and emits it.
func (c *Cutter) close(end int64) error {
	d := &c.cur
	out := Cut{
		Chunk: messages.Chunk{
			ID:        messages.ChunkID{File: c.file, Index: c.index},
			Offset:    d.offset,
			Length:    end - d.offset,
			FirstLine: d.firstLine,
			Lines:     c.line - d.firstLine,
			Items:     d.items,
			Hash:      d.digest.Sum64(),
		},
		Text: d.text,
		Gaps: d.gaps.List(),
		Dead: d.dead, First: d.first,
	}
	c.index++
	c.begin(end, len(d.text)+len(d.text)/8)
	return c.emit(out)
}

// Finish ends the stream. When it held no item, and so made no chunk, blank is its
// length.
func (c *Cutter) Finish() (blank int64, err error) {
	if len(c.part) > 0 || c.long.active {
		if err := c.endLine(); err != nil {
			return 0, err
		}
	}
	if c.cur.items == 0 {
		return c.pos - c.cur.offset, nil
	}
	return 0, c.close(c.pos)
}
