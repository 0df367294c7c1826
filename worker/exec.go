package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

const (
	exitRetry     = 75  // EX_TEMPFAIL of sysexits.h
	exitCannotRun = 126 // the shell's words for a command that it cannot run
	exitNotFound  = 127 // and for one that it does not find
	defGrace      = 5 * time.Second
	// maxFileName is the longest path that Linux takes. A longer name could keep the
	// command from being started, which would be taken for the worker's trouble.
	maxFileName = 4096
	// tryLimit ends a try of a command that could not be run before: one that runs
	// for so long can be run.
	probeTimeout = 10 * time.Second
	// triesOfItem bounds the tries on an item of a chunk that was not done: it may
	// be the item's fault, which must not keep the worker from all others for ever.
	maxItemProbes = 5
)

// ExecConfig says what ExecHandler runs.
type ExecConfig struct {
	// Command is run by "sh -c" for each chunk. No default.
	Command string
	// ResultsDir is the results folder, see Results. No default.
	ResultsDir string
	// Hidden are the names of environment variables that commands do not see.
	// Variables that hold a URL with a password are never seen. Default: none.
	Hidden []string
	// KillGrace is the time between SIGTERM and SIGKILL when a command has to
	// stop, >= 1 ns. Default 5 s.
	KillGrace time.Duration
	// Logger takes the log. Default slog.Default().
	Logger *slog.Logger
}

// ExecHandler runs a command for each chunk. The items are its standard input,
// one per line; its standard output becomes the chunk's result. The environment
// is the process's own without what is secret (see Hidden), and KM_BATCH_ID,
// KM_FILE, KM_ATTEMPT, KM_TOTAL (number of items) and KM_WORKER_ID.
//
// Exit status 0 means done, 75 that the chunk is to be retried later, and any
// other end that the attempt failed; the end of the standard error is the reason
// then. 126 and 127, by which the shell says that it cannot run the command or
// something in it, and a command that cannot be started, are no failure of the
// chunk as long as no chunk was done: the worker is Unfit until the command can be
// run on the first item, or from the sixth try on without any. Once chunks were
// done, the command is tried at once on an item of the last of them: when it runs
// there, the failure is the chunk's (for a line that is too long for an argument the
// shell says 126, too), and else the worker is Unfit until it does.
//
// The command need not read all of its input. It runs in its own process group,
// which is killed when the command ended, so that nothing it started in the
// background stays. When the context ends, the group gets SIGTERM and, after
// KillGrace, SIGKILL; the chunk is then not done, whatever the exit status, since
// many a program ends in good order when it is told to stop.
//
// The group is killed when the worker is, and on Linux a worker that is a
// container's first process collects what its commands leave behind.
//
// The worker itself writes the result: a command that ignores a full disk does
// not pass for one that succeeded.
func ExecHandler(cfg ExecConfig) Handler {
	setDefault(&cfg.KillGrace, defGrace)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	var good atomic.Pointer[Chunk] // the last that was done, with its first item only
	return func(ctx context.Context, chunk Chunk, _ func(int)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkLines(chunk.Items); err != nil {
			return err
		}
		if n := len(chunk.File); n > maxFileName {
			return fmt.Errorf("exec: the file's name has %d bytes, at most %d go into KM_FILE", n, maxFileName)
		}
		out, err := Results{Dir: cfg.ResultsDir}.Create(chunk)
		if err != nil {
			return err
		}
		defer out.Abort()
		if err = execute(ctx, cfg, chunk, out); errors.As(err, new(cannotRun)) {
			return cfg.assignBlame(ctx, err, chunk, good.Load())
		}
		if err == nil {
			err = out.Commit()
		}
		if err == nil {
			good.Store(withFirstItem(chunk))
		}
		return err
	}
}

// blame finds out whose trouble it is that the command cannot be run: where it runs
// on a chunk that was done, it is the chunk's, else the worker's.
func (cfg ExecConfig) assignBlame(ctx context.Context, cause error, chunk Chunk, good *Chunk) error {
	if good == nil {
		item, left := withFirstItem(chunk), maxItemProbes
		return Unfit(cause, func(ctx context.Context) error {
			if left--; left < 0 {
				item.Items = nil
			}
			return cfg.probe(ctx, item)
		})
	}
	try := func(ctx context.Context) error { return cfg.probe(ctx, good) }
	if errors.As(cause, new(*exec.ExitError)) && try(ctx) == nil && ctx.Err() == nil {
		return fmt.Errorf("%w (the command can be run on another chunk)", cause)
	}
	return Unfit(cause, try)
}

// try finds out whether the command can be run on the chunk. What it prints is
// thrown away.
func (cfg ExecConfig) probe(ctx context.Context, chunk *Chunk) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := execute(ctx, cfg, *chunk, io.Discard); errors.As(err, new(cannotRun)) {
		return err
	}
	return nil
}

// firstItem is the chunk with its first item only, which keeps nothing else of it
// in memory.
func withFirstItem(chunk Chunk) *Chunk {
	if chunk.Items = chunk.Items[:min(1, len(chunk.Items))]; len(chunk.Items) > 0 {
		chunk.Items = []string{strings.Clone(chunk.Items[0])}
	}
	return &chunk
}

// checkLines makes sure that each item is one line to the command.
func checkLines(items []string) error {
	for i, item := range items {
		if strings.ContainsRune(item, '\n') {
			return fmt.Errorf("exec: item %d holds a line end", i+1)
		}
	}
	return nil
}
