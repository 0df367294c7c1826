package results

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Merge is how the results of one file become one.
type Merge struct {
	// Books are those of the file. Without a deployment, results of any state are taken.
	Books messages.Books
	Dir   string // folder of all results
	// Out is the folder for the merged files. Default: Dir.
	Out string
	// Ext is the extension of the merged result, without a dot. Default: jsonl.
	Ext string
	// Partial merges what there is, whether or not the file has ended and results are
	// missing.
	Partial bool
	// Replace removes the results and lists that were merged, if every item is done.
	Replace bool
	// Version is that of the program, for the summary.
	Version string
	// Settings are shown in the summary.
	Settings map[string]string
	// Progress is told how many of the results are merged. It is called often. Default:
	// nobody is told.
	Progress func(merged, all int)
}

// Run merges the results of the file and returns the summary, which it writes last. A
// merge that was interrupted continues where it was synced last; one that was completed is
// not done again while the merged files are there.
func (m Merge) Run(ctx context.Context) (Summary, error) {
	s, err := m.run(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("merge %s: %w", m.Books.File.Info.Path, err)
	}
	return s, nil
}

func (m Merge) run(ctx context.Context) (Summary, error) {
	m = m.withDefaults()
	if !m.Partial && !m.Books.File.HasEnded() {
		return Summary{}, fmt.Errorf("%w: wait for its end, or merge what there is with --partial", ErrRunning)
	}
	if !m.Partial && !m.Books.File.Whole() {
		return Summary{}, fmt.Errorf("%w: merge what is done of it with --partial", ErrCancelled)
	}
	root, err := os.OpenRoot(m.Dir)
	if err != nil {
		return Summary{}, fmt.Errorf("open the results: %w", err)
	}
	defer root.Close()
	b := newBooks(m.Books)
	p, err := newPlan(root, b)
	if err != nil {
		return Summary{}, err
	}
	sum := p.sum()
	if s, ok := m.completed(sum); ok {
		return s, m.replace(root, p, s)
	}
	if s, ok := m.replacedBefore(sum); ok {
		return s, errors.Join(m.writeSummary(s), m.replace(root, p, s))
	}
	if err := m.check(p); err != nil {
		return Summary{}, err
	}
	out, err := m.openOutputs(sum + m.kind())
	if err != nil {
		return Summary{}, err
	}
	defer out.close()
	if err := m.writeAll(ctx, root, p, b, out); err != nil {
		return Summary{}, err
	}
	if err := m.checkDigest(out); err != nil {
		return Summary{}, err
	}
	s, err := m.finish(p, out, sum)
	if err != nil {
		return Summary{}, err
	}
	return s, m.replace(root, p, s)
}

// check returns an error if what is there may not be merged.
func (m Merge) check(p *plan) error {
	if err := p.intact(); err != nil || m.Partial {
		return err
	}
	return newBooks(m.Books).check(p, m.Dir)
}

// kind tells a merge that leaves out what is missing from one that does not: neither
// continues the other.
func (m Merge) kind() string {
	if m.Partial {
		return " partial"
	}
	return ""
}

func (m Merge) withDefaults() Merge {
	if m.Out == "" {
		m.Out = m.Dir
	}
	if m.Ext == "" {
		m.Ext = Suffix[1:]
	}
	if m.Progress == nil {
		m.Progress = func(int, int) {}
	}
	return m
}

// path returns the path of a merged file with this ending.
func (m Merge) path(ending string) string {
	return filepath.Join(m.Out, messages.GenerationFolder(m.Books.File.Info.Path, m.Books.File.Generation)+ending)
}

// writeAll writes the results from where an interrupted merge was synced last.
func (m Merge) writeAll(ctx context.Context, root *os.Root, p *plan, b books, out *outputs) error {
	for i := out.mark.Part; i < len(p.parts); {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, out.checkpoint(i))
		}
		next := i + 1
		for next < len(p.parts) && p.parts[next].index == p.parts[i].index && p.parts[next].half == p.parts[i].half {
			next++
		}
		counted, err := m.counted(root, p, b, p.parts[i:next])
		if err != nil {
			return err
		}
		if err := m.writeChunk(root, p, counted, b.listsFailed(counted[0]), out); err != nil {
			return err
		}
		i = next
		m.Progress(i, len(p.parts))
		if out.due() {
			if err := out.checkpoint(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeChunk writes a chunk and the retries of its failed items. A retry of all items
// takes the place of what was before it; the lines of one of some items stand at the places
// of these items, or follow where those are not known. What a
// retry failed is what is left of the failed items; lists is false if nothing is.
func (m Merge) writeChunk(root *os.Root, p *plan, parts []part, lists bool, out *outputs) error {
	from := 0
	for i, q := range parts {
		if q.retry > 0 && !q.positions && len(q.at) > 0 {
			from = i
		}
	}
	d, err := p.digestOf(root, parts[0])
	if err != nil {
		return err
	}
	out.mark.Counts.Digest += d
	if from > 0 {
		out.mark.Counts.Chunks++ // the result of the chunk itself, which was replaced
	}
	lines, woven, err := m.weave(root, p, parts[from:], out)
	if err != nil {
		return err
	}
	if last := len(parts) - 1; woven {
		if !lists {
			return nil
		}
		return m.writeList(root, p.folder+"/"+lines[last-from].Result, lines[last-from], true, parts[last], out)
	}
	for i, q := range parts[from:] {
		last := lists && from+i == len(parts)-1
		if err := m.writePart(root, p, q, last, out); err != nil {
			return err
		}
	}
	return nil
}

// digestOf returns what a chunk adds to the digest of its file. Retries add nothing.
func (p *plan) digestOf(root *os.Root, q part) (uint64, error) {
	lines, err := p.lines(root, q)
	if err != nil || len(lines) == 0 || q.retry > 0 {
		return 0, err
	}
	l, err := p.standing(root, lines)
	if err != nil {
		return 0, err
	}
	d, err := l.digest()
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrChanged, q.describe(), err)
	}
	return d, nil
}

