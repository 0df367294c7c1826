package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"kafka-master/messages"
)

const (
	exitRetry   = 75 // EX_TEMPFAIL of sysexits.h
	defGrace    = 5 * time.Second
	groupPoll   = 20 * time.Millisecond
	drainStderr = time.Second // for the rest of stderr when a process escaped from the group
)

// ExecConfig says what ExecHandler runs.
type ExecConfig struct {
	// Command is run by "sh -c" for each chunk. No default.
	Command string
	// ResultsDir is the results folder, see Results. No default.
	ResultsDir string
	// KillGrace is the time between SIGTERM and SIGKILL when a command has to
	// stop, >= 1 ns. Default 5 s.
	KillGrace time.Duration
	// Logger takes the log. Default slog.Default().
	Logger *slog.Logger
}

// ExecHandler runs a command for each chunk. The items are its standard input,
// one per line; its standard output becomes the chunk's result. The environment
// is the process's own and KM_BATCH_ID, KM_FILE, KM_ATTEMPT, KM_TOTAL (number of
// items) and KM_WORKER_ID.
//
// Exit status 0 means done, 75 that the chunk is to be retried later, and any
// other end that the attempt failed; the end of the standard error is the
// reason then. The command need not read all of its input. It runs in its own
// process group, which is killed when the command ended, so that nothing it
// started in the background stays; when the worker has to stop, the group gets
// SIGTERM and, after KillGrace, SIGKILL.
func ExecHandler(cfg ExecConfig) Handler {
	def(&cfg.KillGrace, defGrace)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return func(ctx context.Context, chunk Chunk, _ func(int)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkLines(chunk.Items); err != nil {
			return err
		}
		out, err := Results{Dir: cfg.ResultsDir}.Create(chunk)
		if err != nil {
			return err
		}
		defer out.Abort()
		if err := execute(ctx, cfg, chunk, out.file); err != nil {
			return err
		}
		return out.Commit()
	}
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

// execute runs the command to its end. The child gets plain files for all three
// streams: it then ends for us when it ends, whoever else holds the streams.
func execute(ctx context.Context, cfg ExecConfig, chunk Chunk, stdout *os.File) error {
	in, feed, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	defer feed.Close()
	errs, stderr, err := os.Pipe()
	if err != nil {
		_ = in.Close()
		return fmt.Errorf("exec: %w", err)
	}
	defer errs.Close()

	cmd := exec.Command("sh", "-c", cfg.Command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, stdout, stderr
	cmd.Env = append(os.Environ(), "KM_BATCH_ID="+noNUL(chunk.BatchID), "KM_FILE="+noNUL(chunk.File), "KM_ATTEMPT="+strconv.Itoa(chunk.Attempt),
		"KM_TOTAL="+strconv.Itoa(len(chunk.Items)), "KM_WORKER_ID="+string(chunk.Worker))
	ownGroup(cmd)
	err = cmd.Start()
	_, _ = in.Close(), stderr.Close() // the child's ends
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}

	fed := make(chan struct{})
	go func() { defer close(fed); write(feed, chunk.Items) }()
	said := make(chan string, 1)
	go func() { said <- tail(errs, messages.MaxErrorText) }()

	err = await(ctx, cmd, cfg)
	_ = feed.Close() // a writer that is still at it gets an error
	_ = errs.SetReadDeadline(time.Now().Add(drainStderr))
	<-fed
	return describe(ctx, err, <-said)
}

// await waits for the command's end and stops it when ctx ends before.
func await(ctx context.Context, cmd *exec.Cmd, cfg ExecConfig) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer killGroup(cmd)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	termGroup(cmd)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.KillGrace)
	defer cancel()
	select {
	case err := <-ended:
		// The shell goes at once; what it ran may still be tidying up.
		for groupAlive(cmd) && sleep(grace, groupPoll) {
		}
		return err
	case <-grace.Done():
		cfg.Logger.Warn("command does not stop, killing it", "pid", cmd.Process.Pid)
		killGroup(cmd)
		return <-ended
	}
}

// describe turns the command's end into the handler's error.
func describe(ctx context.Context, err error, said string) error {
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("exec: %w", err)
	}
	cause := error(exit)
	switch {
	case ctx.Err() != nil:
		cause = fmt.Errorf("%v: %w", exit, context.Cause(ctx))
	case exit.ExitCode() == exitRetry:
		cause = fmt.Errorf("%v: %w", exit, ErrRetry)
	}
	said = strings.TrimSpace(said)
	if said == "" {
		return cause
	}
	head := cause.Error() + ": "
	if over := len(head) + len(said) - messages.MaxErrorText; over > 0 {
		said = said[min(over, len(said)):] // the reason is at the end
	}
	return fmt.Errorf("%w: %s", cause, said)
}

// write feeds the items. A command that does not want them all is fine.
func write(w io.WriteCloser, items []string) {
	defer w.Close()
	buf := bufio.NewWriterSize(w, 64<<10)
	for _, item := range items {
		_, _ = buf.WriteString(item)
		if buf.WriteByte('\n') != nil {
			return // an error sticks
		}
	}
	_ = buf.Flush()
}

// tail reads all of r and returns its last limit bytes.
func tail(r io.Reader, limit int) string {
	var last []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		last = append(last, buf[:n]...)
		if over := len(last) - limit; over > 0 {
			last = append(last[:0], last[over:]...)
		}
		if err != nil {
			return string(last)
		}
	}
}

func noNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
