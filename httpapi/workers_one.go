package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// workerInput names a worker in the path.
type workerInput struct {
	ID string `path:"id" doc:"The worker, percent-encoded."`
}

// oneWorkerBody describes a worker with its last attempts.
type oneWorkerBody struct {
	WorkerBody
	Attempts []attemptBody `json:"attempts" doc:"Its attempts that ended last, the newest first, at most 20, since this master began to lead."`
}

// attemptBody describes an attempt that has ended.
type attemptBody struct {
	FileID      messages.FileID `json:"file_id"`
	Path        string          `json:"path" doc:"Of the file, empty when it is not remembered any more."`
	Chunk       string          `json:"chunk" doc:"Batch id of the attempt, empty when the file is not remembered any more."`
	Attempt     int             `json:"attempt" doc:"Number of the attempt at its chunk."`
	Items       int             `json:"items"`
	ItemsFailed int64           `json:"items_failed" doc:"Items that failed in a chunk that is done."`
	BeganAt     *time.Time      `json:"began_at" doc:"When it began, as far as that is known, else when it was handed out."`
	EndedAt     *time.Time      `json:"ended_at"`
	Result      string          `json:"result" doc:"How it ended: done, late, failed, retry, recalled, lost and so on, as in the journal."`
	Error       string          `json:"error" doc:"Why it was no success, at most 100 bytes."`
}

// standingBody is what an action changes of a worker.
type standingBody struct {
	State        workerState `json:"state"`
	DrainedBy    string      `json:"drained_by" doc:"Who drained it, empty unless a person did."`
	DrainedSince *time.Time  `json:"drained_since"`
}

func (s *Server) registerWorker() {
	register(s, huma.Operation{
		OperationID: "get-worker", Method: http.MethodGet, Path: "/workers/{id}", Summary: "Show a worker with its last attempts",
		Errors: []int{http.StatusNotFound},
	}, s.worker)
	for _, x := range []struct {
		action, summary string
		query           func(id messages.WorkerID, by string) messages.Query
	}{
		{"drain", "Give a worker no new chunks until it is resumed", func(id messages.WorkerID, by string) messages.Query {
			return messages.DrainWorker{ID: id, By: by}
		}},
		{"resume", "Give a drained worker chunks again", func(id messages.WorkerID, by string) messages.Query {
			return messages.ResumeWorker{ID: id, By: by}
		}},
		{"forget", "Drop a worker that is lost or gone", func(id messages.WorkerID, by string) messages.Query {
			return messages.ForgetWorker{ID: id, By: by}
		}},
	} {
		register(s, huma.Operation{
			OperationID: x.action + "-worker", Method: http.MethodPost, Path: "/workers/{id}/" + x.action, Summary: x.summary,
			Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, func(ctx context.Context, in *workerInput) (out changed[standingBody], err error) {
			id, err := in.worker(ctx)
			if err != nil {
				return out, err
			}
			c, err := ask[messages.WorkerChanged](ctx, s, x.query(id, by(ctx)))
			if err != nil {
				return out, err
			}
			return changed[standingBody]{Old: showStanding(c.Old), New: showStanding(c.New)}, nil
		})
	}
}

// recallInput is a request to have a worker give chunks back.
type recallInput struct {
	ID   string `path:"id" doc:"The worker, percent-encoded."`
	Body struct {
		Chunk string `json:"chunk,omitempty" maxLength:"255" doc:"Batch id, as in running and queued of the worker; without one all that it has."`
	}
}

// recalledBody is the answer to it.
type recalledBody struct {
	Chunks []string `json:"chunks" doc:"Batch ids that the worker was asked to give back."`
}

func (s *Server) registerRecall() {
	register(s, huma.Operation{
		OperationID: "recall-chunks", Method: http.MethodPost, Path: "/workers/{id}/recall",
		Summary:     "Have a worker give chunks back that it runs or has queued",
		Description: "Their commands are ended, and they run again, at another worker if there is one. It is no failure of theirs.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.recall)
}

// recall has the worker in the path give chunks back.
func (s *Server) recall(ctx context.Context, in *recallInput) (out recalledBody, err error) {
	id, err := (&workerInput{ID: in.ID}).worker(ctx)
	if err != nil {
		return out, err
	}
	r, err := ask[messages.ChunksRecalled](ctx, s, messages.RecallChunks{Worker: id, BatchID: in.Body.Chunk, By: by(ctx)})
	return recalledBody{Chunks: append([]string{}, r.BatchIDs...)}, err
}

// worker returns the id in the path. It may hold any characters, slashes too, so the path is
// matched before it is decoded.
func (in *workerInput) worker(ctx context.Context) (messages.WorkerID, error) {
	id := in.ID
	if c, ok := ctx.Value(ginKey{}).(*gin.Context); ok && c.Request.URL.RawPath != "" {
		var err error
		if id, err = url.PathUnescape(id); err != nil {
			return "", badValue("path.id", in.ID, "must be percent-encoded")
		}
	}
	if err := messages.WorkerID(id).Validate(); err != nil {
		return "", notFound("No worker can have this id.")
	}
	return messages.WorkerID(id), nil
}

// worker answers with the worker whose id is in the path.
func (s *Server) worker(ctx context.Context, in *workerInput) (out oneWorkerBody, err error) {
	id, err := in.worker(ctx)
	if err != nil {
		return out, err
	}
	w, err := ask[*messages.WorkerDetail](ctx, s, messages.QueryWorker{ID: id})
	switch {
	case err != nil:
		return out, err
	case w == nil:
		return out, notFound("No worker has this id: it never announced itself, it left, or it was forgotten.")
	}
	out = oneWorkerBody{WorkerBody: showWorker(w.WorkerStatus), Attempts: []attemptBody{}}
	for _, a := range w.Attempts {
		out.Attempts = append(out.Attempts, attemptBody{
			FileID: a.Chunk.File, Path: a.Path, Chunk: a.BatchID, Attempt: a.Number, Items: a.Items, ItemsFailed: a.Failed,
			BeganAt: jsonTime(a.Began), EndedAt: jsonTime(a.Ended), Result: a.Result, Error: a.Error,
		})
	}
	return out, nil
}

func showStanding(x messages.WorkerStanding) standingBody {
	out := standingBody{State: workerState(x.State.String())}
	out.DrainedBy, out.DrainedSince = showDrain(x.Drain)
	return out
}

func showDrain(d *messages.Drain) (by string, since *time.Time) {
	if d == nil {
		return "", nil
	}
	return d.By, jsonTime(d.Since)
}
