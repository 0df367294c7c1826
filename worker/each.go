package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// MaxJobs is the largest number of processes at once in an EachHandler.
	MaxJobs = 1000
	// maxReason is how much of the reason of a failed item is kept.
	maxReason = maxFailureText
	// MinItemTimeout is the shortest EachConfig.Timeout.
	MinItemTimeout = 10 * time.Millisecond
)

// EachConfig configures EachHandler.
type EachConfig struct {
	// Command is run for each item. Its words are separated and quoted as in a shell,
	// but no shell is involved, so pipes and variables are errors. Every {} is replaced
	// by the item, as one argument or a part of one. Without {} the item is the standard
	// input. No default.
	Command string
	// Shell runs Command by "sh -c". {} then becomes "$KM_ITEM", in quotes of its own
	// where it is not within double quotes, so that no item is taken for a command.
	Shell bool
	// Jobs is the number of processes at once in all chunks together, 1 to 1000.
	// Default: the number of processors.
	Jobs int
	// Unordered writes the output of an item when its process has ended, instead of in
	// the order of the items.
	Unordered bool
	// Timeout limits the run time of one item, 10 ms to 30 days. Default 0: no limit.
	Timeout time.Duration
	// ResultsDir is the results folder, see Results. No default.
	ResultsDir string
	// Hidden are the names of environment variables that the command does not get, see
	// ExecConfig.
	Hidden []string
	// KillGrace is the time between SIGTERM and SIGKILL for a process that has to stop,
	// at least 1 ns. Default 5 s.
	KillGrace time.Duration
	// Logger receives the log. Default slog.Default().
	Logger *slog.Logger
}

// EachHandler runs a command for each item of a chunk, several at the same time. The
// output of those that exit with 0 becomes the chunk's result. Any other item has failed,
// see Chunk.Fail: it is listed with its exit status and the end of its standard error,
// its output is discarded, and the others are not affected.
//
// The environment is that of ExecHandler, plus KM_LINE, the line of the item in its file
// if it is known.
//
// Exit status 75 means that the item is to be tried again later. It runs three times at
// most, with pauses of 1 s and 5 s, after the other items of the chunk. Then it has
// failed. The same applies to an item whose process somebody else kills by SIGKILL, as the
// kernel does when memory runs out. When every item of the chunk exits with 75, the chunk is given back instead, to
// run again later.
//
// A command that cannot be started, or that ends with 126 or 127 for every item, makes
// the worker Unfit until a probe succeeds. When it could be run for other items, the
// item has failed; for example, it may be too long for an argument.
//
// Each process has its own process group, as with ExecHandler: background processes are
// killed at its end, and everything is killed when the worker is. When the context ends,
// the processes are stopped and nothing of the chunk counts.
//
// Memory is bounded whatever the processes write: what does not fit waits in a temporary
// file beside the result.
func EachHandler(cfg EachConfig) (Handler, error) {
	e, err := newEachHandler(cfg)
	if err != nil {
		return nil, err
	}
	return e.handle, nil
}

func newEachHandler(cfg EachConfig) (*eachHandler, error) {
	setDefault(&cfg.Jobs, runtime.NumCPU())
	setDefault(&cfg.KillGrace, defGrace)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	command, err := parseItemCommand(cfg.Command, cfg.Shell)
	switch {
	case err != nil:
		return nil, fmt.Errorf("each %q: %w", cfg.Command, err)
	case cfg.Jobs < 1 || cfg.Jobs > MaxJobs:
		return nil, fmt.Errorf("jobs %d, allowed 1 to %d", cfg.Jobs, MaxJobs)
	case cfg.Timeout != 0 && (cfg.Timeout < MinItemTimeout || cfg.Timeout > MaxTimeout):
		return nil, fmt.Errorf("time-out of an item %s, allowed %s to %s", cfg.Timeout, MinItemTimeout, MaxTimeout)
	}
	return &eachHandler{
		cfg: cfg, command: command, results: NewResults(cfg.ResultsDir), slots: make(chan struct{}, cfg.Jobs), pauses: []time.Duration{time.Second, 5 * time.Second},
	}, nil
}

