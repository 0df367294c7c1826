package httpapi

import (
	"math"
	"time"

	"kafka-master/messages"
)

// ForecastBody is the part of an answer that says how fast items end, and until when.
type ForecastBody struct {
	ItemsPerS      float64    `json:"items_per_s" doc:"How many items end in a second, smoothed."`
	ItemsRemaining *int64     `json:"items_remaining" doc:"Items that have not ended, with an estimate of those that are not cut; null when it is not known."`
	ETA            *time.Time `json:"eta_at" doc:"When the last of them will have ended; null while there is too little to tell."`
}

func showForecast(f messages.Forecast) ForecastBody {
	out := ForecastBody{ItemsPerS: rounded(f.ItemsPerS), ETA: jsonTime(f.ETA)}
	if f.Remaining >= 0 {
		out.ItemsRemaining = &f.Remaining
	}
	return out
}

// rounded returns a figure with three decimals. More of them would only look exact.
func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }
