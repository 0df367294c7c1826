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
	exitCannotRun = 126 // the shell cannot run the command
	exitNotFound  = 127 // the shell does not find the command
	defGrace      = 5 * time.Second
	// maxFileName is the longest path that Linux accepts. A longer name could prevent
	// the start of the command, which would look like a fault of the worker.
	maxFileName = 4096
	// probeTimeout ends a probe of the command. A command that runs for so long can be
	// run.
	probeTimeout = 10 * time.Second
	// maxItemProbes bounds the probes with an item of a failed chunk. The item may be
	// the reason why the command cannot be run, and must not block all other chunks for
	// ever.
	maxItemProbes = 5
)

// ExecConfig configures ExecHandler.
type ExecConfig struct {
	// Command is run by "sh -c" for each chunk. No default.
	Command string
	// ResultsDir is the results folder, see Results. No default.
	ResultsDir string
	// Hidden are the names of environment variables that the command does not get.
	// It never gets a variable with a URL that contains a password. Default: none.
	Hidden []string
	// KillGrace is the time between SIGTERM and SIGKILL for a command that has to
	// stop, at least 1 ns. Default 5 s.
	KillGrace time.Duration
	// Logger receives the log. Default slog.Default().
	Logger *slog.Logger
}

// ExecHandler runs a command for each chunk. The command reads the items from its
// standard input, one per line, and its standard output becomes the chunk's result.
// Its environment is that of the process without secrets (see Hidden), plus
// KM_BATCH_ID, KM_FILE, KM_ATTEMPT, KM_TOTAL (the number of items) and KM_WORKER_ID.
//
// Exit status 0 means that the chunk is done, and 75 that it is to be retried later.
// Every other end is a failed attempt; the last part of the standard error is the
// reported reason.
//
// Exit status 126 and 127 mean that the shell cannot run the command or something in
// it. They are treated like a command that cannot be started:
//
//   - While no chunk has been done, the worker is Unfit until a probe succeeds. The
//     first five probes run the command with the chunk's first item, later ones without
//     any item.
//   - Afterwards the command is probed at once with an item of the chunk that was done
//     last. When this succeeds, the attempt of the current chunk has failed; for
//     example, a line that is too long for an argument also leads to status 126. When
//     it does not, the worker is Unfit until it does.
//
// The command need not read all of its input. It runs in its own process group, which
// is killed after the command has ended, so that no background process remains. When
// the context ends, the group gets SIGTERM and, after KillGrace, SIGKILL. The chunk is
// then not done, whatever the exit status is, since many programs exit with 0 after a
// SIGTERM.
//
// The group is also killed when the worker is. On Linux, a worker that is the first
// process of a container reaps the zombies that its commands leave behind.
//
// The worker itself writes the result, so a command that ignores a full disk does not
// count as successful.
func ExecHandler(cfg ExecConfig) Handler {
	setDefault(&cfg.KillGrace, defGrace)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	results := NewResults(cfg.ResultsDir)
	var good atomic.Pointer[Chunk] // the chunk that was done last, with its first item only
	return func(ctx context.Context, chunk Chunk, _ func(int)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkLines(chunk.Items); err != nil {
			return err
		}
		if n := len(chunk.File); n > maxFileName {
			return fmt.Errorf("exec: the file name has %d bytes, but KM_FILE can hold at most %d", n, maxFileName)
		}
		out, err := results.Create(chunk)
		if err != nil {
			return err
		}
		defer out.Abort()
		if err = execute(ctx, cfg, chunk, out); errors.As(err, new(cannotRun)) {
			return cfg.assignBlame(ctx, err, chunk, good.Load())
		}
		if err == nil {
			out.exit = new(int) // 0
			err = out.Commit()
		}
		if err == nil {
			good.Store(withFirstItem(chunk))
		}
		return err
	}
}

// assignBlame decides why the command cannot be run: because of the chunk when the
// command runs on a chunk that was done before, else because of the worker.
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
	probe := func(ctx context.Context) error { return cfg.probe(ctx, good) }
	if errors.As(cause, new(*exec.ExitError)) && probe(ctx) == nil && ctx.Err() == nil {
		return fmt.Errorf("%w (the command can be run on another chunk)", cause)
	}
	return Unfit(cause, probe)
}

// probe returns an error when the command cannot be run on the chunk. Its output is
// discarded.
func (cfg ExecConfig) probe(ctx context.Context, chunk *Chunk) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := execute(ctx, cfg, *chunk, io.Discard); errors.As(err, new(cannotRun)) {
		return err
	}
	return nil
}

// withFirstItem returns the chunk with its first item only. The copy keeps none of
// the other items in memory.
func withFirstItem(chunk Chunk) *Chunk {
	if chunk.Items = chunk.Items[:min(1, len(chunk.Items))]; len(chunk.Items) > 0 {
		chunk.Items = []string{strings.Clone(chunk.Items[0])}
	}
	return &chunk
}

// checkLines checks that each item is one line for the command.
func checkLines(items []string) error {
	for i, item := range items {
		if strings.ContainsRune(item, '\n') {
			return fmt.Errorf("exec: item %d contains a line end", i+1)
		}
	}
	return nil
}
