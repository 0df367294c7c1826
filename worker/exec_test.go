//go:build unix

package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func execute1(t *testing.T, ctx context.Context, command string, items ...string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	h := ExecHandler(ExecConfig{Command: command, ResultsDir: dir, KillGrace: time.Minute, Hidden: []string{"KM_HIDDEN"}})
	c := Chunk{BatchID: "a_chunk_0_a2", Name: "a_chunk_0", File: "a.txt", Attempt: 2, Items: items, Worker: self}
	return dir, h(ctx, c, func(int) {})
}

func TestExec(t *testing.T) {
	ctx := context.Background()
	many := strings.Split(strings.TrimSpace(strings.Repeat("12345678901234567890\n", 50_000)), "\n")
	tests := []struct {
		name, command string
		items         []string
		out, err      string
		retry         bool
	}{
		{name: "items in, lines out", command: "tr a-z A-Z", items: []string{"one", "two"}, out: "ONE\nTWO\n"},
		{name: "environment", command: `echo "$KM_BATCH_ID $KM_FILE $KM_ATTEMPT $KM_TOTAL $KM_WORKER_ID $KM_TEST"`, items: []string{"x"},
			out: "a_chunk_0_a2 a.txt 2 1 w-1 own\n"},
		{name: "retry", command: "echo busy >&2; exit 75", err: "exit status 75: to be retried later: busy", retry: true},
		{name: "failed", command: "echo half; echo no route >&2; exit 3", err: "exit status 3: no route"},
		{name: "failed silently", command: "exit 1", err: "exit status 1"},
		{name: "killed", command: "kill -9 $$", err: "signal: killed"},
		{name: "not found", command: "no-such-command-here 2>/dev/null", err: "exit status 127", retry: true},
		{name: "closes stdin early", command: "head -n 1", items: many, out: many[0] + "\n"},
		{name: "never reads", command: "exec <&-; echo done", items: many, out: "done\n"},
		{name: "much on all streams", command: "tee /dev/stderr", items: many, out: strings.Join(many, "\n") + "\n"},
		{name: "terminal escapes in stderr", command: `printf '\033]0;own\007\302\233 2J\342\200\256 why\n' >&2; exit 3`, err: "exit status 3: ]0;own   2J  why"},
		{name: "secrets", command: `env | grep -c -e KM_HIDDEN -e sesame; echo "$KM_URL"`, out: "0\nhttp://host/path?x=a@b:c\n"},
		{name: "stderr is no failure", command: "echo warning >&2", out: ""},
		{name: "item with a line end", command: "cat", items: []string{"a", "b\nc"}, err: "exec: item 2 contains a line end"},
		{name: "background processes do not hold it up", command: "sleep 600 & echo done", out: "done\n"},
	}
	t.Setenv("KM_TEST", "own")
	t.Setenv("KM_HIDDEN", "1")
	t.Setenv("KM_URL", "http://host/path?x=a@b:c")
	t.Setenv("KM_REDIS", "rediss://:sesame@host:6379/0")
	t.Setenv("KM_LIST", "http://a, amqp://me:sesame@b")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := execute1(t, ctx, tt.command, tt.items...)
			if fmt.Sprint(err) != tt.err && (err != nil || tt.err != "") || errors.Is(err, ErrRetry) != tt.retry {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			got, rerr := os.ReadFile(filepath.Join(dir, "a.txt", "a_chunk_0.jsonl"))
			if err == nil && string(got) != tt.out {
				t.Errorf("result of %d bytes, want %d", len(got), len(tt.out))
			}
			if err != nil && !errors.Is(rerr, os.ErrNotExist) || len(files(t, dir)) > 1 {
				t.Errorf("a failed attempt left %v", files(t, dir))
			}
		})
	}
	t.Run("tail of stderr", func(t *testing.T) {
		_, err := execute1(t, ctx, "seq 1 20000 >&2; echo the end >&2; exit 2")
		text := err.Error()
		if len(text) != 4096 || !strings.HasPrefix(text, "exit status 2: ") || !strings.HasSuffix(text, "\n20000\nthe end") {
			t.Errorf("%d bytes: %.60s…", len(text), text)
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if dir, err := execute1(t, ctx, "echo x"); !errors.Is(err, context.Canceled) || len(files(t, dir)) != 0 {
			t.Errorf("error %v", err)
		}
	})
}

// disk accepts this number of bytes and is then full.
type disk struct{ room int }

var errDiskFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errDiskFull
	}
	return len(p), nil
}

