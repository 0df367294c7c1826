package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kafka-master/console"
	"kafka-master/messages"
)

// list is the command that lists the chunks.
func (d *deadCommand) list() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "List the chunks, and count them by error", Args: noArgs,
		Example: "  kafka-master " + d.kind.name + " ls --file ips.txt --error timeout",
	}
	d.filter.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "largest number of chunks to list")
	return d.sub(cmd, func(ctx context.Context, _ []string) error {
		if limit < 1 {
			return fmt.Errorf("%w: --limit %d: must be at least 1", errUsage, limit)
		}
		p, err := d.pages(ctx, limit)
		if err != nil {
			return err
		}
		return d.print(p, func(w io.Writer) { p.table(w, d.kind) })
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

// show is the command that shows one chunk.
func (d *deadCommand) show() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show all that is known of a chunk", Args: someIDs(1, 1),
		Example: "  kafka-master " + d.kind.name + " show 12/345",
	}
	return d.sub(cmd, func(ctx context.Context, args []string) error {
		var x deadChunk
		if err := d.client.get(ctx, d.kind.path()+"/"+args[0], &x); err != nil {
			return err
		}
		return d.print(x, x.block)
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

// print writes an answer in the wanted form.
func (d *deadCommand) print(answer any, table func(io.Writer)) error {
	if d.output == "table" {
		table(d.stdout)
		return nil
	}
	e := json.NewEncoder(d.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(answer); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// table writes the list for people.
func (p deadPage) table(w io.Writer, kind letterKind) {
	if p.Total == 0 {
		fmt.Fprintf(w, "No %s matches.\n", kind.noun)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(first string, cells ...string) {
		if kind == deadChunks { // The first item of a chunk need not be one that failed.
			cells = slices.Insert(cells, len(cells)-1, first)
		}
		fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	row("FIRST ITEM", "ID", "FILE", "LINES", "ITEMS", "ATTEMPTS", "WORKERS", "ENDED", "ERROR")
	for _, x := range p.Chunks {
		row(messages.CleanLine(x.FirstItem, 30), x.ID, messages.CleanLine(x.file(), 40), x.lines(), strconv.FormatInt(x.concerned(), 10),
			strconv.Itoa(x.Attempts), messages.CleanLine(x.workers(), 40), x.ended(), messages.CleanLine(x.Error, 80))
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s, %s %s.", console.Count(int64(p.Total), "chunk"), console.Count(p.Items, "item"), kind.past)
	if len(p.Chunks) < p.Total {
		fmt.Fprintf(w, " The first %s are shown; --limit shows more.", humanize.Comma(int64(len(p.Chunks))))
	}
	fmt.Fprintf(w, "\n%s\n", kind.hint)
	for _, g := range p.Groups {
		if g.Error == "" {
			continue
		}
		fmt.Fprintf(w, "  %s × %s\n", humanize.Comma(int64(g.Chunks)), messages.CleanLine(g.Error, 200))
	}
}

// block writes everything about one chunk for people.
func (x deadChunk) block(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"id", x.ID}, {"file", x.file()}, {"chunk", x.Chunk},
		{"lines", x.lines()}, {"items", x.itemsText()},
		{"bytes", fmt.Sprintf("%d from offset %d", x.Length, x.Offset)},
		{"attempts", fmt.Sprint(x.Attempts)}, {"workers", x.workers()}, {"ended", x.ended()}, {"first item", x.FirstItem},
	} {
		if row[0] == "first item" && x.Failed > 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\n", row[0], messages.CleanLine(row[1], 500))
	}
	t.Flush()
	if x.Error == "" {
		return
	}
	fmt.Fprintf(w, "error\n  %s\n", strings.ReplaceAll(messages.CleanLines(strings.TrimSpace(x.Error), 4000), "\n", "\n  "))
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
