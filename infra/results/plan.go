package results

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// part is a result that goes into the merged one. It is small, since a file may have some
// hundred thousand: what else its line says is read when its turn comes.
type part struct {
	index, half, retry int
	first, lines       int64 // first line of its range in the file, and how many items it has at least
	offset, end        int64 // its range in the file
	items              int32
	positions          bool    // a retry of some items of its chunk
	at                 []place // its lines: several attempts may have written one
	folder, name       string  // set for a result without a line only
}

// place is the place of a line in a manifest of the plan.
type place struct {
	manifest int32
	offset   int64
}

// plan is the order in which the results of a file are merged.
type plan struct {
	folder    string
	manifests []string
	parts     []part // in the order of the input
	damaged   []string
}

// path is the way from all of a chunk to a half, as bits from the left: halves that begin
// earlier in the file have smaller ones.
func (p part) path() uint64 {
	if p.half < 2 {
		return 0
	}
	n := bits.Len64(uint64(p.half))
	return uint64(p.half) << (64 - n + 1)
}

// within reports whether half n is a part of half m, or m itself, of the same chunk.
func within(n, m int) bool {
	n, m = max(n, 1), max(m, 1)
	for n > m {
		n /= 2
	}
	return n == m
}

func (p part) compare(q part) int {
	return cmp.Or(cmp.Compare(p.index, q.index), cmp.Compare(p.path(), q.path()), cmp.Compare(p.half, q.half), cmp.Compare(p.retry, q.retry))
}

func (p part) same(q part) bool { return p.index == q.index && p.half == q.half && p.retry == q.retry }

// newPlan reads the manifests of a file and looks for results without a line.
func newPlan(folder *os.Root, b books) (*plan, error) {
	root := folder.FS()
	p := &plan{folder: messages.GenerationFolder(b.File.Info.Path, b.File.Generation)}
	var err error
	if p.manifests, err = Manifests(root, p.folder); err != nil {
		return nil, err
	}
	for i := range p.manifests {
		if err := p.readManifest(root, int32(i), b); err != nil {
			return nil, err
		}
	}
	p.sort()
	p.parts = slices.DeleteFunc(p.parts, b.isTooLate)
	if err := p.addUnrecorded(root, b); err != nil {
		return nil, err
	}
	if err := p.chooseHalves(folder, b); err != nil {
		return nil, err
	}
	return p, nil
}

// readManifest adds the lines of a manifest that are about this file in this state.
func (p *plan) readManifest(root fs.FS, manifest int32, b books) error {
	_, err := ReadManifest(root, p.manifests[manifest], 0, func(at At, l Line, damage error) error {
		switch {
		case damage != nil:
			p.damaged = append(p.damaged, fmt.Sprintf("line %d of %s: %v", at.Number, at.Manifest, damage))
			return nil
		case b.Deployment != "" && l.Deployment != b.Deployment, max(l.Generation, 1) != max(b.File.Generation, 1):
			return nil
		case !plainName(l.Result) || l.Index < 0 || l.Half < 0 || l.Retry < 0 || l.Items < 0 || l.Items > messages.MaxBatchSize:
			return nil // written by nobody of ours
		}
		p.parts = append(p.parts, part{
			index: l.Index, half: l.Half, retry: l.Retry, first: l.FirstLine, lines: int64(l.Items), offset: l.Offset, end: l.Offset + l.Length,
			items: int32(l.Items), positions: len(l.Positions) > 0, at: []place{{manifest, at.Offset}},
		})
		return nil
	})
	return err
}

// plainName reports whether a name from a manifest is that of a result in the folder
// itself.
func plainName(name string) bool {
	return strings.HasSuffix(name, Suffix) && !strings.ContainsAny(name, `/\:`) && name[0] != '.'
}

// sort orders the parts and unites those of the same chunk.
func (p *plan) sort() {
	slices.SortStableFunc(p.parts, part.compare)
	out := p.parts[:0]
	for _, q := range p.parts {
		if n := len(out); n > 0 && out[n-1].same(q) {
			out[n-1].at = append(out[n-1].at, q.at...)
			continue
		}
		out = append(out, q)
	}
	clear(p.parts[len(out):])
	p.parts = out
}

// addUnrecorded adds results without a line in a manifest: workers of an earlier version,
// and others that know no manifests, leave such ones. Earlier versions had one folder for
// all generations of a file.
func (p *plan) addUnrecorded(root fs.FS, b books) error {
	if int64(p.chunks()) >= b.File.DoneChunks {
		return nil
	}
	have := map[[3]int]bool{}
	for _, q := range p.parts {
		have[[3]int{q.index, q.half, q.retry}] = true
	}
	folders := []string{p.folder}
	if former := messages.FormerResultFolder(b.File.Info.Path); former != p.folder {
		folders = append(folders, former)
	}
	for _, folder := range folders {
		err := eachName(root, folder, func(name string) {
			text, isResult := strings.CutSuffix(name, Suffix)
			n, _, ok := messages.ParseBatchID(text)
			if !isResult || !ok || n.Base != b.File.Base || max(n.Generation, 1) != max(b.File.Generation, 1) || n.Index >= b.File.Cursor.Index {
				return
			}
			q := part{index: n.Index, half: n.Half, retry: n.Retry, folder: folder, name: name}
			if key := [3]int{n.Index, n.Half, n.Retry}; !have[key] && !b.isTooLate(q) {
				have[key] = true
				p.parts = append(p.parts, q)
			}
		})
		if err != nil {
			return err
		}
	}
	p.sort()
	return nil
}

// eachName passes the names of the regular files in a folder to use.
func eachName(root fs.FS, folder string, use func(string)) error {
	d, err := root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the results: %w", err)
	}
	defer d.Close()
	list, ok := d.(fs.ReadDirFile)
	if !ok {
		return fmt.Errorf("list the results: %s is no folder", folder)
	}
	for {
		entries, err := list.ReadDir(1000)
		for _, e := range entries {
			if e.Type().IsRegular() {
				use(e.Name())
			}
		}
		if len(entries) == 0 || err != nil {
			return endOfList(err)
		}
	}
}

// chunks returns the number of chunks with a result, without retries.
func (p *plan) chunks() (n int) {
	for _, q := range p.parts {
		if q.retry == 0 {
			n++
		}
	}
	return n
}

// sum identifies the plan: as long as it is the same, a merge that was interrupted can
// continue.
func (p *plan) sum() string {
	d := xxhash.New()
	_, _ = fmt.Fprintln(d, p.folder, len(p.parts))
	for _, q := range p.parts {
		_, _ = fmt.Fprintln(d, q.index, q.half, q.retry, q.offset, q.end, q.folder, q.name)
		for _, at := range q.at {
			_, _ = fmt.Fprintln(d, p.manifests[at.manifest], at.offset)
		}
	}
	return Hash(d.Sum64())
}
