package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kafka-master/messages"
)

// topicAnswer is a topic as the API shows it.
type topicAnswer struct {
	Name           string            `json:"name"`
	Use            string            `json:"use"`
	PartitionCount int               `json:"partition_count"`
	Lag            *int64            `json:"lag"`
	WithoutWorker  int               `json:"without_worker"`
	WithoutLeader  int               `json:"without_leader"`
	Error          string            `json:"error"`
	Partitions     []partitionAnswer `json:"partitions"`
}

// partitionAnswer is a partition as the API shows it.
type partitionAnswer struct {
	Partition   int      `json:"partition"`
	Leader      *int64   `json:"leader"`
	BeginOffset *int64   `json:"begin_offset"`
	EndOffset   *int64   `json:"end_offset"`
	Committed   *int64   `json:"committed"`
	Lag         *int64   `json:"lag"`
	Workers     []string `json:"workers"`
	WorkerCount int      `json:"worker_count"`
}

// topics is the command that lists the topics, or the partitions of one.
func (c command) topics() *cobra.Command {
	return c.verb(verb{
		use: "topics [TOPIC]", short: "List the topics of the deployment with their lag, or the partitions of one",
		example:  "  kafka-master topics\n  kafka-master topics master-signal",
		args:     upTo(1),
		complete: completeTopics,
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			list, err := listTopics(ctx, r)
			if err != nil {
				return page{}, err
			}
			if len(args) == 0 {
				return topicsPage(list), nil
			}
			for i, t := range list.rows {
				if t.Name == args[0] {
					return partitionsPage(t, list.raw[i]), nil
				}
			}
			return page{}, fmt.Errorf("no topic of the deployment is called %q: kafka-master topics lists them", messages.Clean(args[0], 200))
		},
	})
}

// listTopics asks for the topics. The API answers all of them at once.
func listTopics(ctx context.Context, r *remote) (out listed[topicAnswer], err error) {
	var body struct {
		Total  int               `json:"total"`
		Topics []json.RawMessage `json:"topics"`
	}
	if err := r.client.get(ctx, "/api/v1/topics", &body); err != nil {
		return out, err
	}
	out = listed[topicAnswer]{total: body.Total, raw: body.Topics, rows: make([]topicAnswer, len(body.Topics))}
	for i, raw := range body.Topics {
		if err := json.Unmarshal(raw, &out.rows[i]); err != nil {
			return out, fmt.Errorf("read the answer of /api/v1/topics: %w", err)
		}
	}
	return out, nil
}

func topicsPage(list listed[topicAnswer]) page {
	p := page{answer: list.answer("topics"), head: []string{"TOPIC", "CARRIES", "PARTITIONS", "LAG", "NO WORKER", "NO LEADER", "NOTE"}}
	for _, t := range list.rows {
		withoutLeader := number(int64(t.WithoutLeader))
		if t.WithoutLeader > 0 {
			withoutLeader.tone = badTone
		}
		note := text(t.Error)
		note.tone = badTone
		p.rows = append(p.rows, []cell{
			text(t.Name), text(t.Use), number(int64(t.PartitionCount)), known(t.Lag), number(int64(t.WithoutWorker)), withoutLeader, note,
		})
	}
	return p
}

func partitionsPage(t topicAnswer, raw json.RawMessage) page {
	p := page{answer: raw, head: []string{"PARTITION", "LEADER", "BEGIN", "END", "COMMITTED", "LAG", "WORKERS"}}
	for _, x := range t.Partitions {
		leader := known(x.Leader)
		if x.Leader == nil {
			leader = both("none", "")
			leader.tone = badTone
		}
		workers := strings.Join(x.Workers, ", ")
		if more := x.WorkerCount - len(x.Workers); more > 0 {
			workers += fmt.Sprintf(" and %s more", humanize.Comma(int64(more)))
		}
		p.rows = append(p.rows, []cell{
			text(strconv.Itoa(x.Partition)), leader, known(x.BeginOffset), known(x.EndOffset), known(x.Committed), known(x.Lag), text(workers),
		})
	}
	if more := t.PartitionCount - len(t.Partitions); more > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%s more partitions are not shown.", humanize.Comma(int64(more))))
	}
	if t.Error != "" {
		p.notes = append(p.notes, messages.CleanLine(t.Error, 300))
	}
	return p
}

// known is a number, or a dash if it is not known.
func known(n *int64) cell {
	if n == nil {
		return text("-")
	}
	return number(*n)
}

func completeTopics(ctx context.Context, r *remote, args []string, _ string) (names []string) {
	if len(args) > 0 {
		return nil
	}
	list, err := listTopics(ctx, r)
	if err != nil {
		return nil
	}
	for _, t := range list.rows {
		names = append(names, t.Name)
	}
	return names
}
