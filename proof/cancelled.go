package proof

import (
	"fmt"
	"strings"

	"kafka-master/messages"
)

// cancelled reports whether the piece is a chunk that was not done when its file was
// cancelled.
func (p piece) cancelled() bool { return p.record != nil && p.record.State == messages.ChunkCancelled }

// isUncut reports whether the piece is the part at the end of a cancelled file that was not
// cut any more.
func (c *check) isUncut(p *piece) bool {
	b := c.books
	return b.State == messages.FileCancelled && p.gap() && p.offset == b.Cursor.Offset && p.length == b.CancelledBytes
}

// noteCancelled notes which lines were not done because the file was cancelled.
func (c *check) noteCancelled() {
	if c.books.State != messages.FileCancelled {
		return
	}
	var parts []string
	for i := 0; i < len(c.pieces); i++ {
		from := c.pieces[i].offset
		switch {
		case c.isUncut(&c.pieces[i]):
			parts = append(parts, fmt.Sprintf("everything from line %d on", c.books.Cursor.Line))
			continue
		case !c.pieces[i].cancelled():
			continue
		}
		for i+1 < len(c.pieces) && c.pieces[i+1].cancelled() {
			i++
		}
		parts = append(parts, c.lines(from, c.pieces[i].end()))
	}
	switch n := len(parts); {
	case n == 0:
		c.note("the file was cancelled when all of it was at workers: nothing was left out")
	case n > maxNamed:
		c.note("not done, because the file was cancelled: %s, and %d more places", strings.Join(parts[:maxNamed], ", "), n-maxNamed)
	default:
		c.note("not done, because the file was cancelled: %s", strings.Join(parts, ", "))
	}
}
