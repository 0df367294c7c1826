package httpapi

import (
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// maxListed is the number of partitions and batch ids of a worker that are shown. A
// worker may announce any number of them.
const maxListed = 100

// workersBody is the answer of /api/v1/workers.
type workersBody struct {
	Total   int          `json:"total"` // number of matching workers; Workers has the first ones
	Workers []workerBody `json:"workers"`
}

// workerBody describes a worker.
type workerBody struct {
	ID             messages.WorkerID `json:"id"`
	Kind           string            `json:"kind"`
	State          string            `json:"state"`
	Partitions     []int32           `json:"partitions"` // at most maxListed
	PartitionCount int               `json:"partition_count"`
	Capacity       int               `json:"capacity"` // number of chunks that it runs at once
	Held           []string          `json:"held"`     // batch ids, at most maxListed
	HeldCount      int               `json:"held_count"`
	HeldSince      []*time.Time      `json:"held_since"` // one for each entry of Held
	SeenAt         *time.Time        `json:"seen_at"`
	Note           string            `json:"note"`
	DoneCount      uint64            `json:"done_count"`
}

// workers answers with the matching workers, ordered by id.
func (s *Server) workers(c *gin.Context) {
	want, err := selected(c.Request.URL.RawQuery, names(messages.WorkerGone), "limit", "state")
	if err != nil {
		s.refuseQuery(c, err)
		return
	}
	if all, ok := ask[[]messages.WorkerStatus](s, c, messages.QueryWorkers{}); ok {
		s.json(c, showWorkers(all, want))
	}
}

func showWorkers(all []messages.WorkerStatus, want selection) workersBody {
	out := workersBody{Workers: []workerBody{}}
	for _, w := range all {
		if want.state != "" && w.State.String() != want.state {
			continue
		}
		if out.Total++; out.Total <= want.limit {
			out.Workers = append(out.Workers, showWorker(w))
		}
	}
	return out
}

func showWorker(w messages.WorkerStatus) workerBody {
	return workerBody{
		ID: w.ID, Kind: w.Kind.String(), State: w.State.String(), Capacity: w.Capacity,
		Partitions: first(w.Partitions), PartitionCount: len(w.Partitions), Held: first(w.Held), HeldCount: len(w.Held), HeldSince: jsonTimes(first(w.HeldSince)),
		SeenAt: jsonTime(w.Seen), Note: w.Note, DoneCount: w.Done,
	}
}

func jsonTimes(all []time.Time) []*time.Time {
	out := make([]*time.Time, len(all))
	for i, t := range all {
		out[i] = jsonTime(t)
	}
	return out
}

// first returns the first maxListed entries of a list, as [] and not null when it is
// empty.
func first[T any](list []T) []T {
	return append([]T{}, list[:min(len(list), maxListed)]...)
}
