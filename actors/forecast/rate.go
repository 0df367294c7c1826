package forecast

import (
	"math"
	"time"
)

const (
	// minSmoothing is the shortest time constant of a rate.
	minSmoothing = 30 * time.Second
	// gapsSmoothed is how many of the usual pauses between two ends the time constant
	// spans, so that a rate does not swing with each chunk that takes long.
	gapsSmoothed = 4
	// silent is after how many time constants without an end a rate is 0.
	silent = 3
	// enough is how long a rate must have been measured before anything is predicted
	// from it.
	enough = 30 * time.Second
)

// Rate is a number of items per second, smoothed exponentially. Its first values are the
// average since the beginning: what lies before it does not count as time without an end.
type Rate struct {
	began  time.Time     // time of the first sample
	last   time.Time     // time of the last sample
	moved  time.Time     // time of the last sample with items
	gap    time.Duration // usual time between two such samples, zero before the first
	items  float64       // items, and the seconds in which they ended, each weighted by age
	weight float64
}

// Add adds the items that ended since the last sample. Those of the first sample ended at an
// unknown time, and do not count.
func (r *Rate) Add(items int64, now time.Time) {
	if r.began.IsZero() {
		r.began, r.last, r.moved = now, now, now
		return
	}
	seconds := now.Sub(r.last).Seconds()
	if seconds <= 0 {
		return
	}
	if items > 0 {
		gap := now.Sub(r.moved)
		if r.gap > 0 {
			gap = r.gap + (gap-r.gap)/4
		}
		r.gap, r.moved = gap, now
	}
	decay := math.Exp(-seconds / r.smoothing().Seconds())
	r.items = r.items*decay + float64(max(0, items))
	r.weight = r.weight*decay + seconds
	r.last = now
}

// smoothing is the time constant.
func (r *Rate) smoothing() time.Duration { return max(minSmoothing, gapsSmoothed*r.gap) }

// PerSecond returns the rate, 0 when nothing has ended for long.
func (r *Rate) PerSecond() float64 {
	if r.weight == 0 || r.last.Sub(r.moved) > silent*r.smoothing() {
		return 0
	}
	return r.items / r.weight
}

// eta returns when the remaining items will have ended, zero when that cannot be told.
func (r *Rate) eta(remaining float64) time.Time {
	perSecond := r.PerSecond()
	if perSecond <= 0 || remaining < 0 || r.last.Sub(r.began) < enough {
		return time.Time{}
	}
	seconds := remaining / perSecond
	if seconds > maxPrediction.Seconds() {
		return time.Time{}
	}
	return r.last.Add(time.Duration(seconds * float64(time.Second)))
}

// maxPrediction bounds a prediction: what takes longer does not move.
const maxPrediction = 10 * 365 * 24 * time.Hour
