package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// maxListed is the number of partitions and batch ids of a worker that are shown. A
// worker may announce any number of them.
const maxListed = 100

// workersInput selects workers.
type workersInput struct {
	Page
	State workerState `query:"state" doc:"Only workers in this state."`
	Kind  string      `query:"kind" enum:"classic,native" doc:"Only workers of this kind."`
	Part  string      `query:"q" doc:"Only workers with this text in their id, in any case."`
}

// workersBody is the answer of /api/v1/workers.
type workersBody struct {
	Total   int          `json:"total" doc:"Number of matching workers, on all pages."`
	Workers []WorkerBody `json:"workers" doc:"In the order of their ids."`
	Next    string       `json:"next" doc:"The cursor of the next page; empty on the last one."`
}

// WorkerBody describes a worker.
type WorkerBody struct {
	ID             messages.WorkerID `json:"id"`
	Kind           string            `json:"kind" doc:"classic or native."`
	State          workerState       `json:"state"`
	Partitions     []int32           `json:"partitions" doc:"As announced, at most 100."`
	PartitionCount int               `json:"partition_count"`
	Capacity       int               `json:"capacity" doc:"Chunks that it works on at once."`
	Held           []string          `json:"held" doc:"Batch ids that were sent to it and have not ended, those that are queued at it too; at most 100."`
	HeldCount      int               `json:"held_count"`
	HeldSince      []*time.Time      `json:"held_since" doc:"Since when it has each of them."`
	Running        []heldBody        `json:"running" doc:"Those of held that it has begun."`
	Queued         []heldBody        `json:"queued" doc:"Those of held that it has not begun."`
	SeenAt         *time.Time        `json:"seen_at" doc:"Time of its last message."`
	Note           string            `json:"note" doc:"Why it gets no chunks."`
	DrainedBy      string            `json:"drained_by" doc:"Who drained it, empty unless a person did."`
	DrainedSince   *time.Time        `json:"drained_since"`
	Why            *whyBody          `json:"why" doc:"Why it runs nothing; null while it does."`
	DoneCount      uint64            `json:"done_count" doc:"Messages done of a classic worker since this master began to lead; they decide nothing."`
}

func (s *Server) registerWorkers() {
	register(s, huma.Operation{
		OperationID: "list-workers", Method: http.MethodGet, Path: "/workers", Summary: "List the workers",
	}, s.workers)
	s.registerWorker()
	s.registerRecall()
}

// workers answers with the matching workers, ordered by id.
func (s *Server) workers(ctx context.Context, in *workersInput) (out workersBody, err error) {
	all, err := ask[[]messages.WorkerStatus](ctx, s, messages.QueryWorkers{})
	if err != nil {
		return out, err
	}
	return showWorkers(all, in), nil
}

func showWorkers(all []messages.WorkerStatus, want *workersInput) workersBody {
	out := workersBody{Workers: []WorkerBody{}}
	part := strings.ToLower(want.Part)
	for _, w := range all {
		switch {
		case want.State != "" && w.State.String() != string(want.State),
			want.Kind != "" && w.Kind.String() != want.Kind,
			!strings.Contains(strings.ToLower(string(w.ID)), part):
			continue
		}
		out.Total++
		switch {
		case string(w.ID) <= want.Cursor:
		case len(out.Workers) < want.Limit:
			out.Workers = append(out.Workers, showWorker(w))
		default:
			out.Next = string(out.Workers[want.Limit-1].ID)
		}
	}
	return out
}

func showWorker(w messages.WorkerStatus) WorkerBody {
	held := first(w.Held)
	out := WorkerBody{
		ID: w.ID, Kind: w.Kind.String(), State: workerState(w.State.String()), Capacity: w.Capacity,
		Partitions: first(w.Partitions), PartitionCount: len(w.Partitions), Held: heldNames(held), HeldCount: len(w.Held), HeldSince: heldSince(held), Running: showHeld(held, true), Queued: showHeld(held, false),
		SeenAt: jsonTime(w.Seen), Note: w.Note, Why: showWhy(w.Why), DoneCount: w.Done,
	}
	out.DrainedBy, out.DrainedSince = showDrain(w.Drain)
	return out
}

// first returns the first maxListed entries of a list, as [] and not null when it is
// empty.
func first[T any](list []T) []T {
	return append([]T{}, list[:min(len(list), maxListed)]...)
}
