package proof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cespare/xxhash/v2"
)

// readMerged reads the merged result of the file if it has taken the place of the chunks'
// results, as with MERGE=replace. Each part of it is what one result was.
func (c *check) readMerged() error {
	if len(c.results) > 0 || len(c.entries) == 0 {
		return nil
	}
	file, err := os.Open(c.folder + jsonl)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the merged result: %w", err)
	}
	defer file.Close()
	if c.sizes {
		c.noResults = true
		c.cannot("the results are merged into one")
		return nil
	}
	c.merged = true
	c.note("the merged result was read in place of the chunks' results")
	in := bufio.NewReaderSize(file, inputBuffer)
	for _, p := range c.pieces {
		if p.done == nil {
			continue
		}
		for _, e := range c.parts(p) {
			part, err := readPart(in, e.result.size)
			if err != nil {
				return fmt.Errorf("read the merged result: %w", err)
			}
			c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = part
		}
	}
	if rest, err := io.Copy(io.Discard, in); err != nil || rest > 0 {
		c.find(surplus, 0, 0, "the merged result has %d bytes more than the results that it was made of", rest)
	}
	return nil
}

// parts are the results of a chunk in the merged one: its own, and those of its retries
// behind it. A retry of the whole chunk takes the place of what was before.
func (c *check) parts(p piece) []*entry {
	list := []*entry{p.done}
	for round := 1; ; round++ {
		of := c.chosen[key{p.key.index, p.key.half, round}]
		if len(of) == 0 {
			return list
		}
		if of[0].whole {
			for _, e := range list { // They are not there any more, and cannot be compared.
				c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = found{content: e.result, lines: e.lines}
			}
			list = nil
		}
		list = append(list, of[0])
	}
}

// readPart reads what one result was. The merge ends its last line if the result did not.
func readPart(in *bufio.Reader, size int64) (f found, err error) {
	sum := xxhash.New()
	last := byte('\n')
	for f.size < size {
		b, err := in.Peek(int(min(size-f.size, inputBuffer)))
		if err != nil && !errors.Is(err, io.EOF) {
			return f, err
		}
		if len(b) == 0 {
			break
		}
		_, _ = sum.Write(b)
		f.size += int64(len(b))
		f.lines += int64(bytes.Count(b, []byte{'\n'}))
		last = b[len(b)-1]
		_, _ = in.Discard(len(b))
	}
	if last != '\n' {
		f.lines++
		if b, _ := in.Peek(1); len(b) == 1 && b[0] == '\n' {
			_, _ = in.Discard(1)
		}
	}
	f.hash = sum.Sum64()
	return f, nil
}
