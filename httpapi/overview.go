package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// overviewBody is the answer of /api/v1/overview. The sums are over all remembered
// files.
type overviewBody struct {
	Role     string         `json:"role"`
	Term     uint64         `json:"term"`
	Leader   leaderBody     `json:"leader"`
	Files    map[string]int `json:"files"` // by state
	Settling int            `json:"settling"`
	Items    itemsBody      `json:"items"`
	Chunks   chunksBody     `json:"chunks"`
	forecastBody
	OldestReady float64        `json:"oldest_ready_s"` // how long the oldest of the ready chunks has waited
	Workers     map[string]int `json:"workers"`        // by state
	Ignored     uint64         `json:"ignored_worker_messages"`
	Problems    []problemBody  `json:"problems"`
}

type leaderBody struct {
	MasterID string `json:"master_id"`
	API      string `json:"api"`
}

// itemsBody counts items, with Cut = Done + Failed + Dead + Cancelled + Open.
type itemsBody struct {
	Cut    int64 `json:"cut"`
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"` // items that failed in done chunks
	Dead   int64 `json:"dead"`
	// Cancelled items were cut and were not done when their file was cancelled.
	Cancelled int64 `json:"cancelled"`
	Open      int64 `json:"open"` // items of chunks that run or wait to run again
}

type chunksBody struct {
	Done      int64 `json:"done"`
	Dead      int64 `json:"dead"`
	Cancelled int64 `json:"cancelled"`
	Ready     int   `json:"ready"`
	Running   int   `json:"running"`
}

type problemBody struct {
	Kind  messages.ProblemKind `json:"kind"`
	Part  string               `json:"part"`
	Text  string               `json:"text"`
	Since *time.Time           `json:"since"`
	Count int                  `json:"count"` // number of things concerned, or of occurrences
}

// overview answers with the overview of the deployment.
func (s *Server) overview(c *gin.Context) {
	if _, err := parameters(c.Request.URL.RawQuery); err != nil {
		s.refuseQuery(c, err)
		return
	}
	if o, ok := s.leaderOverview(c); ok {
		s.json(c, showOverview(o))
	}
}

// leaderOverview asks for the overview and forwards the call if this master does not
// lead, since only the leader knows the files.
func (s *Server) leaderOverview(c *gin.Context) (messages.Overview, bool) {
	o, ok := ask[messages.Overview](s, c, messages.QueryOverview{})
	switch {
	case !ok:
		return o, false
	case o.Role == "leader":
		return o, true
	case o.Role == "standby":
		s.fail(c, &messages.NotLeader{Leader: o.Leader})
	default:
		s.fail(c, fmt.Errorf("%w: the master is %s", messages.ErrUnavailable, o.Role))
	}
	return o, false
}

// refuseQuery answers a reading call that has wrong parameters.
func (s *Server) refuseQuery(c *gin.Context, err error) {
	text(c, http.StatusBadRequest, "Not answered: "+err.Error()+".")
}

func showOverview(o messages.Overview) overviewBody {
	out := overviewBody{
		Role: o.Role, Term: o.Term, Leader: leaderBody{o.Leader.MasterID, o.Leader.API}, Settling: o.Settling,
		Files: byState(o.Files.States), Workers: map[string]int{}, Ignored: o.Ignored, Problems: []problemBody{},
	}
	out.Items, out.Chunks = sums(o.Files)
	out.forecastBody, out.OldestReady = showForecast(o.Forecast), rounded(o.OldestReady.Seconds())
	for _, states := range o.Workers {
		for state, n := range states {
			out.Workers[messages.WorkerState(state).String()] += n
		}
	}
	for _, p := range o.Problems {
		out.Problems = append(out.Problems, problemBody{p.Kind, p.Part, p.Text, jsonTime(p.Since), max(1, p.Count)})
	}
	return out
}

// listedStates returns the states of files that have an id. A file that settles has
// none, and is only counted.
func listedStates() []string { return names(messages.LastFileState)[messages.FileRunning:] }

func byState(states [messages.LastFileState + 1]int) map[string]int {
	out := map[string]int{}
	for _, name := range listedStates() {
		out[name] = 0
	}
	for state, n := range states {
		if n != 0 {
			out[messages.FileState(state).String()] = n
		}
	}
	return out
}

func sums(t messages.FileTotals) (itemsBody, chunksBody) {
	open := t.Items - t.DoneItems - t.FailedItems - t.DeadItems - t.CancelledItems
	return itemsBody{Cut: t.Items, Done: t.DoneItems, Failed: t.FailedItems, Dead: t.DeadItems, Cancelled: t.CancelledItems, Open: open},
		chunksBody{Done: t.DoneChunks, Dead: t.DeadChunks, Cancelled: t.CancelledChunks, Ready: t.Ready, Running: t.Running}
}