// The worker writes the result itself, so it notices a full disk. A command may ignore
// write errors, and cannot know when the disk fills up later.
func TestExecOutputIsWrittenByTheWorker(t *testing.T) {
	chunk := Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: slices.Repeat([]string{"some line"}, 20_000)}
	run := func(command string, room int) error {
		return execute(context.Background(), ExecConfig{Command: command, KillGrace: time.Minute}, chunk, &disk{room: room})
	}
	t.Run("a full disk fails the attempt whatever the exit status", func(t *testing.T) {
		for _, command := range []string{
			"while read x; do echo $x; done; exit 0", "cat; exit 0", "trap '' PIPE TERM; cat; exit 0", "echo one; exit 0", "cat; exit 3",
		} {
			if err := run(command, 1); !errors.Is(err, errDiskFull) {
				t.Errorf("%s: error %v", command, err)
			}
		}
	})
	t.Run("all output that fits", func(t *testing.T) {
		if err := run("cat", 200_000); err != nil {
			t.Error(err)
		}
		if err := run("cat", 199_999); !errors.Is(err, errDiskFull) {
			t.Errorf("one byte short: %v", err)
		}
	})
	t.Run("a process that left the group does not delay the end", func(t *testing.T) {
		path, line := pipe(t)
		gate, _ := pipe(t)
		t.Setenv("PIPE", path)
		t.Setenv("GATE", gate)
		go func() {
			if pid, err := strconv.Atoi(line()); err == nil && pid > 1 {
				t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			}
			_ = os.WriteFile(gate, []byte("go\n"), 0)
		}()
		dir, err := execute1(t, context.Background(), `setsid sh -c 'echo $$ >$PIPE; exec sleep 600' & read go <$GATE; cat`, "one")
		if got, _ := os.ReadFile(filepath.Join(dir, "a.txt", "a_chunk_0.jsonl")); err != nil || string(got) != "one\n" {
			t.Errorf("result %q, error %v", got, err)
		}
	})
	t.Run("nor does one that continues to write", func(t *testing.T) {
		stop := filepath.Join(t.TempDir(), "stop")
		t.Setenv("STOP", stop)
		writer := `for n in $(seq 100); do echo tick; sleep 0.1; [ ! -e $STOP ] || exit; done; echo over`
		dir, err := execute1(t, context.Background(), "setsid sh -c '"+writer+"' & cat", slices.Repeat([]string{"line"}, 9_000)...)
		if err := os.WriteFile(stop, nil, 0o644); err != nil {
			t.Error(err)
		}
		got, _ := os.ReadFile(filepath.Join(dir, "a.txt", "a_chunk_0.jsonl"))
		if n := strings.Count(string(got), "line\n"); err != nil || n != 9_000 || strings.Contains(string(got), "over") {
			t.Errorf("%d lines, error %v, end of the result %q", n, err, got[max(0, len(got)-20):])
		}
	})
}

// pipe returns the path of a named pipe and a function that reads one line from it. A
// command reports its progress to the test this way.
func pipe(t *testing.T) (path string, line func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // opens both ends, so that opening never blocks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	r := bufio.NewReader(f)
	return path, func() string {
		s, err := r.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSpace(s)
	}
}

// The commands wait in loops without a child, since a shell that has just forked
// may lose a signal.
func TestExecStops(t *testing.T) {
	run := func(t *testing.T, grace time.Duration, command string, then func(line func() string, cancel func())) error {
		t.Helper()
		path, line := pipe(t)
		t.Setenv("PIPE", path)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		dir := t.TempDir()
		done := make(chan error, 1)
		go func() {
			h := ExecHandler(ExecConfig{Command: command, ResultsDir: dir, KillGrace: grace})
			done <- h(ctx, Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: []string{"x"}}, nil)
		}()
		then(line, cancel)
		err := <-done
		if err != nil && len(files(t, dir)) != 0 {
			t.Errorf("left %v", files(t, dir))
		}
		return err
	}
	t.Run("SIGTERM reaches the whole group", func(t *testing.T) {
		child := ""
		err := run(t, 10*time.Second, `sh -c 'trap "echo child stops >$PIPE; exit 0" TERM; echo ready >$PIPE; while :; do :; done' & wait`,
			func(line func() string, cancel func()) {
				line()
				cancel()
				child = line()
			})
		if child != "child stops" || !errors.Is(err, context.Canceled) {
			t.Errorf("%q, %v", child, err)
		}
	})
	t.Run("a command that exits with 0 after SIGTERM has not done the chunk", func(t *testing.T) {
		err := run(t, 10*time.Second, `trap "exit 0" TERM; echo half; echo ready >$PIPE; while :; do :; done`, func(line func() string, cancel func()) {
			line()
			cancel()
		})
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "the command was stopped (exit status 0): ") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("SIGKILL after the grace period, also for children", func(t *testing.T) {
		pid := 0
		err := run(t, time.Millisecond, `trap "" TERM; sh -c 'echo $$ >$PIPE; while :; do sleep 600; done' & while :; do wait; done`,
			func(line func() string, cancel func()) {
				pid, _ = strconv.Atoi(line())
				cancel()
			})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "killed") {
			t.Error(err)
		}
		gone(t, pid)
	})
	t.Run("background processes are killed at the end", func(t *testing.T) {
		pid := 0
		gate, _ := pipe(t)
		t.Setenv("GATE", gate)
		err := run(t, time.Hour, `sh -c 'trap "" HUP TERM; echo $$ >$PIPE; while :; do sleep 600; done' & read x <$GATE; exit 0`,
			func(line func() string, _ func()) {
				pid, _ = strconv.Atoi(line())
				if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
					t.Error(err)
				}
			})
		if err != nil {
			t.Error(err)
		}
		gone(t, pid)
	})
}

