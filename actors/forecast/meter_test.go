package forecast

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// inWork returns a file of size bytes, of which offset are cut into items.
func inWork(id messages.FileID, size, offset, items, done int64) messages.FileStatus {
	return messages.FileStatus{File: &messages.File{
		ID: id, State: messages.FileRunning, Info: messages.FileInfo{Size: size},
		Cursor: messages.Cursor{Offset: offset}, Items: items, DoneItems: done,
	}}
}

// run samples a meter once a second. Each second perSecond items of the file are done.
func run(m *Meter, seconds int, f messages.FileStatus, perSecond int64, others ...messages.FileStatus) {
	for n := range seconds + 1 {
		file := *f.File
		file.DoneItems = f.DoneItems + int64(n)*perSecond
		now := messages.FileStatus{File: &file, Paused: f.Paused}
		m.Add(Sample{Counted: messages.Totals{DoneItems: file.DoneItems}, Working: append([]messages.FileStatus{now}, others...)}, start.Add(time.Duration(n)*time.Second))
	}
}

func annotated(m *Meter, f messages.FileStatus) messages.Forecast {
	return m.Annotate([]*messages.FileStatus{&f})[0].Forecast
}

// Half of the file was cut into 50,000 items, so that the other half holds as many.
func TestForecastCountsWhatIsNotCut(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1_000_000, 500_000, 50_000, 0)
	require.EqualValues(t, -1, m.Forecast().Remaining)
	require.EqualValues(t, -1, annotated(m, f).Remaining)
	run(m, 100, f, 100)
	all := m.Forecast()
	require.InDelta(t, 100, all.ItemsPerS, 1e-6)
	require.EqualValues(t, 90_000, all.Remaining)
	require.Equal(t, start.Add(1000*time.Second), all.ETA.Round(time.Second))
	require.Equal(t, all, annotated(m, f))
	require.Zero(t, f.Forecast, "what the dispatcher published is not changed")
}

func TestForecastCountsFilesThatWait(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1000, 1000, 10_000, 0)
	run(m, 50, f, 100)
	m.Add(Sample{Counted: messages.Totals{DoneItems: 5100}, Working: []messages.FileStatus{inWork(1, 1000, 1000, 10_000, 5100)}, Bytes: 2000}, start.Add(51*time.Second))
	require.EqualValues(t, 4900+20_000, m.Forecast().Remaining)
}

// Of a file that was not begun nothing is known but its length.
func TestForecastOfAFileThatWasNotBegun(t *testing.T) {
	t.Parallel()
	m, begun, not := NewMeter(), inWork(1, 1000, 1000, 10_000, 0), inWork(2, 500, 0, 0, 0)
	run(m, 40, begun, 100, not)
	require.EqualValues(t, 6000+5000, m.Forecast().Remaining)
	f := annotated(m, not)
	require.EqualValues(t, 5000, f.Remaining)
	require.Zero(t, f.ETA, "nothing of it has ended")

	m = NewMeter()
	m.Add(Sample{Working: []messages.FileStatus{not}}, start)
	require.EqualValues(t, -1, m.Forecast().Remaining)
	require.Zero(t, m.Forecast().ETA)
}

func TestNoForecastBefore30s(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1000, 1000, 10_000, 0)
	run(m, 29, f, 100)
	require.Zero(t, m.Forecast().ETA)
	require.Zero(t, annotated(m, f).ETA)
	require.InDelta(t, 100, m.Forecast().ItemsPerS, 1e-6)
}

// Nobody waits for a paused file: it counts as remaining, but has no end.
func TestForecastOfAPausedFile(t *testing.T) {
	t.Parallel()
	m, f, paused := NewMeter(), inWork(1, 1000, 1000, 10_000, 0), inWork(2, 1000, 1000, 7000, 0)
	paused.Paused = "too many dead"
	run(m, 60, f, 100, paused)
	require.EqualValues(t, 4000+7000, m.Forecast().Remaining)
	require.Equal(t, start.Add(100*time.Second), m.Forecast().ETA.Round(time.Second))
	require.Zero(t, annotated(m, paused).ETA)

	m, f.Paused = NewMeter(), "too many dead"
	run(m, 60, f, 100)
	require.Zero(t, m.Forecast().ETA)
	require.Zero(t, m.Forecast().ItemsPerS)
	require.Zero(t, annotated(m, f).ETA)
}

// While nothing is handed out at all, nothing has an end.
func TestForecastWhileEverythingIsPaused(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1000, 1000, 10_000, 0)
	run(m, 60, f, 100)
	require.NotZero(t, m.Forecast().ETA)
	f.DoneItems = 6100
	m.Add(Sample{Working: []messages.FileStatus{f}, Paused: true, Bytes: 100}, start.Add(61*time.Second))
	require.Zero(t, m.Forecast().ETA)
	require.EqualValues(t, 3900+1000, m.Forecast().Remaining)
	require.Zero(t, annotated(m, f).ETA)
}

// An hour without work is not an hour of work at no rate.
func TestTimeWithoutWorkDoesNotCount(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1000, 1000, 10_000, 0)
	run(m, 60, f, 100)
	m.Add(Sample{Counted: messages.Totals{DoneItems: 6000}}, start.Add(time.Hour))
	require.Zero(t, m.Forecast().ItemsPerS)
	require.Zero(t, m.Forecast().Remaining)
	for n := range 3 {
		next := inWork(2, 1000, 1000, 10_000, int64(n)*50)
		m.Add(Sample{Counted: messages.Totals{DoneItems: 6000 + int64(n)*50}, Working: []messages.FileStatus{next}}, start.Add(time.Hour+time.Duration(n+1)*time.Second))
	}
	require.InDelta(t, 50, m.Forecast().ItemsPerS, 1e-6)
}

// A retry opens items again, which is no negative progress.
func TestRetryIsNoNegativeRate(t *testing.T) {
	t.Parallel()
	m := NewMeter()
	for n := range 100 {
		f := inWork(1, 1000, 1000, 10_000, int64(n)*10)
		if n < 50 {
			f.DeadItems = 5000
		}
		m.Add(Sample{Counted: messages.Totals{DoneItems: f.DoneItems, DeadItems: 5000}, Working: []messages.FileStatus{f}}, start.Add(time.Duration(n)*time.Second))
		require.InDelta(t, 10, annotated(m, f).ItemsPerS, 10.01)
	}
	require.InDelta(t, 10, m.Forecast().ItemsPerS, 1e-6)
}

// A file that changed while chunks of it are at workers has these left, and nothing else.
func TestForecastOfAFileThatIsNotCutAnyMore(t *testing.T) {
	t.Parallel()
	m, f := NewMeter(), inWork(1, 1_000_000, 500, 10_000, 9000)
	f.State = messages.FileChanged
	m.Add(Sample{Working: []messages.FileStatus{f}}, start)
	require.EqualValues(t, 1000, m.Forecast().Remaining)
	f.Ended = start
	require.Same(t, &f, m.Annotate([]*messages.FileStatus{&f})[0])
}
