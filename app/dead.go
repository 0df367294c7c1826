package app

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/messages"
)

// letterKind is what a command for one kind of chunks is about.
type letterKind struct {
	name string // of the command, and in the path of the API
	noun string // what one of them is, in the singular
	past string // what their items are
	hint string // under the list
}

var (
	deadChunks   = letterKind{name: "dead", noun: "dead chunk", past: "dead", hint: "By error:"}
	failedChunks = letterKind{
		name: "failed", noun: "chunk with failed items", past: "failed",
		hint: `Which items failed and why is in the lists beside the results; "kafka-master merge" makes one list of them.`,
	}
)

// dead is the command for dead chunks.
func (c command) dead() *cobra.Command {
	return c.letters(deadChunks, &cobra.Command{
		Short: "List the chunks that were given up, have them run again, or discard them",
		Long: `A chunk is dead when its attempts failed too often. These commands ask a running
master, any of them. "ls" and "show" show why chunks died. When the cause is gone,
"retry" has them run again: the file goes back to work and ends once more. "discard"
takes them off the list; their items stay counted as dead.

Exit code 0 means done, 1 that a chunk was refused or another error, 2 a wrong
command line, 3 that no master answers.`,
	})
}

// failed is the command for failed items of chunks that are done.
func (c command) failed() *cobra.Command {
	return c.letters(failedChunks, &cobra.Command{
		Short: "List the chunks with failed items, have just these items run again, or discard them",
		Long: `Single items of a chunk that is done may have failed. These commands ask a running
master, any of them. "ls" and "show" show the chunks concerned; which items failed and
why is in the lists of failed items beside the results. When the cause is gone, "retry"
has just the failed items run again: the file goes back to work, and ends once more.
"discard" takes chunks off the list; their items stay counted as failed.

Exit code 0 means done, 1 that a chunk was refused or another error, 2 a wrong
command line, 3 that no master answers.`,
	})
}

// letters completes the command for one kind of chunks. Alone it lists them, as "ls" does.
func (c command) letters(kind letterKind, cmd *cobra.Command) *cobra.Command {
	alone := c.listDead(kind)
	cmd.Use, cmd.Args, cmd.Annotations, cmd.RunE = kind.name, noArgs, alone.Annotations, alone.RunE
	cmd.Flags().AddFlagSet(alone.Flags())
	list := c.listDead(kind)
	list.Aliases = []string{"list"}
	cmd.AddCommand(list, c.showDead(kind), c.retryDead(kind), c.discardDead(kind))
	return cmd
}

// deadCommand is what the commands for dead chunks, or for failed items, share.
type deadCommand struct {
	*remote // while a command runs
	kind    letterKind
	filter  deadFilter
}

// deadFilter selects dead chunks.
type deadFilter struct {
	File  string `json:"file,omitempty"`
	Error string `json:"error,omitempty"`
}

// flags adds the flags of the filter.
func (f *deadFilter) flags(flags *pflag.FlagSet) {
	flags.StringVar(&f.File, "file", "", "only chunks of the file with this path")
	flags.StringVar(&f.Error, "error", "", "only chunks whose error contains this text, in any case")
}

// query returns the filter as parameters of the API.
func (f deadFilter) query() url.Values {
	q := url.Values{}
	if f.File != "" {
		q.Set("file", f.File)
	}
	if f.Error != "" {
		q.Set("error", f.Error)
	}
	return q
}

// completeIDs returns the ids of the first chunks of the list.
func (d *deadCommand) completeIDs(ctx context.Context, r *remote, _ []string, _ string) (ids []string) {
	list, err := fetch[deadChunk](ctx, r.client, d.kind.path(), "chunks", url.Values{}, maxPage)
	if err != nil {
		return nil
	}
	for _, x := range list.rows {
		ids = append(ids, x.ID)
	}
	return ids
}

// deadPage is the answer of /api/v1/dead.
type deadPage struct {
	Total  int         `json:"total"`
	Items  int64       `json:"items"`
	Groups []deadGroup `json:"groups"`
	Chunks []deadChunk `json:"chunks"`
	Next   string      `json:"next"`
}

type deadGroup struct {
	Error  string `json:"error"`
	Chunks int    `json:"chunks"`
	Items  int64  `json:"items"`
}

type deadChunk struct {
	ID         string              `json:"id"`
	FileID     uint64              `json:"file_id"`
	Path       string              `json:"path"`
	Generation int                 `json:"generation"`
	Chunk      string              `json:"chunk"`
	FirstLine  int64               `json:"first_line"`
	Lines      int64               `json:"lines"`
	Items      int64               `json:"items"`
	Failed     int64               `json:"items_failed"`
	Offset     int64               `json:"offset"`
	Length     int64               `json:"length"`
	Attempts   int                 `json:"attempts"`
	Workers    []messages.WorkerID `json:"workers"`
	Error      string              `json:"error"`
	FirstItem  string              `json:"first_item"`
	EndedAt    *time.Time          `json:"ended_at"`
}

// path is where the API lists the chunks.
func (k letterKind) path() string { return "/api/v1/" + k.name }

// page asks for the chunks behind a cursor.
func (d *deadCommand) page(ctx context.Context, cursor string, limit int) (p deadPage, err error) {
	q := d.filter.query()
	q.Set("limit", strconv.Itoa(limit))
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return p, d.client.get(ctx, d.kind.path()+"?"+q.Encode(), &p)
}
