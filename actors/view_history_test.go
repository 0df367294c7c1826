package actors

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// live has the dispatcher publish for some seconds what changes returns for each of them.
func (v *viewBundle) live(seconds int, changes func(second int) *fileChanges) {
	for n := range seconds {
		v.publish(sourceDispatcher, 0, changes(n))
		time.Sleep(time.Second)
		synctest.Wait()
	}
}

// work is a file of 100,000 items, of which half are cut, with 100 more done each second.
func work(second int) *fileChanges {
	f := testFile(7, 2)
	f.Info.Size, f.Cursor.Offset, f.Items, f.DoneItems = 1_000_000, 500_000, 50_000, int64(second+1)*100
	return &fileChanges{
		changed: []*messages.FileStatus{{File: &f, Ready: 3, Running: 2}}, counted: messages.Totals{DoneItems: f.DoneItems}, readySince: time.Now().Add(-4 * time.Second),
	}
}

func TestForecastInTheAnswers(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		v.live(20, work)
		require.Empty(t, v.glances(sourceDispatcher), "nobody is asked for the history")
		v.ask(messages.QueryHealth{})
		o := expect[messages.Overview](v.asker)
		require.InDelta(t, 100, o.ItemsPerS, 1e-6)
		require.Zero(t, o.ETA, "before 30 s")
		require.Equal(t, 5*time.Second, o.OldestReady, "it was published a second ago")
		v.live(20, func(n int) *fileChanges { return work(20 + n) })
		v.ask(messages.QueryHealth{})
		o = expect[messages.Overview](v.asker)
		require.EqualValues(t, 96_000, o.Remaining)
		require.WithinDuration(t, time.Now().Add(960*time.Second), o.ETA, 2*time.Second)
		v.publish(sourceDispatcher, 0, work(39))
		v.ask(messages.QueryHealth{})
		require.Equal(t, o.Forecast, expect[messages.Overview](v.asker).Working[0].Forecast, "of the last sample")
	})
}

func TestSeriesOutliveATerm(t *testing.T) {
	t.Parallel()
	onView(t, func(v *viewBundle) {
		v.live(10, work)
		series := func() *messages.Series {
			v.ask(messages.QuerySeries{Window: messages.Window5m})
			return expect[*messages.Series](v.asker)
		}
		s := series()
		values := s.Values[messages.SeriesItemsPerS]
		require.InDelta(t, 100, values[len(values)-2], 1e-6)
		require.Equal(t, 3.0, s.Values[messages.SeriesReady][len(values)-2])
		require.Equal(t, 5.0, s.Values[messages.SeriesOldestReadyS][len(values)-2])
		require.True(t, math.IsNaN(values[0]))

		v.term.Number++
		v.lead()
		v.live(5, func(n int) *fileChanges { return work(n) }) // a term counts from 0
		again := series()
		for n, x := range again.Values[messages.SeriesItemsPerS] {
			require.False(t, x < 0, "cell %d", n)
		}
		former := again.From.Sub(s.From) / time.Second
		require.Equal(t, values[len(values)-3], again.Values[messages.SeriesItemsPerS][len(values)-3-int(former)])
	})
}
