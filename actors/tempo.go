package actors

import (
	"slices"
	"time"
)

// tempo is how long the last chunks of a file took, as pure state.
type tempo struct {
	took [31]time.Duration
	n    int // how many were noted in all
}

func (p *tempo) add(d time.Duration) {
	p.took[p.n%len(p.took)] = d
	p.n++
}

// median returns the median of the last chunks, 0 before the first one.
func (p *tempo) median() time.Duration {
	n := min(p.n, len(p.took))
	if n == 0 {
		return 0
	}
	list := slices.Clone(p.took[:n])
	slices.Sort(list)
	return list[n/2]
}

// worked is when the attempt began, as far as that is known.
func (e *entry) worked() time.Time {
	if e.began.IsZero() {
		return e.since
	}
	return e.began
}
