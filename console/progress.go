package console

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"kafka-master/messages"
)

// Asker answers questions. Ask blocks until there is an answer, of the type that
// the question's doc names, or ctx ends.
type Asker interface {
	Ask(ctx context.Context, q messages.Query) (any, error)
}

// Config says what Run shows and where. Asker and Out are required.
type Config struct {
	// Asker is asked for the overview.
	Asker Asker
	// Out gets the lines.
	Out io.Writer
	// Interval is the time between two looks, above 0. Defaults to 1 s.
	Interval time.Duration
	// Terminal draws a progress bar that is overwritten in place, instead of a
	// line for each file every 5 s. See IsTerminal.
	Terminal bool
	// Input is the input folder as a person writes it.
	Input string
	// Results is the folder of the results; empty means that it is not shown.
	Results string
	// Exists reports whether there is a folder: the results of workers elsewhere are
	// not on this machine. Defaults to looking.
	Exists func(path string) bool
	// WorkerCommand starts a worker. Defaults to "kafka-master worker".
	WorkerCommand string
}

const (
	defaultInterval = time.Second
	pollTimeout     = 3 * time.Second
	// lastLook bounds the look at the end, so that it does not hold up a stop.
	finalPollTimeout = time.Second
)

// IsTerminal reports whether a person sees what is written to w at once.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// Run shows how the work goes on until ctx ends; it then looks once more, so that
// a file that just ended gets its balance. It returns nil, or the first error of
// Out, at which it gives up.
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
	w := newWatch(cfg, time.Now())
	tick := time.NewTicker(cfg.Interval)
	defer tick.Stop()
	for {
		poll(ctx, cfg.Asker, w, pollTimeout)
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

// look asks once and shows what is new.
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
