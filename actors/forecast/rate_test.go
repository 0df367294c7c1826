package forecast

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// feed adds a sample a second, of as many items as perSecond returns for it.
func feed(r *Rate, from, seconds int, perSecond func(second int) int64) {
	for n := from; n <= from+seconds; n++ {
		r.Add(perSecond(n), start.Add(time.Duration(n)*time.Second))
	}
}

func steady(n int64) func(int) int64 { return func(int) int64 { return n } }

// every returns n items in each period, all at its end.
func every(period int, n int64) func(int) int64 {
	return func(second int) int64 {
		if second%period == 0 {
			return n
		}
		return 0
	}
}

func TestRateIsTheAverageAtFirst(t *testing.T) {
	t.Parallel()
	var r Rate
	require.Zero(t, r.PerSecond())
	feed(&r, 0, 3, steady(100))
	require.InDelta(t, 100, r.PerSecond(), 1e-6, "and not smoothed up from 0")
}

func TestRateFollowsAChange(t *testing.T) {
	t.Parallel()
	var r Rate
	feed(&r, 0, 300, steady(100))
	feed(&r, 301, 90, steady(1000))
	require.InDelta(t, 1000, r.PerSecond(), 60)
}

// Four workers whose chunks of 500 items take two minutes each end one in 30 s.
func TestRateOfLumpsIsCalm(t *testing.T) {
	t.Parallel()
	var r Rate
	feed(&r, 0, 600, every(30, 500))
	low, high := r.PerSecond(), r.PerSecond()
	for n := 601; n < 900; n++ {
		r.Add(every(30, 500)(n), start.Add(time.Duration(n)*time.Second))
		low, high = min(low, r.PerSecond()), max(high, r.PerSecond())
	}
	require.InDelta(t, 500.0/30, (low+high)/2, 1.5)
	require.Less(t, high/low, 1.35)
}

func TestRateEndsInSilence(t *testing.T) {
	t.Parallel()
	var r Rate
	feed(&r, 0, 100, steady(100))
	feed(&r, 101, 80, steady(0))
	require.Greater(t, r.PerSecond(), 1.0)
	feed(&r, 182, 10, steady(0))
	require.Zero(t, r.PerSecond(), "90 s, three time constants, without an end")
	feed(&r, 193, 1, steady(100))
	require.Greater(t, r.PerSecond(), 1.0)
}

func TestNoETAWithoutData(t *testing.T) {
	t.Parallel()
	var r Rate
	feed(&r, 0, 29, steady(100))
	require.Zero(t, r.eta(1000), "less than 30 s")
	feed(&r, 30, 0, steady(100))
	require.Equal(t, start.Add(40*time.Second), r.eta(1000).Round(time.Second))
	require.Zero(t, r.eta(1e15), "it does not move as far as anybody can tell")
	var still Rate
	feed(&still, 0, 100, steady(0))
	require.Zero(t, still.eta(1000))
}

// A clock that stands still or is set back changes nothing.
func TestRateIgnoresTimeThatDoesNotPass(t *testing.T) {
	t.Parallel()
	var r Rate
	feed(&r, 0, 10, steady(100))
	before := r.PerSecond()
	r.Add(1e6, start)
	r.Add(1e6, start.Add(10*time.Second))
	require.Equal(t, before, r.PerSecond())
}
