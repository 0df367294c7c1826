package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// fileStates are the values of --state.
func fileStates() (names []string) {
	for s := messages.FileRunning; s <= messages.LastFileState; s++ {
		names = append(names, s.String())
	}
	return names
}

// listFiles is the command that lists the files.
func (c command) listFiles() *cobra.Command {
	var state string
	waiting, limit := false, 100
	cmd := c.verb(verb{
		use: "files [TEXT]", short: "List the files, newest first, or those that are not taken into work yet",
		long:    "Lists the versions of input files that the masters know, the newest first, or those with\nTEXT in their path.",
		example: "  kafka-master files --state running --watch\n  kafka-master files ips -o tsv | cut -f1\n  kafka-master files --waiting",
		args:    upTo(1), complete: completeFiles,
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&state, "state", "", "only files in this state")
			f.IntVar(&limit, "limit", limit, "largest number of files to list")
			f.BoolVar(&waiting, "waiting", false, "the files of the folder that are not taken into work yet, and why")
		},
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			if limit < 1 {
				return page{}, fmt.Errorf("%w: --limit %d: must be at least 1", errUsage, limit)
			}
			q := url.Values{}
			if len(args) == 1 && args[0] != "" {
				q.Set("q", args[0])
			}
			if waiting {
				if state != "" {
					return page{}, fmt.Errorf("%w: --waiting goes without --state: files that are not taken yet have none", errUsage)
				}
				list, err := fetch[waitingAnswer](ctx, r.client, "/api/v1/waiting", "files", q, limit)
				return waitingPage(list, time.Now()), err
			}
			if state != "" {
				q.Set("state", state)
			}
			list, err := fetch[fileAnswer](ctx, r.client, "/api/v1/files", "files", q, limit)
			p := filesPage(list, time.Now())
			if state == "" && err == nil && r.output == "table" {
				p.notes = append(p.notes, r.waitingNote(ctx, q)...)
			}
			return p, err
		},
	})
	completeFlag(cmd, "state", fileStates()...)
	return cmd
}

func filesPage(list listed[fileAnswer], now time.Time) page {
	p := page{
		answer: list.answer("files"), head: []string{"ID", "FILE", "STATE", "DONE", "ITEMS", "FAILED", "DEAD", "WAIT", "RUN", "RATE", "END"},
		notes: list.note("file", "No file matches. Put *.txt files with one item per line into the input folder."),
	}
	for _, f := range list.rows {
		p.rows = append(p.rows, []cell{
			text(strconv.FormatUint(f.ID, 10)), both(f.name(), f.Path), f.state(), both(f.percent(), strconv.FormatFloat(f.fraction(), 'f', 4, 64)),
			number(f.Done + f.Failed + f.Dead), bad(f.Failed), bad(f.Dead), number(int64(f.ChunksReady)), number(int64(f.ChunksRunning)), pace(f.ItemsPerS), f.ended(now),
		})
	}
	return p
}

// bad is a count that should be 0.
func bad(n int64) cell {
	c := number(n)
	if n > 0 {
		c.tone = badTone
	}
	return c
}

// upTo allows at most n arguments.
func upTo(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("%w: %s takes no more than %d argument", errUsage, cmd.CommandPath(), n)
		}
		return nil
	}
}

// showFile is the command that shows one file.
func (c command) showFile() *cobra.Command {
	return c.verb(verb{
		use: "file FILE", short: "Show all that is known of a file",
		long:    "FILE is the path below the input folder, of which the newest version is shown, or the id\nof a version.",
		example: "  kafka-master file ips.txt\n  kafka-master file 12 -o json | jq .digest",
		args:    exactly(1, "the path or the id of a file"), complete: completeFiles,
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			f, err := r.findFile(ctx, args[0])
			if errors.Is(err, errNotTaken) {
				if w, waits, err := r.findWaiting(ctx, args[0]); waits || err != nil {
					p, failed := waitingFilePage(w, time.Now())
					return p, errors.Join(err, failed)
				}
			}
			if err != nil {
				return page{}, err
			}
			var raw json.RawMessage
			if err := r.client.get(ctx, fmt.Sprintf("/api/v1/files/%d", f.ID), &raw); err != nil {
				return page{}, err
			}
			return filePage(f, raw, time.Now()), json.Unmarshal(raw, &f)
		},
	})
}

// filePage shows one file in two columns.
func filePage(f fileAnswer, raw json.RawMessage, now time.Time) page {
	p := page{answer: raw, head: []string{"FIELD", "VALUE"}, block: true}
	row := func(name string, value cell) {
		if value.text != "" {
			p.rows = append(p.rows, []cell{text(name), value})
		}
	}
	row("file", both(f.name(), f.Path))
	row("id", text(strconv.FormatUint(f.ID, 10)))
	row("state", f.state())
	row("reason", text(f.Reason))
	if f.EndedAt == nil {
		row("waits", text(f.Why.text()))
		row("hand-out", text(f.steeringAnswer.text()))
	}
	row("progress", text(f.percent()))
	row("items", text(fmt.Sprintf("%s cut = %s done + %s failed + %s dead + %s cancelled + %s open", humanize.Comma(f.Cut), humanize.Comma(f.Done),
		humanize.Comma(f.Failed), humanize.Comma(f.Dead), humanize.Comma(f.Cancelled), humanize.Comma(f.Cut-f.Done-f.Failed-f.Dead-f.Cancelled))))
	if f.ItemsRemaining != nil && f.EndedAt == nil {
		row("remaining", both("about "+console.Count(*f.ItemsRemaining, "item"), strconv.FormatInt(*f.ItemsRemaining, 10)))
	}
	row("chunks", text(fmt.Sprintf("%s waiting, %s at workers, %s done, %s dead", humanize.Comma(int64(f.ChunksReady)),
		humanize.Comma(int64(f.ChunksRunning)), humanize.Comma(f.ChunksDone), humanize.Comma(f.ChunksDead))))
	row("size", both(humanize.Bytes(uint64(max(0, f.Size))), strconv.FormatInt(f.Size, 10)))
	row("repeats", number(f.Repeats))
	if f.StartedAt != nil {
		row("started", both(console.Clock(f.StartedAt.Local(), now.Local()), stamp(f.StartedAt)))
	}
	if f.EndedAt == nil {
		row("rate", pace(f.ItemsPerS))
	}
	row("end", f.ended(now))
	return p
}
