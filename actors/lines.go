package actors

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// reasonTooLarge is why an item that no chunk message can hold is dead at once.
const reasonTooLarge = "item too large"

// cut is a chunk as the cutter makes it: its range and its items.
type cut struct {
	messages.Chunk
	// lines holds the items with their line ends, blank lines left out; nil for
	// a chunk that is dead at once.
	lines []byte
	// dead says why the chunk is dead at once, else empty.
	dead string
}

// cutter cuts a stream of bytes into chunks. A chunk begins at the start of an
// item's line (the first one at the start of the range) and reaches to the
// start of the next chunk's, so that blank lines belong to the chunk before
// them and the ranges cover the file. Its memory is bounded by one chunk.
type cutter struct {
	file  messages.FileID
	batch int             // most items of a chunk
	emit  func(cut) error // takes each finished chunk
	pos   int64           // offset of the next byte to be fed
	line  int64           // number of the line that pos is in
	index int             // index of the current chunk
	cur   chunkDraft      // the chunk being filled
	part  []byte          // unfinished line, when it crosses a feed
	long  longLine        // unfinished line that outgrew part
	start int64           // offset of the unfinished line
}

type chunkDraft struct {
	offset    int64
	firstLine int64
	items     int
	lines     []byte
	bound     int // upper bound of the encoded size, exact once it is large
	exact     bool
	dead      string
	digest    xxhash.Digest
}

// longLine is a line that is too long for an item: only its hash is kept.
type longLine struct {
	active bool
	item   bool          // a byte that is not white space was seen
	alone  xxhash.Digest // of the line's bytes
	joined xxhash.Digest // of the current chunk's bytes and the line's
}

// newCutter starts at a cursor; emit is called for each chunk in order.
func newCutter(file messages.FileID, at messages.Cursor, batch int, emit func(cut) error) *cutter {
	c := &cutter{file: file, batch: batch, emit: emit, pos: at.Offset, line: max(1, at.Line), index: at.Index}
	c.begin(at.Offset, 0)
	return c
}

func (c *cutter) begin(offset int64, room int) {
	c.cur = chunkDraft{offset: offset, firstLine: c.line, bound: 2}
	c.cur.digest.Reset()
	if room > 0 {
		c.cur.lines = make([]byte, 0, room)
	}
}

// maxFastLine is the longest line that the fast path of feed takes; its upper
// bound of the encoded size must stay far below the limit of a chunk.
const maxFastLine = 4 << 10

// feed takes the next bytes.
func (c *cutter) feed(b []byte) error {
	var err error
	for len(b) > 0 && err == nil {
		if len(c.part) > 0 || c.long.active || c.pos == 0 {
			b, err = c.feedSlow(b)
			continue
		}
		var n int
		if n, err = c.feedFast(b); n == 0 && err == nil {
			b, err = c.feedSlow(b)
			continue
		}
		b = b[n:]
	}
	return err
}

// feedFast takes whole short lines from b and returns how many bytes it took.
// Bytes are hashed and copied in runs, not line by line.
func (c *cutter) feedFast(b []byte) (int, error) {
	at, hashed, run := 0, 0, 0 // run is where the bytes that are not copied yet begin
	base := c.pos
	for at < len(b) {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 || n > maxFastLine {
			break
		}
		line := b[at : at+n]
		if isBlank(line) {
			c.cur.lines = append(c.cur.lines, b[run:at]...)
			run = at + n + 1
		} else if !c.take(line, b[run:at]) {
			c.cur.lines = append(c.cur.lines, b[run:at]...)
			c.cur.digest.Write(b[hashed:at])
			hashed, run = at, at
			c.pos = base + int64(at)
			if err := c.close(); err != nil {
				return at, err
			}
			c.take(line, nil)
		}
		at += n + 1
		c.line++
	}
	c.cur.lines = append(c.cur.lines, b[run:at]...)
	c.cur.digest.Write(b[hashed:at])
	c.pos = base + int64(at)
	return at, nil
}

