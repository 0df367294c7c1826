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
	"runtime"
	"strconv"
	"strings"
	"time"

	"kafka-master/messages"
)

const (
	groupPoll = 20 * time.Millisecond
	// drainTime is how long a stream is still read after the command has ended. A
	// process that left the process group may hold the stream open for ever.
	drainTime = time.Second
	// drainBytes bounds what is read of such a stream. The output of the command itself
	// is in the pipe by then, which holds at most 1 MiB on Linux. A read that returns
	// less than it asked for has emptied the pipe.
	drainBytes = 1 << 20
)

// streams are the worker's ends of a command's standard streams. They are pipes, so
// that the worker notices the command's end no matter who else holds the streams.
type streams struct {
	in, out, errs *os.File
	theirs        []*os.File // the command's ends
}

func openStreams(cmd *exec.Cmd) (streams, error) {
	var files [6]*os.File
	for i := 0; i < len(files); i += 2 {
		var err error
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			closeAll(files[:i])
			return streams{}, err
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	return streams{in: files[1], out: files[2], errs: files[4], theirs: []*os.File{files[0], files[3], files[5]}}, nil
}

func (s streams) close() { closeAll([]*os.File{s.in, s.out, s.errs}) }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// execute runs the command to its end and writes its output to result.
func execute(ctx context.Context, cfg ExecConfig, chunk Chunk, result io.Writer) error {
	cmd := exec.Command("sh", "-c", cfg.Command)
	cmd.Env = chunkEnvironment(chunk, cfg.Hidden)
	r := runner{grace: cfg.KillGrace, log: cfg.Logger, reason: messages.MaxErrorText, guard: func(group int) func() {
		return startGroupKiller(group).stop
	}}
	return r.run(ctx, cmd, chunk.Items, result)
}

// chunkEnvironment returns the environment of a command that works on a chunk.
func chunkEnvironment(chunk Chunk, hidden []string) []string {
	return append(environment(os.Environ(), hidden), "KM_BATCH_ID="+noNUL(chunk.BatchID), "KM_FILE="+noNUL(chunk.File), "KM_ATTEMPT="+strconv.Itoa(chunk.Attempt),
		"KM_TOTAL="+strconv.Itoa(len(chunk.Items)), "KM_WORKER_ID="+string(chunk.Worker))
}

// runner runs commands.
type runner struct {
	grace  time.Duration // between SIGTERM and SIGKILL
	log    *slog.Logger
	reason int // bytes of the reason of a failure
	// guard lets a process group be killed when the worker is. release ends that.
	guard func(group int) (release func())
}

// run runs a command to its end. The command reads the lines, and its output goes to
// result.
func (r runner) run(ctx context.Context, cmd *exec.Cmd, lines []string, result io.Writer) error {
	ownGroup(cmd)
	reapZombies()
	defer reapZombies()
	s, err := openStreams(cmd)
	if err != nil {
		return cannotRun{fmt.Errorf("exec: %w", err)}
	}
	defer s.close()
	ended, err := launch(cmd)
	closeAll(s.theirs)
	if err != nil {
		return cannotRun{fmt.Errorf("exec: %w", err)}
	}
	defer r.guard(cmd.Process.Pid)()
	return r.transfer(ctx, s, cmd, ended, lines, result)
}

// transfer feeds the lines to the running command, writes its output to result and
// waits for its end.
func (r runner) transfer(ctx context.Context, s streams, cmd *exec.Cmd, ended <-chan error, lines []string, result io.Writer) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	fed := make(chan struct{})
	go func() { defer close(fed); write(s.in, lines) }()
	stderr := make(chan string, 1)
	go func() { stderr <- tail(s.errs, r.reason) }()
	written := make(chan error, 1)
	go func() { written <- relay(result, s.out, stop) }()

	waitErr := r.await(running, cmd, ended)
	_ = s.in.Close() // a writer that is still feeding gets an error
	_ = s.out.SetReadDeadline(time.Now())
	_ = s.errs.SetReadDeadline(time.Now().Add(drainTime))
	<-fed
	writeErr, text := <-written, <-stderr
	if writeErr != nil && ctx.Err() == nil {
		return writeErr // whatever the exit status is
	}
	return describe(ctx, waitErr, text, r.reason)
}

