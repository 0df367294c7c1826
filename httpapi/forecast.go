package httpapi

import (
	"math"
	"time"

	"kafka-master/messages"
)

// forecastBody is the part of an answer that says how fast items end, and until when.
type forecastBody struct {
	ItemsPerS      float64    `json:"items_per_s"`     // smoothed
	ItemsRemaining *int64     `json:"items_remaining"` // with an estimate of those that are not cut
	ETA            *time.Time `json:"eta_at"`
}

func showForecast(f messages.Forecast) forecastBody {
	out := forecastBody{ItemsPerS: rounded(f.ItemsPerS), ETA: jsonTime(f.ETA)}
	if f.Remaining >= 0 {
		out.ItemsRemaining = &f.Remaining
	}
	return out
}

// rounded returns a figure with three decimals. More of them would only look exact.
func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }
