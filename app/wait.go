package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/console"
	"kafka-master/messages"
)

// waitEvery is how often a master is asked about what is waited for.
const waitEvery = time.Second

// appearWithin is how long a file may take from the folder into the list: until it is found,
// has settled, and has its fingerprint.
const appearWithin = 15 * time.Second

// waiting waits for files to end.
type waiting struct {
	*remote
	bar, quiet bool
	limit      time.Duration
	progress   *progress
	rescanned  bool
}

// wait is the command that ends when files do.
func (c command) wait() *cobra.Command {
	w := &waiting{}
	return c.verb(verb{
		use: "wait [FILE...]", short: "Wait until files have ended; the exit code says how",
		long: `Waits until each FILE has ended, or without one until nothing is left to do. A file that
was just put into the folder is waited for, too, and so is a new version of one. A change
of the leader, and masters that are restarted, are outlived.

Exit code 0 means that every item is done, 4 that items are failed or dead or that a file
was changed, failed or cancelled, 3 that no master answers, 1 that --timeout is over.`,
		example: "  kafka-master wait ips.txt --bar && kafka-master merge ips.txt\n  kafka-master wait --timeout 2h",
		args:    cobra.ArbitraryArgs,
		complete: func(ctx context.Context, r *remote, _ []string, typed string) []string {
			return completeFiles(ctx, r, nil, typed)
		},
		flags: func(f *pflag.FlagSet) {
			f.BoolVar(&w.bar, "bar", false, "show a bar with rate and end; on a terminal only")
			f.BoolVarP(&w.quiet, "quiet", "q", false, "print nothing")
			f.DurationVar(&w.limit, "timeout", 0, "how long to wait, 0 for no limit")
		},
		act: func(ctx context.Context, r *remote, args []string) error {
			w.remote, w.progress = r, newProgress(r.command, w.quiet)
			if !w.bar {
				w.progress.bar = nil
			}
			defer w.progress.clear()
			return w.run(ctx, args)
		},
	})
}

var errWaitedLong = errors.New("has not ended in time")

func (w *waiting) run(ctx context.Context, names []string) error {
	began, lost := time.Now(), time.Time{}
	for {
		files, err := w.look(ctx, names, time.Since(began))
		switch {
		case ctx.Err() != nil:
			return errors.New("stopped before the end")
		case errors.Is(err, errUnreachable):
			if lost.IsZero() {
				lost = time.Now()
			}
			if time.Since(lost) > unreachableFor {
				return err
			}
		case err != nil:
			return err
		case files != nil:
			return w.report(files)
		default:
			lost = time.Time{}
		}
		if w.limit > 0 && time.Since(began) >= w.limit {
			if err != nil {
				return err
			}
			return fmt.Errorf("%w: %s are over", errWaitedLong, w.limit)
		}
		select {
		case <-ctx.Done():
		case <-time.After(waitEvery):
		}
	}
}

// unreachableFor is how long no master may answer, which outlives a change of the leader.
const unreachableFor = 30 * time.Second

// look returns the files once all of them have ended, and nil before. Without names they are
// all that are known.
func (w *waiting) look(ctx context.Context, names []string, waited time.Duration) ([]fileAnswer, error) {
	o, _, err := w.overview(ctx)
	if err == nil && !w.rescanned {
		w.rescan(ctx)
		o, _, err = w.overview(ctx)
	}
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return w.lookAtAll(ctx, o, waited)
	}
	var files []fileAnswer
	ended := true
	for _, name := range names {
		// This comes first, since a file may be taken into work between the two calls.
		if waits, err := w.waits(ctx, name); err != nil {
			return nil, err
		} else if waits {
			ended = false
			continue
		}
		f, err := w.findFile(ctx, name)
		if isNoFile(err) && (waited < appearWithin || o.Settling > 0) {
			ended = false
			continue
		}
		if err != nil {
			return nil, err
		}
		files, ended = append(files, f), ended && f.EndedAt != nil
	}
	if ended {
		return files, nil
	}
	w.show(names, files)
	return nil, nil
}

