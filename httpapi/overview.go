package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// overviewBody is the answer of /api/v1/overview. The sums are over all remembered
// files.
type overviewBody struct {
	Role     string          `json:"role" doc:"Role of the master that answers: the leader."`
	Term     uint64          `json:"term" doc:"Number of the leadership."`
	Leader   leaderBody      `json:"leader"`
	Files    map[string]int  `json:"files" doc:"Number of files by state."`
	Settling int             `json:"settling" doc:"Files of the folder that are not taken yet; they have no id and are not listed."`
	Items    itemCountsBody  `json:"items"`
	Chunks   chunkCountsBody `json:"chunks"`
	ForecastBody
	OldestReady float64        `json:"oldest_ready_s" doc:"How long the oldest of the ready chunks has waited."`
	Workers     map[string]int `json:"workers" doc:"Number of workers by state."`
	Ignored     uint64         `json:"ignored_worker_messages" doc:"Messages that could not be read or came from unknown workers, since this master began to lead."`
	Dispatch    dispatchBody   `json:"dispatch"`
	Problems    []problemBody  `json:"problems"`
}

type leaderBody struct {
	MasterID string `json:"master_id"`
	API      string `json:"api" doc:"Where the other masters reach it."`
}

// itemCountsBody counts items, with Cut = Done + Failed + Dead + Cancelled + Open.
type itemCountsBody struct {
	Cut       int64 `json:"cut" doc:"The sum of the others. Lines that have not been cut are not counted."`
	Done      int64 `json:"done"`
	Failed    int64 `json:"failed" doc:"Items that failed in done chunks."`
	Dead      int64 `json:"dead" doc:"Items of dead chunks."`
	Cancelled int64 `json:"cancelled" doc:"Items that were cut and not done when their file was cancelled."`
	Open      int64 `json:"open" doc:"Items of chunks that run or wait to run again."`
}

type chunkCountsBody struct {
	Done      int64 `json:"done"`
	Dead      int64 `json:"dead"`
	Cancelled int64 `json:"cancelled"`
	Ready     int   `json:"ready" doc:"Chunks that are cut and wait; the master cuts only a little ahead."`
	Running   int   `json:"running" doc:"Chunks at workers."`
}

type problemBody struct {
	Kind  messages.ProblemKind `json:"kind"`
	Part  string               `json:"part" doc:"kafka, state, input, workers or master."`
	Text  string               `json:"text"`
	Since *time.Time           `json:"since"`
	Count int                  `json:"count" doc:"How many things it concerns, or how often it happened; at least 1."`
	// The place is that of one of the things that it concerns.
	FileID messages.FileID   `json:"file_id" doc:"Version of the file where it is, 0 for none."`
	Path   string            `json:"path" doc:"Of that file, else empty."`
	Worker messages.WorkerID `json:"worker" doc:"The worker where it is, else empty."`
	Chunk  string            `json:"chunk" doc:"Batch id of the attempt where it is, else empty."`
	Cures  []cureBody        `json:"cures" doc:"What can be done about it, the best first."`
}

// cureBody is one thing that a person can do about a problem.
type cureBody struct {
	Text    string    `json:"text" doc:"What it is for, as a request."`
	Command string    `json:"command" doc:"The command line that does it, else empty."`
	Call    *callBody `json:"call" doc:"The call of this API that does it, else null."`
}

type callBody struct {
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Body   map[string]any `json:"body"`
}

// Schema implements huma.SchemaProvider. What no call does has null in its place.
func (callBody) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{
		Type: huma.TypeObject, Nullable: true, AdditionalProperties: false, Required: []string{"method", "path", "body"},
		Properties: map[string]*huma.Schema{
			"method": {Type: huma.TypeString}, "path": {Type: huma.TypeString, Description: "Below /api/v1/."},
			"body": {Type: huma.TypeObject, Nullable: true, AdditionalProperties: true, Description: "null for none."},
		},
	}
	s.PrecomputeMessages()
	return s
}

func (s *Server) registerOverview() {
	register(s, huma.Operation{
		OperationID: "get-overview", Method: http.MethodGet, Path: "/overview", Summary: "Show the state of everything in one answer",
	}, s.overview)
}

// overview answers with the overview of the deployment.
func (s *Server) overview(ctx context.Context, _ *none) (out overviewBody, err error) {
	o, err := s.leaderOverview(ctx, false)
	if err != nil {
		return out, err
	}
	return showOverview(o), nil
}

func showOverview(o messages.Overview) overviewBody {
	out := overviewBody{
		Role: o.Role, Term: o.Term, Leader: leaderBody{o.Leader.MasterID, o.Leader.API}, Settling: o.Settling,
		Files: byState(o.Files.States), Workers: map[string]int{}, Ignored: o.Ignored, Dispatch: showDispatch(o.Dispatch), Problems: []problemBody{},
	}
	out.Items, out.Chunks = sums(o.Files)
	out.ForecastBody, out.OldestReady = showForecast(o.Forecast), rounded(o.OldestReady.Seconds())
	for _, states := range o.Workers {
		for state, n := range states {
			out.Workers[messages.WorkerState(state).String()] += n
		}
	}
	for _, p := range o.Problems {
		out.Problems = append(out.Problems, showProblem(p))
	}
	return out
}

func showProblem(p messages.Problem) problemBody {
	out := problemBody{
		Kind: p.Kind, Part: p.Part, Text: p.Text, Since: jsonTime(p.Since), Count: max(1, p.Count),
		FileID: p.File, Path: p.Path, Worker: p.Worker, Chunk: p.Chunk, Cures: []cureBody{},
	}
	for _, c := range p.Cures {
		body := cureBody{Text: c.Text, Command: c.Command}
		if c.Call != nil {
			body.Call = &callBody{c.Call.Method, c.Call.Path, c.Call.Body}
		}
		out.Cures = append(out.Cures, body)
	}
	return out
}

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

func sums(t messages.FileTotals) (itemCountsBody, chunkCountsBody) {
	open := t.Items - t.DoneItems - t.FailedItems - t.DeadItems - t.CancelledItems
	return itemCountsBody{Cut: t.Items, Done: t.DoneItems, Failed: t.FailedItems, Dead: t.DeadItems, Cancelled: t.CancelledItems, Open: open},
		chunkCountsBody{Done: t.DoneChunks, Dead: t.DeadChunks, Cancelled: t.CancelledChunks, Ready: t.Ready, Running: t.Running}
}
