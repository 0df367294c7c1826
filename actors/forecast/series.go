package forecast

import (
	"math"
	"time"

	"kafka-master/messages"
)

// Series keeps the history of a few figures in cells of three lengths.
type Series struct{ rings [messages.WindowCount]ring }

// Figures is one value of each figure.
type Figures [messages.SeriesCount]float64

// ring keeps the last cells of one window.
type ring struct {
	window messages.SeriesWindow
	cells  []cell // at the number of the cell, modulo their number; nil before the first sample
	newest int64  // number of the newest cell, counted from the epoch
}

// cell sums up the samples of a span of time.
type cell struct {
	samples int
	folded  Figures
}

// NewSeries returns an empty history.
func NewSeries() *Series {
	s := &Series{}
	for w := range s.rings {
		s.rings[w].window = messages.SeriesWindow(w)
	}
	return s
}

// Add adds a sample.
func (s *Series) Add(f Figures, now time.Time) {
	for i := range s.rings {
		s.rings[i].add(f, now)
	}
}

// Read returns the history of a window that ends now.
func (s *Series) Read(w messages.SeriesWindow, now time.Time) *messages.Series {
	return s.rings[w].read(now)
}

// number returns the number of the cell that a time is in.
func (r *ring) number(t time.Time) int64 { return t.UnixNano() / int64(r.window.Step()) }

func (r *ring) at(number int64) *cell {
	n := int64(len(r.cells))
	return &r.cells[(number%n+n)%n]
}

// add adds a sample. One cell that was missed is filled with it: samples come a little less
// often than once a second.
func (r *ring) add(f Figures, now time.Time) {
	number := r.number(now)
	if r.cells == nil {
		r.cells, r.newest = make([]cell, r.window.Cells()), number
	}
	if number < r.newest {
		return // the clock was set back
	}
	missed := number == r.newest+2 && r.at(r.newest).samples > 0
	for n := max(r.newest+1, number-int64(len(r.cells))+1); n <= number; n++ {
		*r.at(n) = cell{}
	}
	if missed {
		r.at(number - 1).add(f)
	}
	r.newest = number
	r.at(number).add(f)
}

// add folds a sample into a cell: of the oldest age the largest counts, of the sum of what
// failed or is dead the last, of all others the mean.
func (c *cell) add(f Figures) {
	for i, x := range f {
		switch messages.SeriesName(i) {
		case messages.SeriesOldestReadyS:
			c.folded[i] = max(c.folded[i], x)
		case messages.SeriesFailedAndDead:
			c.folded[i] = x
		default:
			c.folded[i] += (x - c.folded[i]) / float64(c.samples+1)
		}
	}
	c.samples++
}

// read returns all cells up to now. Those that the ring has not reached have no samples.
func (r *ring) read(now time.Time) *messages.Series {
	cells := int64(r.window.Cells())
	first := r.number(now) - cells + 1
	out := &messages.Series{Window: r.window, From: time.Unix(0, first*int64(r.window.Step())).UTC()}
	for i := range out.Values {
		out.Values[i] = make([]float64, cells)
		for n := range out.Values[i] {
			out.Values[i][n] = r.value(first+int64(n), i)
		}
	}
	return out
}

// value returns one figure of a cell, NaN when it has no sample.
func (r *ring) value(number int64, figure int) float64 {
	if r.cells == nil || number > r.newest || number <= r.newest-int64(len(r.cells)) {
		return math.NaN()
	}
	if c := r.at(number); c.samples > 0 {
		return c.folded[figure]
	}
	return math.NaN()
}
