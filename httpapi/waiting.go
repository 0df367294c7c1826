package httpapi

import (
	"context"
	"net/http"
	"sort"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// waitingInput selects files that are not taken yet.
type waitingInput struct {
	Page
	Part string `query:"q" doc:"Only files with this text in their path, in any case."`
}

// waitingFilesBody is the answer of /api/v1/waiting.
type waitingFilesBody struct {
	Total int               `json:"total" doc:"Number of matching files, on all pages."`
	Files []waitingFileBody `json:"files" doc:"In the order of their paths."`
	Next  string            `json:"next" doc:"The cursor of the next page; empty on the last one."`
}

// waitingFileBody is a file of the folder that is not taken into work yet, so it has no id.
type waitingFileBody struct {
	Path       string     `json:"path"`
	Size       int64      `json:"size" doc:"In bytes."`
	ModifiedAt *time.Time `json:"modified_at"`
	Since      *time.Time `json:"since" doc:"Since when it looks like that."`
	Settled    bool       `json:"settled" doc:"Whether it only waits for a place in work."`
	Priority   int        `json:"priority" doc:"The priority that it will have; 0 where nobody set one."`
	Why        *whyBody   `json:"why" doc:"Why it is not taken yet."`
}

// setWaitingInput changes the priority of such a file.
type setWaitingInput struct {
	Body struct {
		Path     string `json:"path" doc:"Path of the file in the folder."`
		Priority int    `json:"priority" minimum:"-10" maximum:"10" doc:"It gets a place in work before files with a lower one."`
	}
}

// waitingPriorityBody is what a change of such a file concerns.
type waitingPriorityBody struct {
	Priority int `json:"priority"`
}

func (s *Server) registerWaiting() {
	register(s, huma.Operation{
		OperationID: "list-waiting", Method: http.MethodGet, Path: "/waiting", Summary: "List the files of the folder that are not taken into work yet",
	}, s.waiting)
	register(s, huma.Operation{
		OperationID: "set-waiting", Method: http.MethodPatch, Path: "/waiting", Summary: "Set the priority of a file that is not taken yet",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.setWaiting)
}

func (s *Server) waiting(ctx context.Context, in *waitingInput) (out waitingFilesBody, err error) {
	all, err := ask[[]messages.WaitingFile](ctx, s, messages.QueryWaiting{Part: in.Part})
	if err != nil {
		return out, err
	}
	out = waitingFilesBody{Total: len(all), Files: []waitingFileBody{}}
	if in.Cursor != "" {
		all = all[sort.Search(len(all), func(i int) bool { return all[i].Info.Path > in.Cursor }):]
	}
	for _, f := range all[:min(len(all), in.Limit)] {
		out.Files = append(out.Files, waitingFileBody{
			Path: f.Info.Path, Size: f.Info.Size, ModifiedAt: jsonTime(f.Info.ModTime), Since: jsonTime(f.Since), Settled: f.Settled, Priority: f.Priority, Why: showWhy(f.Why),
		})
	}
	if len(all) > in.Limit {
		out.Next = all[in.Limit-1].Info.Path
	}
	return out, nil
}

func (s *Server) setWaiting(ctx context.Context, in *setWaitingInput) (out changed[waitingPriorityBody], err error) {
	x, err := ask[messages.WaitingChanged](ctx, s, messages.SetWaiting{Path: in.Body.Path, Priority: in.Body.Priority, By: by(ctx)})
	return changed[waitingPriorityBody]{Old: waitingPriorityBody{x.Old}, New: waitingPriorityBody{x.New}}, err
}
