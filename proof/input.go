package proof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cespare/xxhash/v2"
)

// tally is what a part of the input holds.
type tally struct {
	hash         uint64
	lines, items int64
	length       int64
	torn         bool // it ends within a line
}

// inputBuffer is how much of the input is read at once.
const inputBuffer = 1 << 20

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// readInput reads the input once and counts what each piece of it holds.
func (c *check) readInput(r io.Reader) error {
	ends := &edges{size: c.books.Info.Size}
	in := bufio.NewReaderSize(io.TeeReader(r, ends), inputBuffer)
	line := int64(1)
	c.rest = piece{offset: c.books.Info.Size, length: math.MaxInt64 - c.books.Info.Size}
	for i := range len(c.pieces) + 1 {
		p := &c.rest
		if i < len(c.pieces) {
			p = &c.pieces[i]
		}
		var err error
		if p.got, err = count(in, p.length, p.offset == 0); err != nil {
			return fmt.Errorf("read the input: %w", err)
		}
		p.firstLine = line
		line += p.got.lines
		c.read += p.got.length
	}
	c.inputLines, c.inputRead, c.fingerprint = line-1, true, ends.sum()
	return nil
}

// edge is how much of the beginning and of the end of a file its fingerprint covers.
const edge = 64 << 10

// edges collects the beginning and the end of a file of that size.
type edges struct {
	size, at   int64
	head, tail []byte
}

// Write implements io.Writer.
func (e *edges) Write(b []byte) (int, error) {
	if room := edge - len(e.head); room > 0 {
		e.head = append(e.head, b[:min(room, len(b))]...)
	}
	from := max(0, max(edge, e.size-edge)-e.at)
	if from < int64(len(b)) {
		e.tail = append(e.tail, b[from:]...)
		e.tail = e.tail[:min(len(e.tail), edge)] // of a file that has grown
	}
	e.at += int64(len(b))
	return len(b), nil
}

// sum is the fingerprint.
func (e *edges) sum() uint64 {
	h := xxhash.New()
	_, _ = h.Write(e.head)
	_, _ = h.Write(e.tail)
	return h.Sum64()
}

// count reads length bytes, or what is left of them. A line that is not only white space
// is an item. first is set at the beginning of the file, where a byte order mark is no
// part of the line.
func count(in *bufio.Reader, length int64, first bool) (t tally, err error) {
	sum := xxhash.New()
	item := false // the line so far holds more than white space
	for t.length < length {
		b, err := in.Peek(int(min(length-t.length, inputBuffer)))
		if err != nil && !errors.Is(err, io.EOF) {
			return t, err
		}
		if len(b) == 0 {
			break
		}
		_, _ = sum.Write(b)
		text := b
		if first && t.length == 0 {
			text = bytes.TrimPrefix(b, byteOrderMark)
		}
		item = t.add(text, item)
		t.length += int64(len(b))
		_, _ = in.Discard(len(b))
	}
	if t.torn {
		t.lines++
		if item {
			t.items++
		}
	}
	t.hash = sum.Sum64()
	return t, nil
}

// add counts the lines of a text that may begin and end within a line. item reports
// whether the line at the beginning, and then the one at the end, is an item.
func (t *tally) add(text []byte, item bool) bool {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			t.torn = true
			return item || !blank(text)
		}
		if item || !blank(text[:end]) {
			t.items++
		}
		t.lines++
		text, item, t.torn = text[end+1:], false, false
	}
	return item
}

// blank reports whether a text is only white space of ASCII.
func blank(text []byte) bool {
	for _, x := range text {
		switch x {
		case ' ', '\t', '\n', '\v', '\f', '\r':
		default:
			return false
		}
	}
	return true
}
