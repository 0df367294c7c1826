package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// standingAnswer is what an action changes of a worker.
type standingAnswer struct {
	State     string `json:"state"`
	DrainedBy string `json:"drained_by"`
}

// text describes it for people.
func (s standingAnswer) text() string {
	if s.DrainedBy != "" {
		return s.State + ", drained by " + messages.Clean(s.DrainedBy, 60)
	}
	return s.State
}

// workerPath is where the API has a worker.
func workerPath(id string) string { return "/api/v1/workers/" + url.PathEscape(id) }

// drain is the command that gives a worker nothing more.
func (c command) drain() *cobra.Command {
	return c.workerAction("drain", "Give workers no new chunks until they are resumed", "  kafka-master drain w-17 && ssh w-17 sudo reboot", "")
}

// undrain is the command that ends a drain.
func (c command) undrain() *cobra.Command {
	return c.workerAction("undrain", "Give drained workers chunks again", "  kafka-master undrain w-17", "")
}

// forget is the command that drops workers that are gone.
func (c command) forget() *cobra.Command {
	return c.workerAction("forget", "Drop workers that are lost or gone from the list", "  kafka-master forget w-17", "Forget")
}

// workerAction makes a command for an action on workers. question is asked before it if it is
// not empty.
func (c command) workerAction(name, short, example, question string) *cobra.Command {
	yes := question == ""
	action := name
	if name == "undrain" {
		action = "resume"
	}
	return c.verb(verb{
		use: name + " WORKER...", short: short, example: example,
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: %s needs the id of a worker; \"kafka-master workers\" lists them", errUsage, cmd.CommandPath())
			}
			return nil
		},
		complete: func(ctx context.Context, r *remote, _ []string, typed string) []string {
			return completeWorkers(ctx, r, nil, typed)
		},
		flags: func(f *pflag.FlagSet) {
			if question != "" {
				f.BoolVarP(&yes, "yes", "y", false, "do not ask")
			}
		},
		act: func(ctx context.Context, r *remote, ids []string) error {
			if !yes && len(ids) > 1 {
				if err := r.confirm(fmt.Sprintf("%s %s?", question, console.Count(int64(len(ids)), "worker"))); err != nil {
					return err
				}
			}
			for _, id := range ids {
				if err := r.actOnWorker(ctx, id, action); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// actOnWorker drains, resumes or forgets a worker.
func (r *remote) actOnWorker(ctx context.Context, id, action string) error {
	var x changedAnswer[standingAnswer]
	if err := r.client.post(ctx, workerPath(id)+"/"+action, nil, &x); err != nil {
		return err
	}
	after := x.New.text()
	if action == "forget" {
		after = "forgotten"
	}
	return r.changed(messages.Clean(id, 80), x.Old.text(), after)
}

// recall is the command that takes chunks back from a worker.
func (c command) recall() *cobra.Command {
	yes := false
	return c.verb(verb{
		use: "recall WORKER [CHUNK...]", short: "Take chunks back from a worker that hangs or is slow; they run again elsewhere",
		long: `The commands of these chunks are ended, and they run again, at another worker if there is
one. It is no failure of theirs. Without a CHUNK all that the worker runs and has queued is
taken back. "drain" it first, so that it gets nothing new.`,
		example: "  kafka-master recall w-17 ips_chunk_4\n  kafka-master drain w-17 && kafka-master recall w-17 --yes",
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: %s needs the id of a worker; \"kafka-master workers\" lists them", errUsage, cmd.CommandPath())
			}
			return nil
		},
		complete: func(ctx context.Context, r *remote, args []string, typed string) []string {
			if len(args) > 0 {
				return completeHeld(ctx, r, args[0])
			}
			return completeWorkers(ctx, r, nil, typed)
		},
		flags: func(f *pflag.FlagSet) { f.BoolVarP(&yes, "yes", "y", false, "do not ask") },
		act: func(ctx context.Context, r *remote, args []string) error {
			if len(args) > 1 {
				for _, chunk := range args[1:] {
					if err := r.recallFrom(ctx, args[0], map[string]any{"chunk": chunk}); err != nil {
						return err
					}
				}
				return nil
			}
			if !yes {
				if err := r.confirm("Take back all that " + messages.Clean(args[0], 80) + " has?"); err != nil {
					return err
				}
			}
			return r.recallFrom(ctx, args[0], map[string]any{})
		},
	})
}

// recallFrom takes chunks back from a worker.
func (r *remote) recallFrom(ctx context.Context, id string, which map[string]any) error {
	var x struct {
		Chunks []string `json:"chunks"`
	}
	if err := r.client.post(ctx, workerPath(id)+"/recall", which, &x); err != nil {
		return err
	}
	_, err := fmt.Fprintf(r.stdout, "%s: asked to give back %s\n", messages.Clean(id, 80), console.Count(int64(len(x.Chunks)), "chunk"))
	return err
}

// completeHeld returns the chunks that a worker runs.
func completeHeld(ctx context.Context, r *remote, id string) []string {
	var w struct {
		Held []string `json:"held"`
	}
	if err := r.client.get(ctx, workerPath(id), &w); err != nil {
		return nil
	}
	return w.Held
}

// attemptAnswer is an attempt of a worker that has ended.
type attemptAnswer struct {
	Path    string     `json:"path"`
	Chunk   string     `json:"chunk"`
	Items   int        `json:"items"`
	Failed  int64      `json:"items_failed"`
	BeganAt *time.Time `json:"began_at"`
	EndedAt *time.Time `json:"ended_at"`
	Result  string     `json:"result"`
	Error   string     `json:"error"`
}

// attempts is the command that shows what a worker did last.
func (c command) attempts() *cobra.Command {
	return c.verb(verb{
		use: "attempts WORKER", short: "List what a worker did last, the newest first",
		example: "  kafka-master attempts w-17",
		args:    exactly(1, "the id of a worker"), complete: completeWorkers,
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			var raw json.RawMessage
			var w struct {
				Attempts []attemptAnswer `json:"attempts"`
			}
			if err := r.client.get(ctx, workerPath(args[0]), &raw); err != nil {
				return page{}, err
			}
			err := json.Unmarshal(raw, &w)
			return attemptsPage(w.Attempts, raw, time.Now()), err
		},
	})
}

func attemptsPage(list []attemptAnswer, raw json.RawMessage, now time.Time) page {
	p := page{answer: raw, head: []string{"CHUNK", "FILE", "ITEMS", "FAILED", "ENDED", "TOOK", "RESULT", "ERROR"}}
	if len(list) == 0 {
		p.notes = []string{"It has ended no attempt since this master began to lead."}
	}
	for _, a := range list {
		took := both("-", "")
		if a.BeganAt != nil && a.EndedAt != nil {
			d := a.EndedAt.Sub(*a.BeganAt)
			took = both(fmt.Sprintf("%.1f s", d.Seconds()), strconv.FormatFloat(d.Seconds(), 'f', 3, 64))
		}
		result := text(a.Result)
		if result.tone = goodTone; a.Result != "done" {
			result.tone = warnTone
		}
		p.rows = append(p.rows, []cell{
			text(a.Chunk), text(a.Path), number(int64(a.Items)), bad(a.Failed), both(ago(a.EndedAt, now)+" ago", stamp(a.EndedAt)), took, result, text(a.Error),
		})
	}
	return p
}
