package forecast

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func figures(x float64) (f Figures) {
	for i := range f {
		f[i] = x
	}
	return f
}

// newest returns the last n values of a figure.
func newest(s *messages.Series, name messages.SeriesName, n int) []float64 {
	v := s.Values[name]
	return v[len(v)-n:]
}

func TestSeriesHasThreeWindows(t *testing.T) {
	t.Parallel()
	s := NewSeries()
	at := start
	for n := range 2 * 24 * 3600 {
		at = start.Add(time.Duration(n) * time.Second)
		s.Add(figures(float64(n)), at)
	}
	last := float64(2*24*3600 - 1)
	for w, want := range [][]float64{{last - 1, last}, {last - 14.5, last - 4.5}, {last - 89.5, last - 29.5}} {
		got := s.Read(messages.SeriesWindow(w), at)
		require.Equal(t, want, newest(got, messages.SeriesReady, 2))
		require.Len(t, got.Values[messages.SeriesReady], messages.SeriesWindow(w).Cells())
		require.False(t, math.IsNaN(got.Values[messages.SeriesReady][0]), "the whole window is kept")
		end := got.From.Add(time.Duration(messages.SeriesWindow(w).Cells()) * messages.SeriesWindow(w).Step())
		require.True(t, end.After(at) && !end.After(at.Add(messages.SeriesWindow(w).Step())))
	}
	hour := s.Read(messages.Window1h, at)
	require.Equal(t, []float64{last}, newest(hour, messages.SeriesOldestReadyS, 1), "the largest")
	s.Add(figures(3), at)
	require.Equal(t, []float64{3}, newest(s.Read(messages.Window1h, at), messages.SeriesFailedAndDead, 1), "the last")
	require.Equal(t, []float64{last}, newest(s.Read(messages.Window1h, at), messages.SeriesOldestReadyS, 1))
}

func TestSeriesHasGaps(t *testing.T) {
	t.Parallel()
	s := NewSeries()
	empty := s.Read(messages.Window5m, start)
	require.Len(t, empty.Values[0], 300)
	require.True(t, math.IsNaN(empty.Values[0][299]))
	s.Add(figures(1), start)
	s.Add(figures(2), start.Add(2*time.Second)) // a sample came a little late
	s.Add(figures(3), start.Add(5*time.Second))
	got := newest(s.Read(messages.Window5m, start.Add(6*time.Second)), 0, 8)
	for n, want := range []float64{math.NaN(), 1, 2, 2, math.NaN(), math.NaN(), 3, math.NaN()} {
		require.True(t, want == got[n] || math.IsNaN(want) && math.IsNaN(got[n]), "%v", got)
	}
	s.Add(figures(9), start.Add(time.Hour))
	got = newest(s.Read(messages.Window5m, start.Add(time.Hour)), 0, 300)
	require.Equal(t, 9.0, got[299])
	require.True(t, math.IsNaN(got[0]) && math.IsNaN(got[298]), "what is older than the window is gone")
	s.Add(figures(7), start)
	require.Equal(t, 9.0, newest(s.Read(messages.Window5m, start.Add(time.Hour)), 0, 1)[0], "the clock was set back")
}
