package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// errRefused is the error of a request that some chunks did not allow.
var errRefused = errors.New("not every chunk could be changed")

// deadChange is a command that changes chunks.
type deadChange struct {
	*deadCommand
	verb, done string // "retry" and "are run again"
	all, yes   bool
}

// deadRequest is the body of a request that changes chunks.
type deadRequest struct {
	IDs    []string    `json:"ids,omitempty"`
	Filter *deadFilter `json:"filter,omitempty"`
	Cursor string      `json:"cursor,omitempty"`
}

// deadChanged is the answer to it, or the sum of several.
type deadChanged struct {
	Matched  int           `json:"matched"`
	Accepted int           `json:"accepted"`
	Items    int64         `json:"items"`
	Refused  []deadRefusal `json:"refused"`
	Next     string        `json:"next,omitempty"`
}

type deadRefusal struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// retry is the command that has chunks, or their failed items, run again.
func (c command) retryDead(kind letterKind) *cobra.Command {
	x := &deadChange{deadCommand: &deadCommand{kind: kind}, verb: "retry", done: "run again"}
	return x.command(c, "Have them run again", `Each chunk gets as many attempts as at first. Its file goes back to work, and ends
once more when the chunk has ended. A chunk is refused if its file has left the
folder or was archived, or does not hold the same bytes any more.`)
}

// discard is the command that takes chunks off the list.
func (c command) discardDead(kind letterKind) *cobra.Command {
	x := &deadChange{deadCommand: &deadCommand{kind: kind}, verb: "discard", done: "discarded"}
	return x.command(c, "Take them off the list for good", "The items of a discarded chunk stay counted as "+kind.past+`, and the file keeps its
state. A discarded chunk cannot be retried.`)
}

func (x *deadChange) command(c command, short, long string) *cobra.Command {
	return c.verb(verb{
		use: x.verb + " [ID...]", short: short, args: someIDs(0, 100_000), complete: x.completeIDs, answers: true,
		long:    "Give the ids of the chunks, or select them by --file and --error, or give --all.\nMore than one are changed only after a question, unless --yes is given.\n\n" + long,
		example: fmt.Sprintf("  kafka-master %[2]s %[1]s 12/345\n  kafka-master %[2]s %[1]s --file ips.txt --yes", x.verb, x.kind.name),
		flags: func(f *pflag.FlagSet) {
			x.filter.flags(f)
			f.BoolVar(&x.all, "all", false, "all of the list")
			f.BoolVarP(&x.yes, "yes", "y", false, "do not ask")
		},
		act: func(ctx context.Context, r *remote, ids []string) error {
			x.remote = r
			return x.run(ctx, ids)
		},
	})
}

func (x *deadChange) run(ctx context.Context, ids []string) error {
	filtered := x.filter != deadFilter{}
	if n := count(len(ids) > 0, filtered, x.all); n != 1 {
		return fmt.Errorf("%w: give ids, or --file and --error, or --all, and only one of these", errUsage)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	chunks, items := len(ids), int64(0)
	if len(ids) == 0 {
		p, err := x.page(ctx, "", 1)
		if err != nil {
			return err
		}
		chunks, items = p.Total, p.Items
	}
	if chunks > 1 && !x.yes {
		if err := x.confirm(x.question(chunks, items)); err != nil {
			return err
		}
	}
	sum, err := x.request(ctx, ids)
	if err != nil {
		return err
	}
	return x.report(sum)
}

// count is how many of the conditions hold.
func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// question asks whether many chunks are to be changed.
func (x *deadChange) question(chunks int, items int64) string {
	what := console.Count(int64(chunks), "chunk")
	if items > 0 {
		what += fmt.Sprintf(" (%s %s)", console.Count(items, "item"), x.kind.past)
	}
	return strings.ToUpper(x.verb[:1]) + x.verb[1:] + " " + what + "?"
}

// request changes the chunks, as many at a time as the API allows. What was changed before
// an error stays changed.
func (x *deadChange) request(ctx context.Context, ids []string) (sum deadChanged, err error) {
	sum.Refused = []deadRefusal{}
	if len(ids) == 0 {
		return sum, x.repeat(ctx, deadRequest{Filter: &x.filter}, &sum)
	}
	for part := range slices.Chunk(ids, messages.MaxLetters) {
		if err := x.repeat(ctx, deadRequest{IDs: part}, &sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// repeat sends a request until it has reached all of its chunks.
func (x *deadChange) repeat(ctx context.Context, r deadRequest, sum *deadChanged) error {
	before := sum.Matched
	for first := true; first || r.Cursor != ""; first = false {
		var got deadChanged
		if err := x.client.post(ctx, x.kind.path()+"/"+x.verb, r, &got); err != nil {
			if sum.Accepted > 0 {
				err = fmt.Errorf("after %s: %w", console.Count(int64(sum.Accepted), "chunk"), err)
			}
			return err
		}
		if first {
			sum.Matched = before + got.Matched
		}
		sum.Accepted += got.Accepted
		sum.Items += got.Items
		sum.Refused = append(sum.Refused, got.Refused...)
		r.Cursor = got.Next
	}
	return nil
}

// report prints what became of the request. Chunks that were refused are an error.
func (x *deadChange) report(sum deadChanged) error {
	p := page{answer: sum, head: []string{"REFUSED", "REASON"}, block: true}
	for _, r := range sum.Refused {
		p.rows = append(p.rows, []cell{text(r.ID), both("refused: "+messages.CleanLine(r.Reason, 300), r.Reason)})
	}
	if sum.Matched == 0 && len(sum.Refused) == 0 {
		p.notes = append(p.notes, fmt.Sprintf("No %s matches.", x.kind.noun))
	}
	if sum.Accepted > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%s %s (%s).", console.Count(int64(sum.Accepted), "chunk"), x.done, console.Count(sum.Items, "item")))
	}
	err := x.write(p, time.Time{})
	if err == nil && len(sum.Refused) > 0 {
		err = fmt.Errorf("%w: %d refused", errRefused, len(sum.Refused))
	}
	return err
}