// cannotRun means that the command cannot be run here, whatever the chunk: it or its
// interpreter is missing or not executable, or the machine lacks processes or memory.
type cannotRun struct{ error }

// Unwrap implements the interface of package errors.
func (e cannotRun) Unwrap() error { return e.error }

// relay copies the output of the command to the result. When the result cannot be
// written it calls stop once and discards the remaining output, so that nothing blocks
// on a full pipe. A read deadline means that the command has ended.
func relay(to io.Writer, from *os.File, stop func()) (failure error) {
	buf := make([]byte, 32<<10)
	copyOnce := func(limit int) (int, error) {
		n, err := from.Read(buf[:min(limit, len(buf))])
		if n > 0 && failure == nil {
			if _, failure = to.Write(buf[:n]); failure != nil {
				stop()
			}
		}
		return n, err
	}
	var err error
	for err == nil {
		_, err = copyOnce(len(buf))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
		for n, left := len(buf), drainBytes; err == nil && left > 0 && n == len(buf); left -= n {
			// The deadline is set for each read, since writing the result may take long.
			_ = from.SetReadDeadline(time.Now().Add(drainTime))
			n, err = copyOnce(left)
		}
	}
	if failure == nil && err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
		failure = fmt.Errorf("read the command's output: %w", err)
	}
	return failure
}

// launch starts the command; ended receives the result of waiting for it. The kernel
// kills the command when the thread that started it ends, not only when the process
// does. The goroutine therefore locks its thread until the command has ended.
func launch(cmd *exec.Cmd) (ended <-chan error, err error) {
	started, end := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			end <- cmd.Wait()
		}
	}()
	return end, <-started
}

// await waits for the command's end. It stops the command when ctx ends first.
func (r runner) await(ctx context.Context, cmd *exec.Cmd, ended <-chan error) error {
	defer killGroup(cmd)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	termGroup(cmd)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.grace)
	defer cancel()
	select {
	case err := <-ended:
		// The shell ends at once, but the programs that it started may still clean up.
		for groupAlive(cmd) && sleep(grace, groupPoll) {
			reapZombies()
		}
		return err
	case <-grace.Done():
		r.log.Warn("command does not stop, killing it", "pid", cmd.Process.Pid)
		killGroup(cmd)
		return <-ended
	}
}

// describe turns the result of waiting for the command into the handler's error. A
// command that was stopped has not done its work, whatever its exit status is. The text
// has at most limit bytes, and more only if the cause alone does.
func describe(ctx context.Context, waitErr error, stderr string, limit int) error {
	var cause error
	var exit *exec.ExitError
	switch {
	case waitErr != nil && !errors.As(waitErr, &exit):
		return fmt.Errorf("exec: %w", waitErr)
	case ctx.Err() != nil && waitErr == nil:
		cause = fmt.Errorf("the command was stopped (exit status 0): %w", context.Cause(ctx))
	case ctx.Err() != nil:
		cause = fmt.Errorf("the command was stopped (%v): %w", exit, context.Cause(ctx))
	case waitErr == nil:
		return nil
	case exit.ExitCode() == exitRetry:
		cause = fmt.Errorf("%w: %w", exit, ErrRetry)
	case exit.ExitCode() == exitCannotRun || exit.ExitCode() == exitNotFound:
		cause = cannotRun{exit}
	default:
		cause = exit
	}
	stderr = strings.TrimSpace(messages.CutText(stderr, 3*len(stderr))) // without control characters
	if stderr == "" {
		return cause
	}
	head := cause.Error() + ": "
	if over := len(head) + len(stderr) - limit; over > 0 {
		stderr = stderr[min(over, len(stderr)):] // programs print the reason last
	}
	return fmt.Errorf("%w: %s", cause, stderr)
}

// write feeds the items to the command. It is no error when the command does not read
// all of them.
func write(w io.WriteCloser, items []string) {
	defer w.Close()
	buf := bufio.NewWriterSize(w, 64<<10)
	for _, item := range items {
		_, _ = buf.WriteString(item)
		if buf.WriteByte('\n') != nil {
			return // the writer keeps its first error
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
