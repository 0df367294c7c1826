package actors

import (
	"time"

	"kafka-master/actors/forecast"
	"kafka-master/messages"
)

// history is what the view knows of the past: rates, forecasts and series. It is pure state.
type history struct {
	meter      *forecast.Meter
	series     *forecast.Series
	readySince time.Time // since when the oldest of the ready chunks waits, zero without any
	at         time.Time // time of the last sample in this term, zero before
	ended      int64     // items that had ended then
}

// sample is what the view knows at one moment.
type sample struct {
	counted       messages.Totals
	totals        messages.FileTotals
	working       []messages.FileStatus
	settlingBytes int64
	paused        bool // nothing is handed out
	busy          int  // workers
}

func newHistory() history {
	return history{meter: forecast.NewMeter(), series: forecast.NewSeries()}
}

// beginTerm forgets the rates, because a term counts from 0. The series go on, with a gap.
func (h *history) beginTerm() { *h = history{meter: forecast.NewMeter(), series: h.series} }

// oldestReady returns how long the oldest of the ready chunks has waited.
func (h *history) oldestReady(now time.Time) time.Duration {
	if h.readySince.IsZero() {
		return 0
	}
	return max(0, now.Sub(h.readySince))
}

// add adds a sample. The first one of a term has nothing that the series could compare it
// with.
func (h *history) add(s sample, now time.Time) {
	h.meter.Add(forecast.Sample{Counted: s.counted, Working: s.working, Bytes: s.settlingBytes, Paused: s.paused}, now)
	ended, seconds := s.counted.EndedItems(), now.Sub(h.at).Seconds()
	if !h.at.IsZero() && seconds > 0 {
		h.series.Add(forecast.Figures{
			messages.SeriesItemsPerS:     float64(ended-h.ended) / seconds,
			messages.SeriesReady:         float64(s.totals.Ready),
			messages.SeriesRunning:       float64(s.totals.Running),
			messages.SeriesOldestReadyS:  h.oldestReady(now).Seconds(),
			messages.SeriesBusyWorkers:   float64(s.busy),
			messages.SeriesFailedAndDead: float64(s.totals.FailedItems + s.totals.DeadItems),
		}, now)
	}
	h.at, h.ended = now, ended
}
