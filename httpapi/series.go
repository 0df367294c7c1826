package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// seriesInput selects the history of figures.
type seriesInput struct {
	Names  []seriesName `query:"name" doc:"The figures, separated by commas. Default: all."`
	Window seriesWindow `query:"window" default:"5m" doc:"How far back: 5m in steps of 1 s, 1h of 10 s, or 24h of 60 s."`
}

// seriesName is the name of a figure.
type seriesName string

// Schema implements huma.SchemaProvider.
func (seriesName) Schema(huma.Registry) *huma.Schema {
	return oneOf(names(messages.SeriesFailedAndDead))
}

// seriesWindow is the name of a window.
type seriesWindow string

// Schema implements huma.SchemaProvider.
func (seriesWindow) Schema(huma.Registry) *huma.Schema { return oneOf(names(messages.Window24h)) }

// seriesBody is the answer of /api/v1/series.
type seriesBody struct {
	Window seriesWindow          `json:"window"`
	Step   float64               `json:"step_s" doc:"Length of a step."`
	From   *time.Time            `json:"from" doc:"Beginning of the first step."`
	Series map[string][]*float64 `json:"series" doc:"One value for each step, by the name of the figure; null where this leader took no sample."`
}

func (s *Server) registerSeries() {
	register(s, huma.Operation{
		OperationID: "get-series", Method: http.MethodGet, Path: "/series",
		Summary:     "Show the history of a few figures, as far as this leader has seen it",
		Description: "A step has the mean of its samples; of oldest_ready_s it has the largest, of failed_and_dead the last one.",
	}, s.series)
}

// series answers with the history of the wanted figures.
func (s *Server) series(ctx context.Context, in *seriesInput) (out seriesBody, err error) {
	var window messages.SeriesWindow
	for w := range messages.SeriesWindow(messages.WindowCount) {
		if w.String() == string(in.Window) {
			window = w
		}
	}
	all, err := ask[*messages.Series](ctx, s, messages.QuerySeries{Window: window})
	if err != nil {
		return out, err
	}
	out = seriesBody{Window: in.Window, Step: window.Step().Seconds(), From: jsonTime(all.From), Series: map[string][]*float64{}}
	wanted := map[string]bool{}
	for _, name := range in.Names {
		wanted[string(name)] = true
	}
	for n, values := range all.Values {
		if name := messages.SeriesName(n).String(); len(wanted) == 0 || wanted[name] {
			out.Series[name] = jsonValues(values)
		}
	}
	return out, nil
}

// jsonValues returns values as JSON has them, which knows no NaN.
func jsonValues(values []float64) []*float64 {
	out := make([]*float64, len(values))
	for i, x := range values {
		if !math.IsNaN(x) {
			x = rounded(x)
			out[i] = &x
		}
	}
	return out
}
