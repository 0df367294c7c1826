package app

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/messages"
)

// workerAnswer is a worker as the API shows it, as far as commands need it.
type workerAnswer struct {
	ID         string   `json:"id"`
	Kind       string   `json:"kind"`
	State      string   `json:"state"`
	Capacity   int      `json:"capacity"`
	Partitions []int32  `json:"partitions"`
	Held       []string `json:"held"`
	HeldCount  int      `json:"held_count"`
	Running    []struct {
		Chunk string `json:"chunk"`
	} `json:"running"`
	SeenAt    *time.Time `json:"seen_at"`
	Note      string     `json:"note"`
	DrainedBy string     `json:"drained_by"`
	Why       *whyAnswer `json:"why"`
}

// workerStates are the values of --state.
func workerStates() (names []string) {
	for s := messages.WorkerAnnounced; s <= messages.WorkerGone; s++ {
		names = append(names, s.String())
	}
	return names
}

// workers is the command that lists the workers.
func (c command) workers() *cobra.Command {
	var state string
	limit := 100
	cmd := c.verb(verb{
		use: "workers", short: "List the workers: what they do, and why they do nothing",
		example: "  kafka-master workers --state busy --watch\n  kafka-master workers -o json | jq -r '.workers[].id'",
		args:    noArgs,
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&state, "state", "", "only workers in this state")
			f.IntVar(&limit, "limit", limit, "largest number of workers to list")
		},
		print: func(ctx context.Context, r *remote, _ []string) (page, error) {
			if limit < 1 {
				return page{}, fmt.Errorf("%w: --limit %d: must be at least 1", errUsage, limit)
			}
			q := url.Values{}
			if state != "" {
				q.Set("state", state)
			}
			list, err := fetch[workerAnswer](ctx, r.client, "/api/v1/workers", "workers", q, limit)
			return workersPage(list, time.Now()), err
		},
	})
	completeFlag(cmd, "state", workerStates()...)
	return cmd
}

func workersPage(list listed[workerAnswer], now time.Time) page {
	p := page{
		answer: list.answer("workers"), head: []string{"WORKER", "STATE", "KIND", "SEEN", "RUNNING", "QUEUED", "FIRST CHUNK", "NOTE"},
		notes: list.note("worker", "No worker matches. Start one with: kafka-master worker --each 'COMMAND {}'"),
	}
	for _, w := range list.rows {
		first := ""
		if len(w.Held) > 0 {
			first = w.Held[0]
		}
		p.rows = append(p.rows, []cell{
			text(w.ID), workerState(w.State), text(w.Kind), both(ago(w.SeenAt, now)+" ago", stamp(w.SeenAt)),
			both(fmt.Sprintf("%d of %d", len(w.Running), w.Capacity), strconv.Itoa(len(w.Running))), text(strconv.Itoa(w.HeldCount - len(w.Running))), text(first), text(w.note()),
		})
	}
	return p
}

// note says why the worker does nothing.
func (w workerAnswer) note() string {
	switch {
	case w.Note == "" && w.Why != nil:
		return w.Why.Text
	case w.Note == "" && w.DrainedBy != "":
		return "drained by " + w.DrainedBy
	}
	return w.Note
}

// workerState is the state of a worker.
func workerState(s string) cell {
	c := text(s)
	switch s {
	case messages.WorkerBusy.String():
		c.tone = busyTone
	case messages.WorkerFree.String():
		c.tone = goodTone
	case messages.WorkerSuspect.String(), messages.WorkerDraining.String():
		c.tone = warnTone
	case messages.WorkerLost.String():
		c.tone = badTone
	}
	return c
}

// completeWorkers returns the ids of the workers.
func completeWorkers(ctx context.Context, r *remote, args []string, _ string) (ids []string) {
	if len(args) > 0 {
		return nil
	}
	list, err := fetch[workerAnswer](ctx, r.client, "/api/v1/workers", "workers", url.Values{}, maxPage)
	if err != nil {
		return nil
	}
	for _, w := range list.rows {
		ids = append(ids, w.ID)
	}
	return ids
}
