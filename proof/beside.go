package proof

import (
	"bufio"
	"bytes"
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

// compareMerged compares the merged files with the results that they were made of.
func (c *check) compareMerged() error {
	s := c.summary
	switch {
	case s == nil || c.sizes || !c.books.HasEnded():
		return nil
	case !s.isOf(c):
		c.note("the merged files were not compared: they are of another state of the file, or a part; merge it again")
		return nil
	}
	c.compareSummary(s)
	if s.Result == nil {
		return nil
	}
	if err := c.compareResult(s); err != nil {
		return fmt.Errorf("read the merged result: %w", err)
	}
	if err := c.compareLists(s); err != nil {
		return fmt.Errorf("read the merged lists of failed items: %w", err)
	}
	return nil
}

// mergedPath is the path of a merged file.
func (c *check) mergedPath(name string) string {
	return filepath.Join(filepath.Dir(c.folder), filepath.Base(name))
}

// openMerged opens a merged file and compares its size with the summary. It returns nil if
// the file is missing.
func (c *check) openMerged(m *mergedFile) (file *os.File, sized bool, err error) {
	file, err = os.Open(c.mergedPath(m.Name))
	if errors.Is(err, fs.ErrNotExist) {
		c.findAll("%s is missing, which the merge wrote", m.Name)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, false, errors.Join(err, file.Close())
	}
	return file, info.Size() == m.Bytes, nil
}

// knowsParts reports whether the manifests tell of all parts of the merged files. One line
// that is missing would make everything behind it differ.
func (c *check) knowsParts() bool {
	gaps := slices.ContainsFunc(c.pieces[:max(0, len(c.pieces)-1)], piece.gap)
	return !gaps && !c.mayLackRecords() && c.books.UnrecordedRetries == 0
}

// compareResult compares the merged result, part by part if the manifests tell of all.
func (c *check) compareResult(s *summary) error {
	if !c.knowsParts() {
		return c.compareWhole(s.Result)
	}
	file, sized, err := c.openMerged(s.Result)
	if err != nil || file == nil {
		return err
	}
	defer file.Close()
	in := &mergedResult{file: file, buf: make([]byte, 64<<10)}
	differs := false
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.done == nil {
			continue
		}
		same, err := in.isOf(p)
		if err != nil {
			return err
		}
		if !same {
			differs = true
			c.find(resultDiffers, p.offset, p.end(), "the merged result %s has other bytes than the result of chunk %s", s.Result.Name, p.key)
		}
		if !same && !sized {
			return nil // everything behind it is shifted
		}
	}
	if !sized && !differs || in.at != s.Result.Bytes && !differs {
		c.findAll("the merged result %s has not the %d bytes of the results that it was made of", s.Result.Name, s.Result.Bytes)
	}
	return nil
}

// isOf reads the next parts, and reports whether they are the results of a chunk.
func (m *mergedResult) isOf(p *piece) (bool, error) {
	list, _ := p.parts()
	woven, err := m.woven([][]*entry{list})
	if err != nil || woven != nil {
		return woven != nil, err
	}
	same := true
	for _, e := range list {
		part, last, err := m.read(e.result.size)
		if err != nil {
			return false, err
		}
		ended, err := m.skip(part, last)
		if err != nil {
			return false, err
		}
		same = same && ended && part.content == e.result
	}
	return same, nil
}

// compareWhole compares a merged file with the summary alone.
func (c *check) compareWhole(m *mergedFile) error {
	file, _, err := c.openMerged(m)
	if err != nil || file == nil {
		return err
	}
	defer file.Close()
	sum := xxhash.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if hash := fmt.Sprintf("%016x", sum.Sum64()); hash != m.Hash {
		c.findAll("%s has other bytes than the merge wrote: its hash is %s, recorded is %s", m.Name, hash, m.Hash)
	}
	return nil
}

// compareLists compares the merged list of failed items with the lists of the chunks, and
// the items alone with it.
func (c *check) compareLists(s *summary) error {
	if s.List == nil || s.Lines == nil {
		for _, end := range []string{failedSuffix, failedLines} {
			if _, err := os.Lstat(c.folder + end); err == nil {
				c.findAll("%s is here, and by the summary of the merge no item failed", filepath.Base(c.folder)+end)
			}
		}
		return nil
	}
	if !c.knowsParts() {
		return errors.Join(c.compareWhole(s.List), c.compareWhole(s.Lines))
	}
	list, sized, err := c.openMerged(s.List)
	if err != nil || list == nil {
		return err
	}
	defer list.Close()
	lines, linesSized, err := c.openMerged(s.Lines)
	if err != nil || lines == nil {
		return err
	}
	defer lines.Close()
	return c.compareListParts(s, &mergedLists{bufio.NewReaderSize(list, 64<<10), bufio.NewReaderSize(lines, 64<<10)}, sized && linesSized)
}

// compareListParts compares the lists part by part. Without their recorded sizes, what follows
// the first difference is shifted.
func (c *check) compareListParts(s *summary, in *mergedLists, sized bool) error {
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.done == nil {
			continue
		}
		last := p.done
		if n := len(p.rounds); n > 0 {
			last = p.rounds[n-1]
		}
		hash, same, err := in.next(last.failed)
		switch {
		case err != nil:
			return err
		case last.failed > 0 && hash != last.list:
			c.find(resultDiffers, p.offset, p.end(), "%s has other bytes than the list of failed items of chunk %s", s.List.Name, last.key)
		case !same:
			c.find(resultDiffers, p.offset, p.end(), "%s has other items than %s", s.Lines.Name, s.List.Name)
		default:
			continue
		}
		if !sized {
			return nil
		}
	}
	if end, err := in.ended(); err != nil || end {
		return err
	}
	c.findAll("%s or %s has more lines than there are failed items", s.List.Name, s.Lines.Name)
	return nil
}

// mergedLists are the merged lists of failed items: with their reasons, and the items alone.
type mergedLists struct{ list, lines *bufio.Reader }

// next reads the next n items of both. same reports whether they have the same items.
func (m *mergedLists) next(n int64) (hash uint64, same bool, err error) {
	sum, same := xxhash.New(), true
	for range n {
		text, err := m.list.ReadBytes('\n')
		if unlessEOF(err) != nil {
			return 0, false, err
		}
		_, _ = sum.Write(text)
		item, err := m.lines.ReadBytes('\n')
		if unlessEOF(err) != nil {
			return 0, false, err
		}
		var x struct {
			Item string `json:"item"`
		}
		same = same && json.Unmarshal(bytes.TrimSpace(text), &x) == nil && x.Item+"\n" == string(item)
	}
	return sum.Sum64(), same, nil
}

// ended reports whether nothing follows.
func (m *mergedLists) ended() (bool, error) {
	for _, r := range []*bufio.Reader{m.list, m.lines} {
		if _, err := r.Peek(1); !errors.Is(err, io.EOF) {
			return false, unlessEOF(err)
		}
	}
	return true, nil
}
