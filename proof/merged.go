package proof

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// readMerged reads the merged result of the file if it has taken the place of the chunks'
// results, as with MERGE=replace. Each part of it is what one result was.
func (c *check) readMerged() error {
	name, replaced := c.mergedName()
	if len(c.entries) == 0 || len(c.results) > 0 && !replaced {
		return nil
	}
	file, err := os.Open(filepath.Join(filepath.Dir(c.folder), name))
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
	return c.readParts(&mergedResult{file: file, buf: make([]byte, 64<<10)})
}

// mergedName returns the name of the merged result beside the folder. replaced reports that
// by the summary of the merge it has taken the place of the results: others may come late.
func (c *check) mergedName() (name string, replaced bool) {
	var s struct {
		Deployment string `json:"deployment"`
		Replaced   bool   `json:"replaced"`
		Result     struct {
			Name string `json:"name"`
		} `json:"result"`
	}
	text, err := os.ReadFile(c.folder + ".summary.json")
	if err != nil || json.Unmarshal(text, &s) != nil || !s.Replaced || s.Deployment != c.books.Deployment {
		return filepath.Base(c.folder) + jsonl, false
	}
	return filepath.Base(s.Result.Name), true
}

// readParts reads the merged result, part by part.
func (c *check) readParts(in *mergedResult) error {
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.done == nil {
			continue
		}
		for _, e := range c.parts(*p) {
			stood, part, err := in.next(c.sameWork(e))
			if err != nil {
				return fmt.Errorf("read the merged result: %w", err)
			}
			c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = part
			if c.chosen[e.key] = []*entry{stood}; e == p.done {
				p.done = stood
			}
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
func (c *check) parts(p piece) []*entry {
	list := []*entry{p.done}
	for _, k := range c.retries[p.key] {
		of := c.chosen[k]
		if of[0].whole {
			for _, e := range list { // They are not there any more, and cannot be compared.
				c.results[e.name(c.books.Base, c.books.Generation)+jsonl] = found{content: e.result, lines: e.lines}
			}
			list = nil
		}
		list = append(list, of[0])
	}
	return list
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
			return x, part, m.skip(part, last)
		}
	}
	e := slices.MinFunc(attempts, func(a, b *entry) int { return a.ended.Compare(b.ended) })
	part, last, err := m.read(e.result.size)
	if err != nil {
		return nil, found{}, err
	}
	return e, part, m.skip(part, last)
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
// did not.
func (m *mergedResult) skip(part found, last byte) error {
	m.at += part.size
	if last == '\n' {
		return nil
	}
	switch n, err := m.file.ReadAt(m.buf[:1], m.at); {
	case n == 1 && m.buf[0] == '\n':
		m.at++
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