// gone waits until the process is dead. A zombie counts as dead, since its new parent
// may be slow to reap it.
func gone(t *testing.T, pid int) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process id")
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") || strings.Contains(string(stat), ") X ") {
			return
		}
	}
	t.Errorf("process %d lives on", pid)
}

// A command that cannot be run makes the worker unfit. It is probed with one item until
// it can be run.
func TestExecUnfit(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "scan.sh")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(script, []byte(text), 0o644), os.Chmod(script, mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LOG", filepath.Join(dir, "log"))
	for name, spoil := range map[string]func(){
		"missing":               func() { _ = os.Remove(script) },
		"not executable":        func() { write("#!/bin/sh\ncat\n", 0o644) },
		"line ends of DOS":      func() { write("#!/bin/sh\r\ncat\r\n", 0o755) },
		"needs what is missing": func() { write("#!/bin/sh\nwhile read x; do no-such-command-here $x; done\n", 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			spoil()
			_, err := execute1(t, context.Background(), script, "one", "two")
			u := asUnfit(err)
			if u == nil || !errors.Is(err, ErrRetry) || !strings.HasPrefix(err.Error(), "exit status 12") {
				t.Fatalf("error %v", err)
			}
			if err := u.check(context.Background()); !errors.As(err, new(cannotRun)) {
				t.Errorf("the probe returned %v", err)
			}
			write("#!/bin/sh\ncat >>$LOG\nexit 3\n", 0o755)
			if err := u.check(context.Background()); err != nil {
				t.Errorf("the command was repaired, but the probe returned %v", err)
			}
			if got, _ := os.ReadFile(os.Getenv("LOG")); string(got) != "one\n" {
				t.Errorf("tried with %q", got)
			}
			_ = os.Remove(os.Getenv("LOG"))
		})
	}
	t.Run("a line that is too long for an argument", func(t *testing.T) {
		h := ExecHandler(ExecConfig{Command: `while read -r x; do expr "$x" >&2; done`, ResultsDir: t.TempDir()})
		run := func(item string) error {
			return h(context.Background(), Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: []string{item}}, nil)
		}
		long := strings.Repeat("x", 140_000)
		u := asUnfit(run(long))
		if u == nil {
			t.Fatal("nobody knows yet whose trouble it is")
		}
		for range maxItemProbes {
			if u.check(context.Background()) == nil {
				t.Error("it is tried too few times")
			}
		}
		if err := u.check(context.Background()); err != nil {
			t.Errorf("it keeps the worker from all other chunks: %v", err)
		}
		if err := run("1"); err != nil {
			t.Error(err)
		}
		if err := run(long); err == nil || errors.Is(err, ErrRetry) || !strings.HasPrefix(err.Error(), "exit status 126: ") {
			t.Errorf("the command runs on other items, so it is the chunk's failure, got %v", err)
		}
	})
	t.Run("a missing command makes the worker unfit until it exists", func(t *testing.T) {
		_ = os.Remove(script)
		_, err := execute1(t, context.Background(), script, "one")
		u := asUnfit(err)
		for range 2 * maxItemProbes {
			if err := u.check(context.Background()); !errors.As(err, new(cannotRun)) {
				t.Fatalf("the probe returned %v", err)
			}
		}
	})
	t.Run("a command that existed before", func(t *testing.T) {
		write("#!/bin/sh\ncat >>$LOG\n", 0o755)
		h := ExecHandler(ExecConfig{Command: script, ResultsDir: t.TempDir()})
		run := func(item string) error {
			return h(context.Background(), Chunk{BatchID: "a_chunk_0", File: "a.txt", Items: []string{item, "more"}}, nil)
		}
		if err := run("good"); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(script)
		u := asUnfit(run("bad"))
		if u == nil || u.check(context.Background()) == nil {
			t.Fatal("the command is missing")
		}
		write("#!/bin/sh\ncat >>$LOG\n", 0o755)
		if err := u.check(context.Background()); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(os.Getenv("LOG")); string(got) != "good\nmore\ngood\n" {
			t.Errorf("it ran with %q", got)
		}
	})
	t.Run("a name that is too long for the environment fails the chunk", func(t *testing.T) {
		h := ExecHandler(ExecConfig{Command: "cat", ResultsDir: t.TempDir()})
		err := h(context.Background(), Chunk{BatchID: "a_chunk_0", File: strings.Repeat("x", 300_000), Items: []string{"x"}}, nil)
		if err == nil || errors.Is(err, ErrRetry) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no shell", func(t *testing.T) {
		t.Setenv("PATH", dir)
		if _, err := execute1(t, context.Background(), "true"); asUnfit(err) == nil {
			t.Errorf("error %v", err)
		}
	})
}
