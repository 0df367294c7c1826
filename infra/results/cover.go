package results

import (
	"os"
	"slices"

	"kafka-master/messages"
)

const (
	// maxCovers bounds the ways to cover one chunk that are tried.
	maxCovers = 16
	// maxLayouts bounds the layouts of a file that are compared with its digest.
	maxLayouts = 4096
)

// chooseHalves removes the results of chunks that do not count where a chunk and parts of it
// are recorded. The books decide: what they hold of a part tells that the chunk was halved.
// Where they hold nothing, a chunk was halved if its parts cover it, and after a store lost
// its last commits it may have been counted as a whole all the same: then the digest tells.
func (p *plan) chooseHalves(root *os.Root, b books) error {
	p.parts = slices.DeleteFunc(p.parts, b.isElsewhere)
	var disputes []*dispute
	for from := 0; from < len(p.parts); {
		to := from + 1
		for to < len(p.parts) && p.parts[to].index == p.parts[from].index {
			to++
		}
		if d := newDispute(p.parts[from:to], b); d != nil {
			disputes = append(disputes, d)
		}
		from = to
	}
	if len(disputes) == 0 {
		return nil
	}
	if err := p.settle(root, b, disputes); err != nil {
		return err
	}
	of := map[int]*dispute{}
	for _, d := range disputes {
		of[d.index] = d
	}
	p.parts = slices.DeleteFunc(p.parts, func(q part) bool {
		d := of[q.index]
		return d != nil && !slices.Contains(d.covers[d.chosen], max(1, q.half))
	})
	return nil
}

// isElsewhere reports whether the books hold a part or the whole of a result's chunk as done
// with failed items: then the result is of another cut of it.
func (b books) isElsewhere(p part) bool {
	for _, half := range b.failedAt[p.index] {
		if max(1, half) != max(1, p.half) && (within(half, p.half) || within(p.half, half)) {
			return true
		}
	}
	return false
}

// dispute is a chunk of which more is recorded than can count.
type dispute struct {
	index  int
	covers [][]int // the ways to cover it with parts that are recorded or dead, the likeliest one first
	chosen int
}

// newDispute returns nil if the parts of one chunk do not overlap.
func newDispute(parts []part, b books) *dispute {
	recorded := map[int]bool{}
	for _, q := range parts {
		if q.retry == 0 {
			recorded[max(1, q.half)] = true
		}
	}
	overlap := false
	for n := range recorded {
		for m := n / 2; m >= 1; m /= 2 {
			overlap = overlap || recorded[m]
		}
	}
	if !overlap {
		return nil
	}
	dead := map[int]bool{}
	for _, half := range b.withoutAt[parts[0].index] {
		dead[max(1, half)] = true
	}
	d := &dispute{index: parts[0].index, covers: covers(1, recorded, dead)}
	if len(d.covers) == 0 { // A result is missing. Parts tell that the chunk was halved.
		d.covers = [][]int{leaves(recorded)}
	}
	return d
}

// covers returns the ways to cover part n of a chunk, those with smaller parts first.
func covers(n int, recorded, dead map[int]bool) (out [][]int) {
	if dead[n] {
		return [][]int{nil}
	}
	if hasParts(n, recorded) || hasParts(n, dead) {
		second := covers(2*n+1, recorded, dead)
		for _, a := range covers(2*n, recorded, dead) {
			for _, b := range second {
				if len(out) < maxCovers {
					out = append(out, slices.Concat(a, b))
				}
			}
		}
	}
	if recorded[n] {
		out = append(out, []int{n})
	}
	return out
}

// hasParts reports whether one of the parts lies within part n.
func hasParts(n int, parts map[int]bool) bool {
	for m := range parts {
		if m > n && within(m, n) {
			return true
		}
	}
	return false
}

// leaves returns the parts that have no parts themselves.
func leaves(recorded map[int]bool) (out []int) {
	for n := range recorded {
		if !hasParts(n, recorded) {
			out = append(out, n)
		}
	}
	return out
}

// settle chooses the covers whose chunks have the digest of the books, if there are some.
func (p *plan) settle(root *os.Root, b books, disputes []*dispute) error {
	if !b.File.DigestKnown() || b.File.RecordedChunks < b.File.DoneChunks {
		return nil
	}
	sums, undisputed, err := p.digests(root, disputes)
	if err != nil {
		return err
	}
	for range maxLayouts {
		sum := undisputed
		for _, d := range disputes {
			for _, n := range d.covers[d.chosen] {
				sum += sums[messages.ChunkID{Index: d.index, Half: n}]
			}
		}
		if sum == b.File.Digest {
			return nil
		}
		if !advance(disputes) {
			return nil
		}
	}
	for _, d := range disputes {
		d.chosen = 0
	}
	return nil
}

// advance moves on to the next layout. After the last one it returns false, with the first
// one chosen again.
func advance(disputes []*dispute) bool {
	for _, d := range disputes {
		if d.chosen++; d.chosen < len(d.covers) {
			return true
		}
		d.chosen = 0
	}
	return false
}

// digests returns the digests of the parts that are in dispute, and the sum of all others.
func (p *plan) digests(root *os.Root, disputes []*dispute) (sums map[messages.ChunkID]uint64, undisputed uint64, err error) {
	disputed := map[int]bool{}
	for _, d := range disputes {
		disputed[d.index] = true
	}
	sums = map[messages.ChunkID]uint64{}
	for _, q := range p.parts {
		d, err := p.digestOf(root, q)
		if err != nil {
			return nil, 0, err
		}
		if disputed[q.index] && q.retry == 0 {
			sums[messages.ChunkID{Index: q.index, Half: max(1, q.half)}] = d
		} else {
			undisputed += d
		}
	}
	return sums, undisputed, nil
}
