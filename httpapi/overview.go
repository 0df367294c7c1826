package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

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
	Part string `json:"part"`
	Text string `json:"text"`
}

// overview answers how everything goes on.
func (s *Server) overview(c *gin.Context) {
	if _, err := parameters(c.Request.URL.RawQuery); err != nil {
		s.refuseQuery(c, err)
		return
	}
	// Two questions, but one promise of when the answer comes.
	ctx, cancel := context.WithTimeout(c.Request.Context(), AskTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	o, ok := s.leading(c)
	if !ok {
		return
	}
	if workers, ok := ask[[]messages.WorkerStatus](s, c, messages.QueryWorkers{}); ok {
		s.json(c, showOverview(o, workers))
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

func showOverview(o messages.Overview, workers []messages.WorkerStatus) overviewBody {
	out := overviewBody{
		Role: o.Role, Term: o.Term, Leader: leaderBody{o.Leader.MasterID, o.Leader.API}, Settling: o.Settling,
		Files: byState(o.Files), Workers: map[string]int{}, Ignored: o.Ignored, Problems: []problemBody{},
	}
	sums := sum(o.Files)
	out.Items, out.Chunks = sums.items, sums.chunks
	for _, name := range names(messages.WorkerGone) {
		out.Workers[name] = 0
	}
	for _, w := range workers {
		out.Workers[w.State.String()]++
	}
	for _, p := range o.Problems {
		out.Problems = append(out.Problems, problemBody{p.Part, p.Text})
	}
	slices.SortFunc(out.Problems, func(a, b problemBody) int { return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Text, b.Text)) })
	return out
}

// listedStates are the states of files that are versions already: what settles
// has no id, and is counted only.
func listedStates() []string { return names(messages.FileFailed)[messages.FileRunning:] }

func byState(files []messages.FileStatus) map[string]int {
	out := map[string]int{}
	for _, name := range listedStates() {
		out[name] = 0
	}
	for _, f := range files {
		out[f.State.String()]++
	}
	return out
}

// sums is what the files come to together.
type sums struct {
	items  itemsBody
	chunks chunksBody
}

func sum(files []messages.FileStatus) (out sums) {
	for _, f := range files {
		out.items.Cut += f.Items
		out.items.Done += f.DoneItems
		out.items.Dead += f.DeadItems
		out.items.Open += f.Missing()
		out.chunks.Done += f.DoneChunks
		out.chunks.Dead += f.DeadChunks
		out.chunks.Ready += f.Ready
		out.chunks.Running += f.Running
	}
	return out
}
