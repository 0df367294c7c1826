package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// listDead is the command that lists the chunks.
func (c command) listDead(kind letterKind) *cobra.Command {
	d := &deadCommand{kind: kind}
	limit := 100
	return c.verb(verb{
		use: "ls", short: "List the chunks, and count them by error", args: noArgs,
		example: "  kafka-master " + kind.name + " ls --file ips.txt --error timeout",
		flags: func(f *pflag.FlagSet) {
			d.filter.flags(f)
			f.IntVar(&limit, "limit", limit, "largest number of chunks to list")
		},
		print: func(ctx context.Context, r *remote, _ []string) (page, error) {
			if limit < 1 {
				return page{}, fmt.Errorf("%w: --limit %d: must be at least 1", errUsage, limit)
			}
			d.remote = r
			p, err := d.pages(ctx, limit)
			return p.page(kind), err
		},
	})
}

// maxPage is the largest limit that the API allows.
const maxPage = 1000

// pages asks for up to limit chunks, page by page.
func (d *deadCommand) pages(ctx context.Context, limit int) (all deadPage, err error) {
	all, err = d.page(ctx, "", min(limit, maxPage))
	for err == nil && all.Next != "" && len(all.Chunks) < limit {
		var more deadPage
		more, err = d.page(ctx, all.Next, min(limit-len(all.Chunks), maxPage))
		all.Chunks, all.Next = append(all.Chunks, more.Chunks...), more.Next
	}
	return all, err
}

// showDead is the command that shows one chunk.
func (c command) showDead(kind letterKind) *cobra.Command {
	d := &deadCommand{kind: kind}
	return c.verb(verb{
		use: "show ID", short: "Show all that is known of a chunk", args: someIDs(1, 1), complete: d.completeIDs,
		example: "  kafka-master " + kind.name + " show 12/345",
		print: func(ctx context.Context, r *remote, args []string) (page, error) {
			var x deadChunk
			err := r.client.get(ctx, kind.path()+"/"+args[0], &x)
			return x.block(), err
		},
	})
}

// someIDs checks the number of ids on the command line, and that each can be part of a
// path.
func someIDs(low, high int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < low || len(args) > high {
			return fmt.Errorf("%w: %s, but there were %d ids; %s", errUsage, cmd.UseLine(), len(args), `"ls" lists them`)
		}
		for _, id := range args {
			if _, err := messages.ParseChunkKey(id); err != nil {
				return fmt.Errorf("%w: %q is not the id of a chunk, which is like 12/345", errUsage, id)
			}
		}
		return nil
	}
}

// page is the list as it is printed.
func (p deadPage) page(kind letterKind) page {
	out := page{answer: p, head: []string{"FIRST ITEM", "ID", "FILE", "LINES", "ITEMS", "ATTEMPTS", "WORKERS", "ENDED", "ERROR"}}
	if p.Total == 0 {
		out.notes = []string{fmt.Sprintf("No %s matches.", kind.noun)}
		return out
	}
	for _, x := range p.Chunks {
		out.rows = append(out.rows, []cell{
			both(messages.CleanLine(x.FirstItem, 30), x.FirstItem), text(x.ID), both(messages.CleanLine(x.file(), 40), x.Path), text(x.lines()), number(x.concerned()),
			text(strconv.Itoa(x.Attempts)), both(messages.CleanLine(x.workers(), 40), x.workers()), both(x.ended(), stamp(x.EndedAt)), both(messages.CleanLine(x.Error, 80), x.Error),
		})
	}
	if kind == failedChunks { // the first item of a chunk need not be one that failed
		out.head = out.head[1:]
		for i := range out.rows {
			out.rows[i] = out.rows[i][1:]
		}
	}
	sum := fmt.Sprintf("%s, %s %s.", console.Count(int64(p.Total), "chunk"), console.Count(p.Items, "item"), kind.past)
	if len(p.Chunks) < p.Total {
		sum += fmt.Sprintf(" The first %s are shown; --limit shows more.", humanize.Comma(int64(len(p.Chunks))))
	}
	out.notes = []string{"", sum, kind.hint}
	for _, g := range p.Groups {
		if g.Error != "" {
			out.notes = append(out.notes, fmt.Sprintf("  %s × %s", humanize.Comma(int64(g.Chunks)), messages.CleanLine(g.Error, 200)))
		}
	}
	return out
}

// block is everything about one chunk as it is printed.
func (x deadChunk) block() page {
	out := page{answer: x, head: []string{"FIELD", "VALUE"}, block: true}
	for _, row := range [][2]string{
		{"id", x.ID}, {"file", x.file()}, {"chunk", x.Chunk},
		{"lines", x.lines()}, {"items", x.itemsText()},
		{"bytes", fmt.Sprintf("%d from offset %d", x.Length, x.Offset)},
		{"attempts", fmt.Sprint(x.Attempts)}, {"workers", x.workers()}, {"ended", x.ended()}, {"first item", x.FirstItem},
	} {
		if row[0] == "first item" && x.Failed > 0 {
			continue
		}
		out.rows = append(out.rows, []cell{text(row[0]), {text: messages.CleanLine(row[1], 500)}})
	}
	if x.Error != "" {
		out.notes = []string{"error", "  " + strings.ReplaceAll(messages.CleanLines(strings.TrimSpace(x.Error), 4000), "\n", "\n  ")}
	}
	return out
}

func (x deadChunk) file() string {
	if x.Generation > 1 {
		return fmt.Sprintf("%s (version %d)", x.Path, x.Generation)
	}
	return x.Path
}

func (x deadChunk) lines() string {
	if x.Lines <= 1 {
		return fmt.Sprint(x.FirstLine)
	}
	return fmt.Sprintf("%d-%d", x.FirstLine, x.FirstLine+x.Lines-1)
}

func (x deadChunk) workers() string {
	names := make([]string, len(x.Workers))
	for i, w := range x.Workers {
		names[i] = string(w)
	}
	return strings.Join(names, ",")
}

// concerned is how many items are dead or failed.
func (x deadChunk) concerned() int64 {
	if x.Failed > 0 {
		return x.Failed
	}
	return x.Items
}

func (x deadChunk) itemsText() string {
	if x.Failed > 0 {
		return fmt.Sprintf("%s of %s failed", humanize.Comma(x.Failed), humanize.Comma(x.Items))
	}
	return humanize.Comma(x.Items)
}

func (x deadChunk) ended() string {
	if x.EndedAt == nil {
		return "-"
	}
	return x.EndedAt.Local().Format("2006-01-02 15:04:05")
}
