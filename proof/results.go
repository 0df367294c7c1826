package proof

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// readers is how many results are read at once. On a file server most of the time is
// spent waiting for it.
const readers = 8

// found is a result, or a list of failed items, as it lies in the folder.
type found struct {
	content
	lines       int64
	first, last int64 // lines of the input that a list of failed items names; 0 without one
	bad         string
	err         error
}

// readResults reads all results and all lists of failed items of the folder.
func (c *check) readResults(ctx context.Context) error {
	files, err := os.ReadDir(c.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the results: %w", err)
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), jsonl) && f.Type().IsRegular() {
			names = append(names, f.Name())
		}
	}
	all := make([]found, len(names))
	next := make(chan int)
	var work sync.WaitGroup
	for range readers {
		work.Go(func() {
			for i := range next {
				if all[i].err = ctx.Err(); all[i].err != nil {
					continue
				}
				all[i] = c.look(filepath.Join(c.folder, names[i]), strings.HasSuffix(names[i], failedSuffix))
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	work.Wait()
	for i, f := range all {
		if f.err != nil {
			return fmt.Errorf("read the results: %w", f.err)
		}
		c.results[names[i]] = f
	}
	return nil
}

// look reads a file, or looks at its size alone.
func (c *check) look(path string, list bool) found {
	if !c.sizes {
		return readResult(path, list)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return found{err: err}
	}
	return found{content: content{size: info.Size()}}
}

// readResult reads one file to its end.
func readResult(path string, list bool) found {
	file, err := os.Open(path)
	if err != nil {
		return found{err: err}
	}
	defer file.Close()
	var f found
	sum := xxhash.New()
	r := bufio.NewReaderSize(io.TeeReader(file, sum), 64<<10)
	if list {
		f.err = f.readList(r)
	} else {
		f.err = f.readLines(r)
	}
	f.hash = sum.Sum64()
	return f
}

// readLines counts bytes and lines.
func (f *found) readLines(r *bufio.Reader) error {
	last := byte('\n')
	for {
		if _, err := r.Peek(1); err != nil {
			if last != '\n' {
				f.lines++
			}
			return unlessEOF(err)
		}
		b, _ := r.Peek(r.Buffered())
		f.size += int64(len(b))
		f.lines += int64(bytes.Count(b, []byte{'\n'}))
		last = b[len(b)-1]
		_, _ = r.Discard(len(b))
	}
}

// readList reads a list of failed items.
func (f *found) readList(r *bufio.Reader) error {
	for {
		b, err := r.ReadBytes('\n')
		f.size += int64(len(b))
		if len(b) > 0 {
			f.lines++
			f.failedLine(b)
		}
		if err != nil {
			return unlessEOF(err)
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// failedLine reads a line of a list of failed items.
func (f *found) failedLine(b []byte) {
	if f.bad != "" {
		return
	}
	var item struct {
		Line *int64 `json:"line"` // null if the worker could not tell it
	}
	if err := json.Unmarshal(bytes.TrimSpace(b), &item); err != nil {
		f.bad = fmt.Sprintf("line %d is not JSON", f.lines)
		return
	}
	if item.Line == nil {
		return
	}
	if *item.Line <= f.last {
		f.bad = fmt.Sprintf("line %d names line %d of the input after line %d", f.lines, *item.Line, f.last)
	}
	if f.first == 0 {
		f.first = *item.Line
	}
	f.last = *item.Line
}

// stands reports whether the result of the entry, and its list of failed items, lie in
// the folder with the recorded bytes. why names what differs.
func (c *check) stands(e *entry) (why string) {
	name := e.name(c.books.Base, c.books.Generation)
	r, ok := c.results[name+jsonl]
	switch {
	case !ok:
		return fmt.Sprintf("the result %s is missing", name+jsonl)
	case r.size != e.result.size:
		return fmt.Sprintf("the result %s has %d bytes, recorded are %d", name+jsonl, r.size, e.result.size)
	case c.sizes:
		return ""
	case r.hash != e.result.hash:
		return fmt.Sprintf("the result %s has other bytes than were recorded: its hash is %016x, recorded is %016x", name+jsonl, r.hash, e.result.hash)
	case r.lines != e.lines:
		return fmt.Sprintf("the result %s has %d lines, recorded are %d", name+jsonl, r.lines, e.lines)
	}
	list, ok := c.results[name+failedSuffix]
	switch {
	case c.merged: // The lists were removed with the results: no item of the file has failed in the end.
		return ""
	case e.failed == 0 && !ok:
		return ""
	case e.failed == 0:
		return fmt.Sprintf("there is a list of failed items, %s, and no item failed", name+failedSuffix)
	case !ok:
		return fmt.Sprintf("the list of failed items %s is missing", name+failedSuffix)
	case list.hash != e.list:
		return fmt.Sprintf("the list of failed items %s has other bytes than were recorded", name+failedSuffix)
	case list.lines != e.failed:
		return fmt.Sprintf("the list of failed items %s has %d items, recorded are %d", name+failedSuffix, list.lines, e.failed)
	case list.bad != "":
		return fmt.Sprintf("the list of failed items %s cannot be read: %s", name+failedSuffix, list.bad)
	}
	return ""
}

// choose decides which attempt each chunk stands for: one whose result lies in the
// folder, and of several the one that ended last. An attempt whose result does not stand
// lost a race, or died before its result was in place; it counts only if the chunk has
// no other.
func (c *check) choose() {
	of := map[key][]*entry{}
	for i := range c.entries {
		e := &c.entries[i]
		if c.books.Deployment != "" && e.deployment != c.books.Deployment {
			c.foreign++
			continue
		}
		if !c.books.HasEnded() && e.offset >= c.books.Cursor.Offset {
			continue // cut after the books were read
		}
		of[e.key] = append(of[e.key], e)
	}
	c.attempts, c.retries = of, map[key][]key{}
	for k, list := range of {
		slices.SortStableFunc(list, func(a, b *entry) int { return b.ended.Compare(a.ended) })
		standing := slices.DeleteFunc(slices.Clone(list), func(e *entry) bool { return c.stands(e) != "" })
		if len(standing) > 0 {
			c.superseded += len(list) - len(standing)
			list = standing
		} else {
			c.superseded += len(list) - 1
			list = list[:1]
		}
		c.chosen[k] = list
		if k.retry > 0 {
			chunk := key{index: k.index, half: k.half}
			c.retries[chunk] = append(c.retries[chunk], k)
		}
	}
	for _, list := range c.retries {
		slices.SortFunc(list, func(a, b key) int { return cmp.Compare(a.retry, b.retry) })
	}
}
