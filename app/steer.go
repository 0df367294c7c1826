package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// dispatchAnswer is how all hand-outs are steered.
type dispatchAnswer struct {
	Paused       bool       `json:"paused"`
	Until        *time.Time `json:"until"`
	MaxItemsPerS *float64   `json:"max_items_per_s"`
	By           string     `json:"by"`
	Since        *time.Time `json:"since"`
}

// text describes it for people.
func (d dispatchAnswer) text(now time.Time) string {
	out := "handed out"
	if d.Paused {
		out = "paused by " + messages.Clean(d.By, 60)
		if d.Until != nil {
			out += " until " + console.Clock(d.Until.Local(), now.Local())
		}
	}
	if d.MaxItemsPerS != nil {
		out += ", at most " + console.PerSecond(*d.MaxItemsPerS)
	}
	return out
}

// steeringAnswer is how a file is steered.
type steeringAnswer struct {
	Paused   string `json:"paused"`
	Priority int    `json:"priority"`
	Share    int    `json:"share"`
}

// text describes it for people.
func (s steeringAnswer) text() string {
	state := "handed out"
	if s.Paused != "" {
		state = messages.CleanLine(s.Paused, 200)
	}
	return fmt.Sprintf("%s, priority %d, share %d", state, s.Priority, s.Share)
}

