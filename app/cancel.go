package app

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// cancel is the command that has files not finished.
func (c command) cancel() *cobra.Command {
	yes := false
	return c.verb(verb{
		use: "cancel FILE...", short: "Have files in work not finished; what workers have may end",
		long: `Nothing more of the files is cut or handed out. What workers have may end and counts; the
rest is cancelled, which cannot be undone. The results of what was done stay.`,
		example: "  kafka-master cancel ips.txt",
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: %s needs the path or the id of a file", errUsage, cmd.CommandPath())
			}
			return nil
		},
		complete: completeWorking,
		flags:    func(f *pflag.FlagSet) { f.BoolVarP(&yes, "yes", "y", false, "do not ask") },
		act: func(ctx context.Context, r *remote, names []string) error {
			var files []fileAnswer
			var left int64
			for _, name := range names {
				f, err := r.findFile(ctx, name)
				if err != nil {
					return err
				}
				if files = append(files, f); f.ItemsRemaining != nil {
					left += *f.ItemsRemaining
				}
			}
			ended := !slices.ContainsFunc(files, func(f fileAnswer) bool { return f.EndedAt == nil })
			if !yes && !ended { // otherwise there is nothing to ask for, and the answer says so
				if err := r.confirm(fmt.Sprintf("Cancel %s with about %s left, for good?", console.Count(int64(len(files)), "file"), console.Count(left, "item"))); err != nil {
					return err
				}
			}
			for _, f := range files {
				if err := r.cancelFile(ctx, f); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// acknowledge is the command that takes it off the list of problems that a file changed.
func (c command) acknowledge() *cobra.Command {
	return c.verb(verb{
		use: "acknowledge FILE...", short: "Take it off the list of problems that a file changed while it was in work, or failed",
		long:     "A file is given by its id, or by its path, which means its newest version. The file and its\nresults stay as they are.",
		example:  "  kafka-master acknowledge 4",
		complete: completeFiles,
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: %s needs the path or the id of a file", errUsage, cmd.CommandPath())
			}
			return nil
		},
		act: func(ctx context.Context, r *remote, names []string) error {
			for _, name := range names {
				f, err := r.findFile(ctx, name)
				if err != nil {
					return err
				}
				var x changedAnswer[fileAnswer]
				if err := r.client.post(ctx, fmt.Sprintf("/api/v1/files/%d/acknowledge", f.ID), nil, &x); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(r.stdout, "%s: noted\n", f.name()); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// cancelFile cancels one file.
func (r *remote) cancelFile(ctx context.Context, f fileAnswer) error {
	var x changedAnswer[fileAnswer]
	if err := r.client.post(ctx, fmt.Sprintf("/api/v1/files/%d/cancel", f.ID), nil, &x); err != nil {
		return err
	}
	return r.changed(f.name(), x.Old.state().text, fmt.Sprintf("%s, %s done, %s cancelled", x.New.state().text, console.Count(x.New.Done, "item"), console.Count(x.New.Cancelled, "item")))
}

// chunkAnswer is a chunk as the API shows it.
type chunkAnswer struct {
	ID           string     `json:"id"`
	Chunk        string     `json:"chunk"`
	State        string     `json:"state"`
	Worker       string     `json:"worker"`
	Attempt      int        `json:"attempt"`
	Since        *time.Time `json:"since"`
	FirstLine    int64      `json:"first_line"`
	Lines        int64      `json:"lines"`
	Items        int64      `json:"items"`
	Why          *whyAnswer `json:"why"`
	Error        string     `json:"error"`
	StalledSince *time.Time `json:"stalled_since"`
}

// whyAnswer is why something does not run.
type whyAnswer struct {
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

// text is the reason for people, empty for what runs.
func (w *whyAnswer) text() string {
	if w == nil {
		return ""
	}
	return w.Text
}

// chunks is the command that lists the chunks of a file.
func (c command) chunks() *cobra.Command {
	var state string
	limit := 100
	cmd := c.verb(verb{
		use: "chunks FILE", short: "List the chunks of a file that have not ended, are dead or have failed items, and why they wait",
		example: "  kafka-master chunks ips.txt --state back_off\n  kafka-master chunks ips.txt --watch",
		args:    exactly(1, "the path or the id of a file"), complete: completeFiles,
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&state, "state", "", "only chunks in this state: "+strings.Join(messages.ListedStates(), ", "))
			f.IntVar(&limit, "limit", limit, "largest number of chunks to list")
		},
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			if limit < 1 {
				return page{}, fmt.Errorf("%w: --limit %d: must be at least 1", errUsage, limit)
			}
			f, err := r.findFile(ctx, args[0])
			if err != nil {
				return page{}, err
			}
			q := url.Values{}
			if state != "" {
				q.Set("state", state)
			}
			list, err := fetch[chunkAnswer](ctx, r.client, fmt.Sprintf("/api/v1/files/%d/chunks", f.ID), "chunks", q, limit)
			return chunksPage(list, time.Now()), err
		},
	})
	completeFlag(cmd, "state", messages.ListedStates()...)
	return cmd
}

func chunksPage(list listed[chunkAnswer], now time.Time) page {
	p := page{
		answer: list.answer("chunks"), head: []string{"ID", "STATE", "FOR", "LINES", "ITEMS", "ATTEMPT", "WORKER", "WHY"},
		notes: list.note("chunk", "No chunk of this file is open, dead or has failed items."),
	}
	for _, x := range list.rows {
		lines := strconv.FormatInt(x.FirstLine, 10)
		if x.Lines > 1 {
			lines += "-" + strconv.FormatInt(x.FirstLine+x.Lines-1, 10)
		}
		p.rows = append(p.rows, []cell{
			text(x.ID), x.state(), both(ago(x.Since, now), stamp(x.Since)), text(lines), number(x.Items), text(strconv.Itoa(x.Attempt)), text(x.Worker), text(x.why(now)),
		})
	}
	return p
}

// state is the state of the chunk.
func (x chunkAnswer) state() cell {
	c := both(strings.ReplaceAll(x.State, "_", " "), x.State)
	switch {
	case x.StalledSince != nil, x.State == messages.ListedDead, x.State == messages.ListedFailed:
		c.tone = badTone
	case x.State == "running":
		c.tone = busyTone
	}
	return c
}

// why says why the chunk does not run, or does not move.
func (x chunkAnswer) why(now time.Time) string {
	switch {
	case x.Why != nil:
		return x.Why.Text
	case x.StalledSince != nil:
		return "shows no progress for " + ago(x.StalledSince, now)
	}
	return x.Error
}

// rescan is the command that has the input folder listed now.
func (c command) rescan() *cobra.Command {
	return c.verb(verb{
		use: "rescan", short: "Have the input folder listed now", example: "  cp ips.txt input_ip_data/ && kafka-master rescan", args: noArgs,
		act: func(ctx context.Context, r *remote, _ []string) error {
			var x struct{ Files, Settling int }
			if err := r.client.post(ctx, "/api/v1/files/rescan", nil, &x); err != nil {
				return err
			}
			_, err := fmt.Fprintf(r.stdout, "%s in the folder, %d of them not taken yet\n", console.Count(int64(x.Files), "file"), x.Settling)
			return err
		},
	})
}