// rescan has the folder listed once, so that a new version of a file that was put there just
// now is known. A master that may not do that, or cannot now, is asked for what it knows;
// whatever else is wrong the next call finds, too.
func (w *waiting) rescan(ctx context.Context) {
	w.rescanned = true
	var listed struct{}
	_ = w.client.post(ctx, "/api/v1/files/rescan", nil, &listed)
}

// waits reports whether a file, or a new version of it, is in the folder and not taken into
// work yet. An id is one of a version that was taken.
func (w *waiting) waits(ctx context.Context, name string) (bool, error) {
	if _, err := strconv.ParseUint(name, 10, 64); err == nil {
		return false, nil
	}
	path := strings.TrimPrefix(name, "./")
	list, err := fetch[waitingAnswer](ctx, w.client, "/api/v1/waiting", "files", url.Values{"q": {path}}, 1_000_000)
	return slices.ContainsFunc(list.rows, func(f waitingAnswer) bool { return f.Path == path }), err
}

// lookAtAll is look for everything.
func (w *waiting) lookAtAll(ctx context.Context, o overviewAnswer, waited time.Duration) ([]fileAnswer, error) {
	unreadable := slices.ContainsFunc(o.Problems, func(p problemAnswer) bool { return p.Kind == string(messages.ProblemInput) })
	if o.Settling == 0 && o.Files["running"] == 0 && !unreadable && (len(o.Files) > 0 || waited > appearWithin) {
		list, err := fetch[fileAnswer](ctx, w.client, "/api/v1/files", "files", url.Values{}, 1_000_000)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list.rows, func(f fileAnswer) bool { return f.EndedAt == nil }) {
			return append([]fileAnswer{}, list.rows...), nil
		}
	}
	totals := messages.FileTotals{DoneItems: o.Items.Done, FailedItems: o.Items.Failed, DeadItems: o.Items.Dead}
	w.progress.show(console.Count(int64(o.Files["running"]+o.Settling), "file"), totals, o.forecast(), time.Now())
	return nil, nil
}

// forecast is the forecast of the overview.
func (o overviewAnswer) forecast() messages.Forecast {
	return forecastOf(o.ItemsPerS, o.ItemsRemaining, o.ETA)
}

func forecastOf(itemsPerS float64, remaining *int64, eta *time.Time) messages.Forecast {
	f := messages.Forecast{ItemsPerS: itemsPerS, Remaining: -1}
	if remaining != nil {
		f.Remaining = *remaining
	}
	if eta != nil {
		f.ETA = *eta
	}
	return f
}

// show shows how far the files are together. The last of them decides when they end.
func (w *waiting) show(names []string, files []fileAnswer) {
	var sum messages.FileTotals
	all := messages.Forecast{}
	for _, f := range files {
		x := forecastOf(f.ItemsPerS, f.ItemsRemaining, f.ETA)
		sum.DoneItems, sum.FailedItems, sum.DeadItems = sum.DoneItems+f.Done, sum.FailedItems+f.Failed, sum.DeadItems+f.Dead
		all.ItemsPerS += x.ItemsPerS
		if x.Remaining < 0 || all.Remaining < 0 {
			all.Remaining = -1
		} else {
			all.Remaining += x.Remaining
		}
		if x.ETA.After(all.ETA) {
			all.ETA = x.ETA
		}
	}
	name := names[0]
	if len(names) > 1 {
		name = console.Count(int64(len(names)), "file")
	}
	w.progress.show(name, sum, all, time.Now())
}

// report prints how the files ended, and returns an error unless every item is done.
func (w *waiting) report(files []fileAnswer) error {
	w.progress.clear()
	var out io.Writer = w.stdout
	if w.quiet {
		out = io.Discard
	}
	rejected := 0
	for _, f := range files {
		if f.rejected() {
			rejected++
		}
		if len(files) <= maxReported || f.rejected() {
			fmt.Fprintf(out, "%s: %s, %s done, %s failed, %s dead\n", f.name(), f.state().text, humanize.Comma(f.Done), humanize.Comma(f.Failed), humanize.Comma(f.Dead))
		}
	}
	if rejected > 0 {
		return fmt.Errorf("%w: %s of %d", errRejects, console.Count(int64(rejected), "file"), len(files))
	}
	return nil
}

// maxReported is of how many files each one that is done has a line.
const maxReported = 20
