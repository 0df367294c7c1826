package messages

import "time"

// Forecast is how fast items end, and when the last of them will have ended.
type Forecast struct {
	ItemsPerS float64   // items that end per second, smoothed; 0 while none does
	Remaining int64     // items that have not ended, with an estimate of those that are not cut; below 0 when there is none
	ETA       time.Time // when the last of them will have ended; zero when that cannot be told
}