// standing returns the line about the result that stands. After a store lost its last
// commits, the others may be about other lines of the file that had the same name.
func (p *plan) standing(root *os.Root, lines []Line) (Line, error) {
	if !slices.ContainsFunc(lines, func(l Line) bool { return l.Offset != lines[0].Offset || l.InputHash != lines[0].InputHash }) {
		return lines[0], nil
	}
	size, hash, err := fileSum(root, p.folder+"/"+lines[0].Result)
	if l, ok := (copied{size, hash}).vouched(lines); ok {
		return l, nil
	}
	return lines[0], notThere(err)
}

// checkDigest returns an error if other chunks were merged than the master counted.
func (m Merge) checkDigest(out *outputs) error {
	f, c := m.Books.File, out.mark.Counts
	if m.Partial || c.isThatOf(f) {
		return nil
	}
	return fmt.Errorf("%w: the digest of the chunks here is %s, that of the done chunks is %s", ErrIncomplete, Hash(c.Digest), Hash(f.Digest))
}

// isThatOf reports whether the digest is that of the books, as far as both are known.
func (c counts) isThatOf(f messages.File) bool {
	return !f.DigestKnown() || c.Unrecorded > 0 || c.Digest == f.Digest
}

// writePart writes one result, and the list of its failed items if nothing replaces it.
func (m Merge) writePart(root *os.Root, p *plan, q part, list bool, out *outputs) error {
	lines, err := p.lines(root, q)
	if err != nil {
		return err
	}
	name := filepath.ToSlash(filepath.Join(q.folder, q.name))
	if len(lines) > 0 {
		name = p.folder + "/" + lines[0].Result
	}
	got, err := copyInto(root, name, &out.result)
	if errors.Is(err, os.ErrNotExist) && m.Partial {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrIncomplete, q.describe(), err)
	}
	vouched, ok := got.vouched(lines)
	if len(lines) > 0 && !ok {
		return fmt.Errorf("%w: %s: %s has %d bytes and the hash %s", ErrChanged, q.describe(), name, got.bytes, got.hash)
	}
	out.count(vouched, q, len(lines) > 0)
	if !list {
		return nil
	}
	return m.writeList(root, name, vouched, len(lines) > 0, q, out)
}

// writeList writes the list of failed items of a result, if it has one.
func (m Merge) writeList(root *os.Root, result string, vouched Line, recorded bool, q part, out *outputs) error {
	if recorded && vouched.FailedListHash == "" {
		return nil
	}
	return m.writeFailed(root, FailedListName(result), vouched, q, out)
}

// lines returns the lines about a result, the one that ended last first.
func (p *plan) lines(root *os.Root, q part) (lines []Line, err error) {
	for _, at := range q.at {
		_, err := ReadManifest(root.FS(), p.manifests[at.manifest], at.offset, func(_ At, l Line, damage error) error {
			if damage != nil {
				return damage
			}
			lines = append(lines, l)
			return io.EOF
		})
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%w: %s: %w", ErrChanged, q.describe(), err)
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return strings.Compare(b.Ended, a.Ended) })
	return lines, nil
}

// describe names a part for a person.
func (p part) describe() string {
	text := fmt.Sprintf("chunk %d", p.index)
	if p.half > 0 {
		text += fmt.Sprintf(", half %d", p.half)
	}
	if p.retry > 0 {
		text += fmt.Sprintf(", retry %d", p.retry)
	}
	if p.first > 0 {
		text += fmt.Sprintf(" (from line %d)", p.first)
	}
	return text
}

// writeFailed appends a list of failed items, and the items themselves to the file that can
// be dropped in again.
func (m Merge) writeFailed(root *os.Root, name string, vouched Line, q part, out *outputs) error {
	f, err := root.Open(name)
	if errors.Is(err, os.ErrNotExist) && vouched.FailedListHash == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: failed items of %s: %w", ErrIncomplete, q.describe(), err)
	}
	defer f.Close()
	d := xxhash.New()
	in := bufio.NewReaderSize(io.TeeReader(f, d), 64<<10)
	for {
		text, err := in.ReadBytes('\n') // an item has at most messages.MaxChunkBytes
		if len(text) > 0 {
			var item FailedItem
			if err := json.Unmarshal(text, &item); err != nil {
				return fmt.Errorf("%w: failed items of %s: %w", ErrChanged, q.describe(), err)
			}
			out.addFailed(text, item)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	if hash := Hash(d.Sum64()); vouched.FailedListHash != "" && hash != vouched.FailedListHash {
		return fmt.Errorf("%w: failed items of %s: %s has the hash %s", ErrChanged, q.describe(), name, hash)
	}
	return out.err()
}

// replace removes what was merged, if that is wanted and every item is done. The summary
// says so before: whoever checks the results then looks at the merged one, although some
// may still be there, or come late.
func (m Merge) replace(root *os.Root, p *plan, s Summary) error {
	if !m.Replace || m.Partial || s.Unrecorded > 0 || m.Books.File.State != messages.FileDone {
		return nil
	}
	if !s.Replaced {
		s.Replaced = true
		if err := m.writeSummary(s); err != nil {
			return err
		}
	}
	for _, q := range p.parts {
		lines, err := p.lines(root, q)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(filepath.Join(q.folder, q.name))
		if len(lines) > 0 {
			name = p.folder + "/" + lines[0].Result
		}
		for _, n := range []string{name, FailedListName(name)} {
			if err := root.Remove(n); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove a merged result: %w", err)
			}
		}
	}
	return nil
}
