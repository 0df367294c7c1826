package results

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// strand is the result of a chunk or of a retry whose lines are woven into those of the
// others, each at the place of its item in the chunk.
type strand struct {
	part
	line   Line
	file   *os.File
	digest *xxhash.Digest
	in     *bufio.Reader
}

// stretch is a number of lines that follow each other in one result.
type stretch struct {
	strand   int
	position int // of their item in the chunk
	lines    int
}

// stretches returns the order of the lines of a chunk's results. ok is false if the
// manifests do not tell which lines belong to which item: then the results of retries stand
// behind those of the chunk.
func stretches(lines []Line) (order []stretch, ok bool) {
	for n, l := range lines {
		positions, ok := l.itemPositions()
		if !ok {
			return nil, false
		}
		item := 0
		for _, run := range l.ItemLines {
			for range run[0] {
				if run[1] > 0 {
					order = append(order, stretch{n, positions(item), run[1]})
				}
				item++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.strand, b.strand))
	})
	return order, true
}

// itemPositions returns the place in the chunk of each item of a line. ok is false unless
// the line tells how many lines of the result each of them has.
func (l Line) itemPositions() (position func(item int) int, ok bool) {
	items, lines := 0, int64(0)
	for _, run := range l.ItemLines {
		if run[0] <= 0 || run[1] < 0 || run[0] > l.Items-items {
			return nil, false
		}
		items += run[0]
		lines += int64(run[0]) * int64(run[1])
	}
	if items != l.Items || lines != l.Lines {
		return nil, false
	}
	if len(l.Positions) == 0 {
		return func(item int) int { return item }, true
	}
	all := make([]int, 0, l.Items)
	for _, p := range l.Positions {
		for at := p[0]; at <= p[1] && len(all) <= l.Items; at++ {
			all = append(all, at)
		}
	}
	return func(item int) int { return all[item] }, len(all) == l.Items && slices.IsSorted(all)
}

// weave writes the results of a chunk and of its retries with each line at the place of its
// item, and returns their lines in the manifests. woven is false, and nothing is written, if
// the places are not known.
func (m Merge) weave(root *os.Root, p *plan, parts []part, out *outputs) (lines []Line, woven bool, err error) {
	if len(parts) < 2 {
		return nil, false, nil
	}
	var strands []*strand
	for _, q := range parts {
		if len(q.at) == 0 {
			return nil, false, nil
		}
		l, stands, err := p.stood(root, q)
		if err != nil || !stands {
			return nil, false, err
		}
		strands, lines = append(strands, &strand{part: q, line: l, digest: xxhash.New()}), append(lines, l)
	}
	order, ok := stretches(lines)
	if !ok {
		return nil, false, nil
	}
	return lines, true, m.writeStrands(root, p, strands, order, out)
}

// writeStrands writes the lines of results in an order.
func (m Merge) writeStrands(root *os.Root, p *plan, strands []*strand, order []stretch, out *outputs) (err error) {
	defer func() {
		for _, s := range strands {
			if s.file != nil {
				_ = s.file.Close()
			}
		}
	}()
	for _, s := range strands {
		if s.file, err = root.Open(path.Join(p.folder, s.line.Result)); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrIncomplete, s.describe(), err)
		}
		s.in = bufio.NewReaderSize(io.TeeReader(s.file, s.digest), 64<<10)
	}
	for _, next := range order {
		if err := strands[next.strand].copyLines(next.lines, &out.result); err != nil {
			return err
		}
	}
	for _, s := range strands {
		if err := s.ended(); err != nil {
			return err
		}
		out.count(s.line, s.part, true)
	}
	return nil
}

// copyLines copies the next lines of a result.
func (s *strand) copyLines(n int, out *output) error {
	for n > 0 {
		text, err := s.in.ReadSlice('\n')
		if _, err := out.Write(text); err != nil {
			return err
		}
		switch {
		case err == nil:
			n--
		case !errors.Is(err, bufio.ErrBufferFull):
			return s.changed()
		}
	}
	return nil
}

// ended returns an error unless all of the result was copied and it is as it was written.
func (s *strand) ended() error {
	if _, err := s.in.ReadByte(); err != io.EOF || Hash(s.digest.Sum64()) != s.line.Hash {
		return s.changed()
	}
	return nil
}

func (s *strand) changed() error {
	return fmt.Errorf("%w: %s: %s", ErrChanged, s.describe(), s.line.Result)
}