// changedAnswer is the answer to an action.
type changedAnswer[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// changed prints an action on one thing: what it was before, and what it is now.
func (r *remote) changed(name, before, after string) error {
	text := fmt.Sprintf("%s: %s, as before", name, after)
	if before != after {
		text = fmt.Sprintf("%s: %s -> %s", name, before, after)
	}
	_, err := fmt.Fprintln(r.stdout, text)
	return err
}

// steerAll changes how all hand-outs are steered.
func (r *remote) steerAll(ctx context.Context, change map[string]any) error {
	var x changedAnswer[dispatchAnswer]
	if err := r.client.patch(ctx, "/api/v1/dispatch", change, &x); err != nil {
		return err
	}
	now := time.Now()
	return r.changed("all chunks", x.Old.text(now), x.New.text(now))
}

// steerFiles changes how files are steered, one after the other.
func (r *remote) steerFiles(ctx context.Context, names []string, change map[string]any) error {
	for _, name := range names {
		f, err := r.findFile(ctx, name)
		if err != nil {
			return err
		}
		var x changedAnswer[steeringAnswer]
		if err := r.client.patch(ctx, fmt.Sprintf("/api/v1/files/%d", f.ID), change, &x); err != nil {
			return err
		}
		if err := r.changed(f.name(), x.Old.text(), x.New.text()); err != nil {
			return err
		}
	}
	return nil
}

// completeWorking returns the paths of the files in work.
func completeWorking(ctx context.Context, r *remote, args []string, _ string) (paths []string) {
	o, err := fetch[fileAnswer](ctx, r.client, "/api/v1/files", "files", map[string][]string{"state": {"running"}}, maxPage)
	if err != nil {
		return nil
	}
	for _, f := range o.rows {
		paths = append(paths, f.Path)
	}
	return paths
}

// pause is the command that stops hand-outs.
func (c command) pause() *cobra.Command {
	var length time.Duration
	return c.verb(verb{
		use: "pause [FILE...]", short: "Hand out nothing more, or nothing of some files; what runs is brought to its end",
		example:  "  kafka-master pause --for 2h\n  kafka-master pause ips.txt",
		args:     cobra.ArbitraryArgs,
		complete: completeWorking,
		flags: func(f *pflag.FlagSet) {
			f.DurationVar(&length, "for", 0, "without a FILE: end the pause by itself after this time")
		},
		act: func(ctx context.Context, r *remote, args []string) error {
			switch {
			case length < 0 || length > 0 && len(args) > 0:
				return fmt.Errorf("%w: --for %s: must be more than 0, and goes without a FILE", errUsage, length)
			case len(args) > 0:
				return r.steerFiles(ctx, args, map[string]any{"paused": true})
			}
			change := map[string]any{"paused": true, "until": nil}
			if length > 0 {
				change["until"] = time.Now().Add(length).UTC().Format(time.RFC3339)
			}
			return r.steerAll(ctx, change)
		},
	})
}

// resume is the command that ends a pause.
func (c command) resume() *cobra.Command {
	return c.verb(verb{
		use: "resume [FILE...]", short: "Hand out again, everything or some files that are paused",
		long:    "A file that is paused because too many of its items are dead or failed (MAX_DEAD) goes on\nin spite of that.",
		example: "  kafka-master resume\n  kafka-master resume ips.txt",
		args:    cobra.ArbitraryArgs, complete: completeWorking,
		act: func(ctx context.Context, r *remote, args []string) error {
			if len(args) > 0 {
				return r.steerFiles(ctx, args, map[string]any{"paused": false})
			}
			return r.steerAll(ctx, map[string]any{"paused": false})
		},
	})
}

// rate is the command that bounds all hand-outs.
func (c command) rate() *cobra.Command {
	return c.verb(verb{
		use: "rate N|off", short: "Hand out at most N items a second, over all workers",
		example:  "  kafka-master rate 200\n  kafka-master rate off",
		args:     exactly(1, "a number of items per second, or off"),
		complete: func(context.Context, *remote, []string, string) []string { return []string{"off"} },
		act: func(ctx context.Context, r *remote, args []string) error {
			n := 0.0
			if args[0] != "off" {
				var err error
				if n, err = strconv.ParseFloat(args[0], 64); err != nil || !(n > 0 && n <= messages.MaxItemRate) {
					return fmt.Errorf("%w: %q must be a number of items per second above 0, or off", errUsage, args[0])
				}
			}
			return r.steerAll(ctx, map[string]any{"max_items_per_s": json.Number(strconv.FormatFloat(n, 'f', -1, 64))})
		},
	})
}

// priority is the command that puts a file first, or last.
func (c command) priority() *cobra.Command {
	return c.fileNumber("priority", "Put a file before others (10 is first), or behind them (-10 is last)", -messages.MaxPriority, messages.MaxPriority,
		"  kafka-master priority urgent.txt 10\n  kafka-master priority big.txt -5", prioritise)
}

// negativeLast puts a negative priority, which looks like a flag, behind "--" at the end of the
// command line, where it is an argument. No flag of the command takes one as its value.
func negativeLast(args []string) []string {
	if len(args) == 0 || args[0] != "priority" || slices.Contains(args, "--") {
		return args
	}
	n := slices.IndexFunc(args, func(s string) bool {
		_, err := strconv.ParseUint(strings.TrimPrefix(s, "-"), 10, 16)
		return strings.HasPrefix(s, "-") && err == nil
	})
	if n < 0 {
		return args
	}
	return slices.Concat(args[:n], args[n+1:], []string{"--", args[n]})
}

// share is the command that gives a file more of the workers.
func (c command) share() *cobra.Command {
	return c.fileNumber("share", "Give a file more of the workers than others of its priority, 1 to 100", 1, messages.MaxShare,
		"  kafka-master share urgent.txt 10", func(ctx context.Context, r *remote, name string, change map[string]any) error {
			return r.steerFiles(ctx, []string{name}, change)
		})
}

// fileNumber makes a command that sets a number of a file.
func (c command) fileNumber(name, short string, low, high int, example string, set func(context.Context, *remote, string, map[string]any) error) *cobra.Command {
	return c.verb(verb{
		use: name + " FILE N", short: short, example: example,
		args: exactly(2, "a file and a number"), complete: func(ctx context.Context, r *remote, args []string, typed string) []string {
			if len(args) > 0 {
				return nil
			}
			return completeWorking(ctx, r, args, typed)
		},
		act: func(ctx context.Context, r *remote, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < low || n > high {
				return fmt.Errorf("%w: %q must be a whole number from %d to %d", errUsage, args[1], low, high)
			}
			return set(ctx, r, args[0], map[string]any{name: n})
		},
	})
}
