package cutter

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// longLine is a line that is too long for an item: only its hash is kept.
type longLine struct {
	active bool
	item   bool          // it contains a byte that is not white space
	alone  xxhash.Digest // of the line's bytes
	joined xxhash.Digest // of the current chunk's bytes and the line's
}

// feedSlow takes the rest of an unfinished line, or the beginning of one, and returns
// how many bytes it took.
func (c *Cutter) feedSlow(b []byte) (int, error) {
	if len(c.part) == 0 && !c.long.active {
		c.start = c.pos
	}
	n := bytes.IndexByte(b, '\n') + 1
	end := n > 0
	if !end {
		n = len(b)
	}
	c.pos += int64(n)
	if err := c.grow(b[:n]); err != nil {
		return 0, err
	}
	if !end {
		return n, nil
	}
	return n, c.endLine()
}

// grow adds a piece to the unfinished line.
func (c *Cutter) grow(piece []byte) error {
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
	if len(c.part) > 0 { // this is the beginning of the line
		text = trimBOM(piece, c.start)
		c.part = c.part[:0]
	}
	if c.long.item || isBlank(text) {
		return nil
	}
	c.long.item = true
	return c.reject(text)
}

// reject makes the unfinished line, of which this is the beginning, a dead chunk of its own,
// together with the blank lines that the current chunk may hold.
func (c *Cutter) reject(text []byte) error {
	if c.cur.items > 0 || c.cur.dead != "" {
		if err := c.close(c.start); err != nil {
			return err
		}
		c.long.joined = c.long.alone
	}
	c.cur.items, c.cur.dead, c.cur.text, c.cur.first = 1, TooLarge, nil, messages.FirstItem(text)
	return nil
}

// endLine ends the unfinished line.
func (c *Cutter) endLine() error {
	if c.long.active {
		c.cur.digest = c.long.joined
		if !c.long.item {
			c.cur.gaps.Add(c.cur.items)
		}
		c.long = longLine{}
		c.line++
		return nil
	}
	item := trimBOM(c.part, c.start)
	text := bytes.TrimSuffix(item, []byte{'\n'})
	if isBlank(text) {
		c.cur.gaps.Add(c.cur.items)
	} else if err := c.addItem(item, text); err != nil {
		return err
	}
	c.cur.digest.Write(c.part)
	c.part = c.part[:0]
	c.line++
	return nil
}

// addItem adds the item of the unfinished line to the current chunk, or to the next
// one when the current one is full. text is the item without its LF.
func (c *Cutter) addItem(item, text []byte) error {
	if encodedSize(text) > messages.MaxChunkBytes {
		err := c.reject(text)
		c.long = longLine{}
		return err
	}
	if !c.count(text, nil) {
		if err := c.close(c.start); err != nil {
			return err
		}
		c.count(text, nil)
	}
	c.keep(item)
	return nil
}

// bom is the byte order mark of UTF-8.
var bom = []byte{0xEF, 0xBB, 0xBF}

// trimBOM removes the byte order mark that a file may begin with.
func trimBOM(line []byte, offset int64) []byte {
	if offset != 0 {
		return line
	}
	return bytes.TrimPrefix(line, bom)
}

// isBlank reports whether the line consists of ASCII white space.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