// take counts the item to the current chunk if it has room. pending are bytes
// of the chunk that are not in its lines yet.
func (c *cutter) take(item, pending []byte) bool {
	d := &c.cur
	if d.items >= c.batch || d.dead != "" {
		return false
	}
	bound := d.bound + 6*len(item) + 3
	if bound > messages.MaxChunkBytes {
		if !d.exact {
			d.bound, d.exact = encodedSize(d.lines, pending), true
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

// encodedSize is the size of the JSON array of the items in the parts, with one
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

// feedSlow takes the rest of an unfinished line, or the beginning of one, and
// returns the bytes behind it.
func (c *cutter) feedSlow(b []byte) ([]byte, error) {
	if len(c.part) == 0 && !c.long.active {
		c.start = c.pos
	}
	n := bytes.IndexByte(b, '\n')
	end := n >= 0
	if !end {
		n = len(b) - 1
	}
	piece, rest := b[:n+1], b[n+1:]
	c.pos += int64(len(piece))
	if err := c.grow(piece); err != nil {
		return nil, err
	}
	if !end {
		return rest, nil
	}
	return rest, c.endLine()
}

// grow adds a piece to the unfinished line.
func (c *cutter) grow(piece []byte) error {
	if !c.long.active {
		if c.part = append(c.part, piece...); len(c.part) <= messages.MaxChunkBytes+len(bom)+2 {
			return nil
		}
		piece = c.part
		c.long = longLine{active: true, joined: c.cur.digest}
		c.long.alone.Reset()
	}
	c.long.alone.Write(piece)
	c.long.joined.Write(piece)
	text := piece
	if len(c.part) > 0 { // the line's beginning
		text = trimBOM(piece, c.start)
		c.part = c.part[:0]
	}
	if c.long.item || isBlank(text) {
		return nil
	}
	c.long.item = true
	return c.reject()
}

// reject makes the unfinished line a dead chunk of its own, together with the
// blank lines that the current chunk may hold.
func (c *cutter) reject() error {
	if c.cur.items > 0 || c.cur.dead != "" {
		end := c.pos
		c.pos = c.start
		if err := c.close(); err != nil {
			return err
		}
		c.pos = end
		c.long.joined = c.long.alone
	}
	c.cur.items, c.cur.dead, c.cur.lines = 1, reasonTooLarge, nil
	return nil
}

// endLine ends the unfinished line.
func (c *cutter) endLine() error {
	if c.long.active {
		c.cur.digest = c.long.joined
		c.long = longLine{}
		c.line++
		return nil
	}
	raw := c.part
	defer func() { c.part = c.part[:0] }()
	item := trimBOM(raw, c.start)
	text := bytes.TrimSuffix(item, []byte{'\n'})
	if !isBlank(text) {
		if err := c.addItem(item, text); err != nil {
			return err
		}
	}
	c.cur.digest.Write(raw)
	c.line++
	return nil
}

func (c *cutter) addItem(item, text []byte) error {
	fits := encodedSize(text) <= messages.MaxChunkBytes
	if fits && c.take(text, nil) {
		c.cur.lines = append(c.cur.lines, item...)
		return nil
	}
	if !fits {
		err := c.reject()
		c.long = longLine{}
		return err
	}
	end := c.pos
	c.pos = c.start
	if err := c.close(); err != nil {
		return err
	}
	c.pos = end
	c.take(text, nil)
	c.cur.lines = append(c.cur.lines, item...)
	return nil
}

// close hands the current chunk on; it ends at pos, where the next one begins.
func (c *cutter) close() error {
	d := &c.cur
	out := cut{
		Chunk: messages.Chunk{
			ID:        messages.ChunkID{File: c.file, Index: c.index},
			Offset:    d.offset,
			Length:    c.pos - d.offset,
			FirstLine: d.firstLine,
			Lines:     c.line - d.firstLine,
			Items:     d.items,
			Hash:      d.digest.Sum64(),
		},
		lines: d.lines,
		dead:  d.dead,
	}
	c.index++
	c.begin(c.pos, len(d.lines)+len(d.lines)/8)
	return c.emit(out)
}

// finish ends the stream. blank is the length of a rest that holds no item and
// is not in any chunk: the whole range, or nothing.
func (c *cutter) finish() (blank int64, err error) {
	if len(c.part) > 0 || c.long.active {
		if err := c.endLine(); err != nil {
			return 0, err
		}
	}
	if c.cur.items == 0 {
		return c.pos - c.cur.offset, nil
	}
	return 0, c.close()
}

var bom = []byte{0xEF, 0xBB, 0xBF}

func trimBOM(line []byte, offset int64) []byte {
	if offset != 0 {
		return line
	}
	return bytes.TrimPrefix(line, bom)
}

// isBlank reports whether the line is only ASCII white space.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
