package proof

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// findMerged finds out whether the merged result of the file has taken the place of the
// chunks' results, as with MERGE=replace: the summary of the merge says so, or nothing else
// is here. Results that came later do not count then.
func (c *check) findMerged() (err error) {
	if c.noResults {
		return nil
	}
	if c.summary, err = c.readSummary(); err != nil {
		return err
	}
	name, replaced := filepath.Base(c.folder)+jsonl, false
	if s := c.summary; s != nil && s.Replaced && s.Result != nil && s.Deployment == c.books.Deployment {
		name, replaced = filepath.Base(s.Result.Name), true
	}
	if len(c.entries) == 0 || len(c.results) > 0 && !replaced {
		return nil
	}
	c.instead, err = os.Open(filepath.Join(filepath.Dir(c.folder), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the merged result: %w", err)
	}
	c.merged = true
	return nil
}

// readMerged reads the merged files: in place of the results, or beside them.
func (c *check) readMerged() error {
	if !c.merged {
		return c.compareMerged()
	}
	defer c.instead.Close()
	if c.sizes {
		c.noResults = true
		c.cannot("the results are merged into one")
		return nil
	}
	c.note("the merged result was read in place of the chunks' results")
	if err := c.readParts(&mergedResult{file: c.instead, buf: make([]byte, 64<<10)}); err != nil {
		return err
	}
	if c.summary != nil && c.summary.isOf(c) {
		c.compareSummary(c.summary)
	}
	return nil
}

// readParts reads the merged result, part by part.
func (c *check) readParts(in *mergedResult) error {
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.done == nil {
			continue
		}
		list, gone := p.parts()
		for _, e := range gone { // They are not there any more, and cannot be compared.
			c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = found{content: e.result, lines: e.lines}
		}
		if err := c.readChunk(in, p, list); err != nil {
			return fmt.Errorf("read the merged result: %w", err)
		}
	}
	info, err := in.file.Stat()
	if err != nil {
		return fmt.Errorf("read the merged result: %w", err)
	}
	if rest := info.Size() - in.at; rest > 0 {
		c.find(surplus, 0, 0, "the merged result has %d bytes more than the results that it was made of", rest)
	}
	return nil
}

// readChunk reads the results of a chunk and its retries.
func (c *check) readChunk(in *mergedResult, p *piece, list []*entry) error {
	woven, err := in.woven(c.sameWorkOfAll(list))
	if err != nil {
		return err
	}
	if woven != nil {
		for i, e := range woven {
			c.readPart(p, list[i], e, found{content: e.result, lines: e.lines})
		}
		return nil
	}
	for _, e := range list {
		stood, part, err := in.next(c.sameWork(e))
		if err != nil {
			return err
		}
		c.readPart(p, e, stood, part)
	}
	return nil
}

// readPart notes what was read for e, which is the result of the attempt that stood.
func (c *check) readPart(p *piece, e, stood *entry, part found) {
	c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = part
	c.chosen[e.key] = []*entry{stood}
	p.stands(e, stood)
}

// sameWorkOfAll returns the ways to choose an attempt for each of a chunk and its retries.
func (c *check) sameWorkOfAll(list []*entry) (ways [][]*entry) {
	ways = [][]*entry{nil}
	for _, e := range list {
		var more [][]*entry
		for _, w := range ways {
			for _, x := range c.sameWork(e) {
				if len(more) < maxTrials {
					more = append(more, append(slices.Clip(w), x))
				}
			}
		}
		ways = more
	}
	return ways
}

// stands puts the attempt whose result stands in the place of another one.
func (p *piece) stands(e, stood *entry) {
	if e == p.done {
		p.done = stood
	}
	if i := slices.Index(p.rounds, e); i >= 0 {
		p.rounds[i] = stood
	}
}

// sameWork returns the attempts at the work of e. Those with large results come first: an
// empty one is found everywhere.
func (c *check) sameWork(e *entry) []*entry {
	list := []*entry{e}
	for _, x := range c.attempts[e.key] {
		if x != e && x.offset == e.offset && x.length == e.length && x.input == e.input && x.items == e.items {
			list = append(list, x)
		}
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return cmp.Compare(b.result.size, a.result.size) })
	return list
}

// parts are the results of a chunk in the merged one: its own, and those of its retries
// behind it. A retry of the whole chunk takes the place of what was before.
func (p *piece) parts() (list, replaced []*entry) {
	list = []*entry{p.done}
	for _, e := range p.rounds {
		if e.whole {
			list, replaced = nil, append(replaced, list...)
		}
		list = append(list, e)
	}
	return list, replaced
}

// mergedResult is a merged result that is read part by part.
type mergedResult struct {
	file *os.File
	at   int64 // where the next part begins
	buf  []byte
}

// next reads the next part, which is what the result of one of the attempts was, and
// returns that attempt. If it is of none of them, it is read as if it were that of the one
// that ended first, since no other replaces a result that stands.
func (m *mergedResult) next(attempts []*entry) (*entry, found, error) {
	for _, x := range attempts {
		part, last, err := m.read(x.result.size)
		if err != nil {
			return nil, found{}, err
		}
		if part.content == x.result {
			_, err := m.skip(part, last)
			return x, part, err
		}
	}
	e := slices.MinFunc(attempts, func(a, b *entry) int { return a.ended.Compare(b.ended) })
	part, last, err := m.read(e.result.size)
	if err != nil {
		return nil, found{}, err
	}
	_, err = m.skip(part, last)
	return e, part, err
}

// read reads the next part as one of this size.
func (m *mergedResult) read(size int64) (f found, last byte, err error) {
	sum := xxhash.New()
	last = '\n'
	for f.size < size {
		n, err := m.file.ReadAt(m.buf[:min(size-f.size, int64(len(m.buf)))], m.at+f.size)
		if err != nil && !errors.Is(err, io.EOF) {
			return f, last, err
		}
		if n == 0 {
			break
		}
		b := m.buf[:n]
		_, _ = sum.Write(b)
		f.size += int64(n)
		f.lines += int64(bytes.Count(b, []byte{'\n'}))
		last = b[n-1]
	}
	if last != '\n' {
		f.lines++
	}
	f.hash = sum.Sum64()
	return f, last, nil
}

// skip moves behind a part with this last byte. The merge ends its last line if the result
// did not; ended reports whether the line ends.
func (m *mergedResult) skip(part found, last byte) (ended bool, err error) {
	m.at += part.size
	if last == '\n' {
		return true, nil
	}
	switch n, err := m.file.ReadAt(m.buf[:1], m.at); {
	case n == 1 && m.buf[0] == '\n':
		m.at++
		return true, nil
	case err != nil && !errors.Is(err, io.EOF):
		return false, err
	}
	return false, nil
}
