package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// overviewBody is the answer of /api/v1/overview. The sums are those of the files
// that are remembered.
type overviewBody struct {
	Role     string         `json:"role"`
	Term     uint64         `json:"term"`
	Leader   leaderBody     `json:"leader"`
	Files    map[string]int `json:"files"` // by state
	Settling int            `json:"settling"`
	Items    itemsBody      `json:"items"`
	Chunks   chunksBody     `json:"chunks"`
	Workers  map[string]int `json:"workers"` // by state
	Ignored  uint64         `json:"ignored_worker_messages"`
	Problems []problemBody  `json:"problems"`
}

type leaderBody struct {
	MasterID string `json:"master_id"`
	API      string `json:"api"`
}

// itemsBody counts items: cut = done + dead + open.
type itemsBody struct {
	Cut  int64 `json:"cut"`
	Done int64 `json:"done"`
	Dead int64 `json:"dead"`
	Open int64 `json:"open"` // in chunks that run, or wait to run again
}

type chunksBody struct {
	Done    int64 `json:"done"`
	Dead    int64 `json:"dead"`
	Ready   int   `json:"ready"`
	Running int   `json:"running"`
}

type problemBody struct {
	Kind  messages.ProblemKind `json:"kind"`
	Part  string               `json:"part"`
	Text  string               `json:"text"`
	Since *time.Time           `json:"since"`
	Count int                  `json:"count"` // things that it concerns, or how often it happened
}

// overview answers how everything goes on.
func (s *Server) overview(c *gin.Context) {
	if _, err := parameters(c.Request.URL.RawQuery); err != nil {
		s.refuseQuery(c, err)
		return
	}
	if o, ok := s.leading(c); ok {
		s.json(c, showOverview(o))
	}
}

// leading asks for the overview of the leader: that of a standby has no files.
func (s *Server) leading(c *gin.Context) (messages.Overview, bool) {
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

// refuseQuery tells what is wrong with the parameters of a reading call.
func (s *Server) refuseQuery(c *gin.Context, err error) {
	text(c, http.StatusBadRequest, "Not answered: "+err.Error()+".")
}

func showOverview(o messages.Overview) overviewBody {
	out := overviewBody{
		Role: o.Role, Term: o.Term, Leader: leaderBody{o.Leader.MasterID, o.Leader.API}, Settling: o.Settling,
		Files: byState(o.Files.States), Workers: map[string]int{}, Ignored: o.Ignored, Problems: []problemBody{},
	}
	out.Items, out.Chunks = sums(o.Files)
	for _, states := range o.Workers {
		for state, n := range states {
			out.Workers[messages.WorkerState(state).String()] += n
		}
	}
	for _, p := range o.Problems {
		out.Problems = append(out.Problems, problemBody{p.Kind, p.Part, p.Text, moment(p.Since), max(1, p.Count)})
	}
	return out
}

// listedStates are the states of files that are versions already: what settles
// has no id, and is counted only.
func listedStates() []string { return names(messages.FileFailed)[messages.FileRunning:] }

func byState(states [messages.FileFailed + 1]int) map[string]int {
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
	return itemsBody{Cut: t.Items, Done: t.DoneItems, Dead: t.DeadItems, Open: t.Items - t.DoneItems - t.DeadItems},
		chunksBody{Done: t.DoneChunks, Dead: t.DeadChunks, Ready: t.Ready, Running: t.Running}
}
