package messages

import "time"

// SeriesName names a figure whose history a leader keeps.
type SeriesName uint8

// The figures.
const (
	SeriesItemsPerS     SeriesName = iota // items that ended per second, not smoothed
	SeriesReady                           // chunks that wait for a worker
	SeriesRunning                         // chunks at workers
	SeriesOldestReadyS                    // how long the oldest of the ready chunks has waited, in seconds
	SeriesBusyWorkers                     // workers without a free slot
	SeriesFailedAndDead                   // items that are failed or dead, of all remembered files

	SeriesCount = iota // number of figures
)

var seriesNames = [...]string{"items_per_s", "ready", "running", "oldest_ready_s", "busy_workers", "failed_and_dead"}

// String returns the name as the API shows it.
func (n SeriesName) String() string { return name(seriesNames[:], int(n)) }

// SeriesWindow is how far a history goes back.
type SeriesWindow uint8

// The windows. Each has cells of its own length.
const (
	Window5m SeriesWindow = iota
	Window1h
	Window24h

	WindowCount = iota // number of windows
)

var windows = [...]struct {
	name  string
	step  time.Duration
	cells int
}{{"5m", time.Second, 300}, {"1h", 10 * time.Second, 360}, {"24h", time.Minute, 1440}}

// String returns the name as the API takes it.
func (w SeriesWindow) String() string { return windows[w].name }

// Step is the length of a cell.
func (w SeriesWindow) Step() time.Duration { return windows[w].step }

// Cells is the number of cells.
func (w SeriesWindow) Cells() int { return windows[w].cells }

// Series is the history of all figures over one window.
type Series struct {
	Window SeriesWindow
	From   time.Time              // beginning of the first cell
	Values [SeriesCount][]float64 // by name; NaN in a cell without a sample
}

// QuerySeries asks for the history that the leader has seen. The answer is a *Series, which
// belongs to the asker.
type QuerySeries struct{ Window SeriesWindow }

func (QuerySeries) query() {}
