package forecast

import (
	"time"

	"kafka-master/messages"
)

// Meter measures the rates of all files in work, and of all work together.
type Meter struct {
	all      Rate
	ended    int64   // items that had ended at the last sample, in this term
	density  float64 // items per byte of what was cut last, 0 before anything was
	files    map[messages.FileID]*fileRate
	forecast messages.Forecast
}

// fileRate is the rate of one file.
type fileRate struct {
	Rate
	ended    int64
	forecast messages.Forecast
}

// Sample is what a meter needs to know of one moment.
type Sample struct {
	Counted messages.Totals       // what ended in this term
	Working []messages.FileStatus // files in work
	Paused  bool                  // nothing is handed out, of any file
	Bytes   int64                 // length of the files that are not taken into work yet
}

// NewMeter returns a meter for one term.
func NewMeter() *Meter {
	return &Meter{files: map[messages.FileID]*fileRate{}, forecast: messages.Forecast{Remaining: -1}}
}

// Add takes a sample.
func (m *Meter) Add(s Sample, now time.Time) {
	if d := densityOf(s.Working); d > 0 {
		m.density = d
	}
	files := make(map[messages.FileID]*fileRate, len(m.files))
	sum := total{known: true}
	for _, f := range s.Working {
		r := m.files[f.ID]
		if r == nil {
			r = &fileRate{ended: f.EndedItems()}
		}
		files[f.ID] = r
		rest, ok := remainingOf(f, m.density)
		paused := s.Paused || f.Paused != ""
		r.add(f, rest, ok, paused, now)
		sum.add(rest, ok, paused)
	}
	if s.Bytes > 0 {
		sum.add(m.density*float64(s.Bytes), m.density > 0, s.Paused)
	}
	m.files = files
	m.addAll(s.Counted, sum, now)
}

// total sums up what remains.
type total struct {
	items  float64
	known  bool
	moving float64 // those of them that are not paused
	moves  bool    // something is not paused
}

func (t *total) add(items float64, known, paused bool) {
	t.items += items
	t.known = t.known && known
	if !paused {
		t.moving += items
		t.moves = true
	}
}

// addAll updates the forecast of all work together. Time without work counts for nothing, and
// what is paused is not waited for.
func (m *Meter) addAll(c messages.Totals, sum total, now time.Time) {
	ended := c.EndedItems()
	if sum.moves {
		m.all.Add(ended-m.ended, now)
	} else {
		m.all = Rate{}
	}
	m.ended = ended
	m.forecast = messages.Forecast{ItemsPerS: m.all.PerSecond(), Remaining: -1}
	if sum.known {
		m.forecast.Remaining, m.forecast.ETA = int64(sum.items), m.all.eta(sum.moving)
	}
}

// add updates the forecast of one file. Items that are retried are open again, so that a file
// may have fewer ended ones than before.
func (r *fileRate) add(f messages.FileStatus, remaining float64, known, paused bool, now time.Time) {
	r.Add(f.EndedItems()-r.ended, now)
	r.ended = f.EndedItems()
	r.forecast = messages.Forecast{ItemsPerS: r.PerSecond(), Remaining: -1}
	if known {
		r.forecast.Remaining = int64(remaining)
	}
	if known && !paused {
		r.forecast.ETA = r.eta(remaining)
	}
}

// densityOf returns the items per byte that were found so far, 0 when nothing was cut.
func densityOf(files []messages.FileStatus) float64 {
	var items, bytes int64
	for _, f := range files {
		items += f.Items
		bytes += f.Cursor.Offset
	}
	if bytes == 0 {
		return 0
	}
	return float64(items) / float64(bytes)
}

// remainingOf returns how many items of a file have not ended, with an estimate of those that
// are not cut. density is that of all files, for one of which nothing was cut.
func remainingOf(f messages.FileStatus, density float64) (items float64, known bool) {
	open := float64(f.Missing())
	bytes := f.Info.Size - f.Cursor.Offset
	if f.State.Terminal() || bytes <= 0 {
		return open, true
	}
	if f.Cursor.Offset > 0 {
		density = float64(f.Items) / float64(f.Cursor.Offset)
	}
	return open + density*float64(bytes), density > 0
}

// Forecast returns the forecast of all work together.
func (m *Meter) Forecast() messages.Forecast { return m.forecast }

// Annotate returns the files with the forecast of each of them that is in work.
func (m *Meter) Annotate(files []*messages.FileStatus) []*messages.FileStatus {
	out := make([]*messages.FileStatus, len(files))
	for i, f := range files {
		if out[i] = f; f.HasEnded() {
			continue
		}
		marked := *f
		marked.Forecast = messages.Forecast{Remaining: -1}
		if r := m.files[f.ID]; r != nil {
			marked.Forecast = r.forecast
		}
		out[i] = &marked
	}
	return out
}