// eachHandler is the state of an EachHandler.
type eachHandler struct {
	cfg     EachConfig
	command itemCommand
	results Results
	slots   chan struct{}          // one entry per running process
	pauses  []time.Duration        // before an item that exited with 75 is run again
	good    atomic.Pointer[string] // an item for which the command could be run
}

func (e *eachHandler) handle(ctx context.Context, chunk Chunk, progress func(int)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	out, err := e.results.Create(chunk)
	if err != nil {
		return err
	}
	defer out.Abort()
	r := e.newRun(chunk, out, progress)
	defer r.close()
	if err := r.all(ctx); err != nil {
		return err
	}
	r.close()
	return out.Commit()
}

// runItem runs the command for one item.
func (e *eachHandler) runItem(ctx context.Context, r runner, item string, env []string, output io.Writer) error {
	if e.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, e.cfg.Timeout, fmt.Errorf("not done within the time-out of %s", e.cfg.Timeout))
		defer cancel()
	}
	if e.command.inArgs && strings.Contains(item, "\x00") {
		return errNUL
	}
	return r.run(ctx, e.command.prepare(item, env), e.command.input(item), output)
}

// errNUL is the reason of an item that no argument can hold.
var errNUL = errors.New("it contains a NUL byte")

// longItem is how much of the arguments, or of the environment, an item has to be to count as
// the reason why they are too long. Linux allows 128 KiB for one of them.
const longItem = 32 << 10

// isMachine reports whether a process could not be started because of the worker or its
// machine, and not because of the item. An exit status is not enough to tell.
func (e *eachHandler) isMachine(err error, item string) bool {
	return errors.As(err, new(cannotRun)) && !errors.As(err, new(*exec.ExitError)) && !e.command.tooLong(err, item)
}

// tooLong reports whether the process could not be started because the item makes its
// arguments too long.
func (c itemCommand) tooLong(err error, item string) bool {
	return errors.Is(err, syscall.E2BIG) && c.places()*len(item) >= longItem
}

// wasKilled reports whether the process of an item, or the program that its shell ran, was
// killed by somebody else, such as the kernel when memory ran out. It is not known whether
// the item is the reason.
func wasKilled(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && (exit.ExitCode() == exitKilled || exit.ExitCode() == -1 && exit.Error() == "signal: killed")
}

// exitKilled is the exit status of a shell whose program was killed: 128 and SIGKILL.
const exitKilled = 128 + 9

// runner returns the runner of a chunk's items.
func (e *eachHandler) runner(guard func(int) func()) runner {
	return runner{grace: e.cfg.KillGrace, log: e.cfg.Logger, reason: maxReason, guard: guard}
}

// probe returns an error when the command cannot be run for the item. Its output is
// discarded.
func (e *eachHandler) probe(ctx context.Context, chunk Chunk, item string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	g := startGroupGuard()
	defer g.stop()
	err := e.runItem(ctx, e.runner(g.guard), item, chunkEnvironment(chunk, e.cfg.Hidden), io.Discard)
	if errors.As(err, new(cannotRun)) && !e.command.tooLong(err, item) {
		return err
	}
	return nil
}

// unfit returns the error of a worker that cannot run the command. It is probed with an
// item that ran before, or else with item, and later without one, since item may be the
// reason.
func (e *eachHandler) unfit(cause error, chunk Chunk, item string) error {
	chunk.Items, chunk.report = nil, nil
	left := maxItemProbes
	return Unfit(cause, func(ctx context.Context) error {
		if good := e.good.Load(); good != nil {
			return e.probe(ctx, chunk, *good)
		}
		if left--; left < 0 {
			item = ""
		}
		return e.probe(ctx, chunk, item)
	})
}
