package console

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"kafka-master/messages"
)

// Asker answers queries.
type Asker interface {
	// Ask blocks until there is an answer or ctx ends. The documentation of the query
	// names the type of the answer.
	Ask(ctx context.Context, q messages.Query) (any, error)
}

// Config configures Run. Asker and Out are required.
type Config struct {
	// Asker answers the queries for the overview.
	Asker Asker
	// Out receives the lines.
	Out io.Writer
	// Interval is the time between two queries, above 0. Default 1 s.
	Interval time.Duration
	// Terminal draws a progress bar that is updated in place, instead of a line for
	// each file every 5 s. See IsTerminal.
	Terminal bool
	// Input is the input folder as the user wrote it.
	Input string
	// Results is the results folder. "" means that it is not shown.
	Results string
	// Merged reports that the results of files are merged when they end.
	Merged bool
	// Exists reports whether a folder exists. The results of workers on other machines
	// are not on this one. Defaults to a check of the file system.
	Exists func(path string) bool
	// Check checks the results of a file whose every item is done by the books, and
	// returns a sentence with what it covered. Default: nothing is checked.
	Check func(messages.File) string
	// WorkerCommand is the command that starts a worker. Default "kafka-master worker".
	WorkerCommand string
}

const (
	defaultInterval = time.Second
	// finalPollTimeout bounds the last query, so that it does not delay a stop.
	finalPollTimeout = time.Second
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// Run shows the progress until ctx ends. It then polls once more, so that a file that
// has just ended gets its balance. It returns early with the first error of Out.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	if cfg.WorkerCommand == "" {
		cfg.WorkerCommand = "kafka-master worker"
	}
	if cfg.Exists == nil {
		cfg.Exists = func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.IsDir()
		}
	}
	w := newWatch(cfg)
	tick := time.NewTicker(cfg.Interval)
	defer tick.Stop()
	for {
		poll(ctx, cfg.Asker, w, messages.AskTimeout)
		select {
		case <-tick.C:
		case <-ctx.Done():
			poll(context.WithoutCancel(ctx), cfg.Asker, w, finalPollTimeout)
			w.printUnlisted()
			w.out.clear()
			return w.out.failure()
		}
		if err := w.out.failure(); err != nil {
			return err
		}
	}
}

// poll queries the overview once and shows what is new.
func poll(ctx context.Context, asker Asker, w *watch, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := asker.Ask(ctx, messages.QueryOverview{Fresh: true})
	if o, ok := answer.(messages.Overview); ok && err == nil {
		w.show(o, time.Now())
		return
	}
	w.showNoAnswer(time.Now())
}
