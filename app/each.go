package app

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"kafka-master/infra/settings"
	"kafka-master/worker"
)

// eachFlags are the flags of the command worker for a command that runs once per item.
type eachFlags struct {
	command          string
	jobs             int
	shell, unordered bool
	given            []string // names of those on the command line
}

func (f *eachFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.command, "each", "", "command to run for each item; {} is the item as one argument, without {} it is the standard input")
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "with --each: number of processes at once in this process (default the number of processors)")
	flags.BoolVar(&f.shell, "shell", false, "with --each: run the command by sh -c")
	flags.BoolVar(&f.unordered, "unordered", false, "with --each: write outputs as they come instead of in the order of the items")
}

// note remembers which of the flags are on the command line.
func (f *eachFlags) note(flags *pflag.FlagSet) {
	flags.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "each", "jobs", "shell", "unordered":
			f.given = append(f.given, flag.Name)
		}
	})
}

// used reports whether the worker runs a command once per item.
func (f *eachFlags) used() bool { return len(f.given) > 0 }

// check finds the mistakes in the flags. timeout is that of an item.
func (f *eachFlags) check(exec string, timeout time.Duration) error {
	switch {
	case !f.used():
		return nil
	case f.given[0] != "each": // they are in the order of the alphabet
		return fmt.Errorf("%w: --%s goes with --each COMMAND", errUsage, f.given[0])
	case exec != "":
		return fmt.Errorf("%w: --each runs a command per item and --exec one per chunk: use one of them", errUsage)
	case f.jobs < 0 || f.jobs == 0 && len(f.given) > 1 && f.given[1] == "jobs" || f.jobs > worker.MaxJobs:
		return fmt.Errorf("%w: --jobs %d: must be 1 to %d", errUsage, f.jobs, worker.MaxJobs)
	case timeout != 0 && (timeout < worker.MinItemTimeout || timeout > worker.MaxTimeout):
		return fmt.Errorf("%w: --timeout %s: must be 0 for no limit, or %s to %s with --each", errUsage, timeout, worker.MinItemTimeout, worker.MaxTimeout)
	}
	_, err := f.handler("", timeout, nil)
	return err
}

// handler returns the handler of the chunks.
func (f *eachFlags) handler(results string, timeout time.Duration, log *slog.Logger) (worker.Handler, error) {
	h, err := worker.EachHandler(worker.EachConfig{
		Command: f.command, Shell: f.shell, Jobs: f.jobs, Unordered: f.unordered, Timeout: timeout,
		ResultsDir: results, Hidden: settings.SecretNames(), Logger: log,
	})
	switch {
	case errors.Is(err, worker.ErrNeedsShell):
		return nil, fmt.Errorf("%w: --%w: add --shell, or quote it with '", errUsage, err)
	case err != nil:
		return nil, fmt.Errorf("%w: --%w", errUsage, err)
	}
	return h, nil
}
