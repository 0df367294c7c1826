package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// topicsBody is the answer of /api/v1/topics.
type topicsBody struct {
	Total  int         `json:"total"`
	Topics []topicBody `json:"topics"`
}

// topicBody describes a topic.
type topicBody struct {
	Name           string          `json:"name"`
	Use            string          `json:"use" enum:"chunks,signals,connections,masters" doc:"What it carries."`
	Group          string          `json:"group" doc:"The offsets of this consumer group are shown; empty for none."`
	PartitionCount int             `json:"partition_count"`
	Lag            *int64          `json:"lag" doc:"Records that the group has not read, where that is known; null if it is known nowhere."`
	WithoutWorker  int             `json:"without_worker" doc:"Partitions of the topic of the chunks that no worker reads."`
	WithoutLeader  int             `json:"without_leader" doc:"Partitions that no broker leads."`
	Error          string          `json:"error" doc:"Why something is not known."`
	Partitions     []partitionBody `json:"partitions" doc:"At most the first 1,000."`
}

// partitionBody describes a partition.
type partitionBody struct {
	Partition   int                 `json:"partition"`
	Leader      *int32              `json:"leader" doc:"Broker that leads it; null if none does."`
	BeginOffset *int64              `json:"begin_offset" doc:"Offset of the first retained record."`
	EndOffset   *int64              `json:"end_offset" doc:"Offset of the next record."`
	Committed   *int64              `json:"committed" doc:"Offset that the group has committed."`
	Lag         *int64              `json:"lag" doc:"Records that the group has not read."`
	Workers     []messages.WorkerID `json:"workers" doc:"Workers that read a partition of the topic of the chunks, at most 10."`
	WorkerCount int                 `json:"worker_count"`
}

const (
	// maxPartitions is how many partitions of a topic are shown.
	maxPartitions = 1000
	// maxReaders is how many workers of a partition are shown.
	maxReaders = 10
)

func (s *Server) registerTopics() {
	register(s, huma.Operation{
		OperationID: "list-topics", Method: http.MethodGet, Path: "/topics", Summary: "Show the topics with the offsets, lag and workers of their partitions",
	}, s.topicDetails)
}

// topicDetails answers with the topics of the deployment. The answer may be some seconds old.
func (s *Server) topicDetails(ctx context.Context, _ *none) (out topicsBody, err error) {
	workers, err := ask[[]messages.WorkerStatus](ctx, s, messages.QueryWorkers{})
	if err != nil {
		return out, err
	}
	list, err := ask[[]messages.TopicDetail](ctx, s, messages.QueryTopicDetails{})
	if err != nil {
		return out, err
	}
	out = topicsBody{Total: len(list), Topics: []topicBody{}}
	for _, t := range list {
		out.Topics = append(out.Topics, showTopic(t, readers(t, workers)))
	}
	return out, nil
}

// reader are the workers of a partition.
type reader struct {
	all     []messages.WorkerID
	classic bool // one of them commits what it has read
}

// readers returns the workers of each partition of the topic of the chunks. A native one
// reads the first that it announced.
func readers(t messages.TopicDetail, workers []messages.WorkerStatus) map[int32]reader {
	if t.Use != "chunks" {
		return nil
	}
	out := map[int32]reader{}
	for _, w := range workers {
		if w.State == messages.WorkerLost || w.State == messages.WorkerGone {
			continue
		}
		list := w.Partitions
		if w.Kind == messages.Native {
			list = list[:min(len(list), 1)]
		}
		for _, p := range list {
			out[p] = reader{all: append(out[p].all, w.ID), classic: out[p].classic || w.Kind == messages.Classic}
		}
	}
	return out
}

func showTopic(t messages.TopicDetail, readers map[int32]reader) topicBody {
	out := topicBody{Name: t.Name, Use: t.Use, Group: t.Group, PartitionCount: len(t.Partitions), Error: t.Error, Partitions: []partitionBody{}}
	var lag int64
	for i, p := range t.Partitions {
		r := readers[int32(i)]
		if readers != nil && !r.classic {
			p.Committed = messages.UnknownOffset // it is where the group began, whatever native workers have read
		}
		if n := p.Lag(); n != messages.UnknownOffset {
			lag += n
			out.Lag = &lag
		}
		if readers != nil && len(r.all) == 0 {
			out.WithoutWorker++
		}
		if p.Leader == messages.NoLeader {
			out.WithoutLeader++
		}
		if i < maxPartitions {
			out.Partitions = append(out.Partitions, partitionBody{
				Partition: i, Leader: known(p.Leader), BeginOffset: known(p.Start), EndOffset: known(p.End), Committed: known(p.Committed), Lag: known(p.Lag()),
				Workers: append([]messages.WorkerID{}, r.all[:min(len(r.all), maxReaders)]...), WorkerCount: len(r.all),
			})
		}
	}
	return out
}

// known returns nil for a broker or an offset that is not known.
func known[N int32 | int64](n N) *N {
	if n < 0 {
		return nil
	}
	return &n
}
