package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/results"
)

// eachTest runs an EachHandler on one chunk.
type eachTest struct {
	*eachHandler
	t   *testing.T
	dir string
}

func newEach(t *testing.T, cfg EachConfig) *eachTest {
	t.Helper()
	cfg.ResultsDir = t.TempDir()
	if cfg.KillGrace == 0 {
		cfg.KillGrace = time.Minute
	}
	h, err := newEachHandler(cfg)
	require.NoError(t, err)
	return &eachTest{eachHandler: h, t: t, dir: cfg.ResultsDir}
}

func (e *eachTest) run(ctx context.Context, items ...string) error {
	c := Chunk{BatchID: "a_chunk_0_a2", Name: "a_chunk_0", File: "a.txt", Attempt: 2, FirstLine: 11, Items: items, Worker: self, report: &report{}}
	return e.handle(ctx, c, func(int) {})
}

func (e *eachTest) result() string {
	e.t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "a.txt", "a_chunk_0.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.t.Error(err)
	}
	return string(text)
}

// failed returns the lines of the list of the failed items as "line item exit error".
func (e *eachTest) failed() (all []string) {
	e.t.Helper()
	f, err := os.Open(filepath.Join(e.dir, "a.txt", "a_chunk_0.failed.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(e.t, err)
	defer f.Close()
	for lines := json.NewDecoder(f); ; {
		var x results.FailedItem
		if err := lines.Decode(&x); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(e.t, err)
		}
		exit := "-"
		if x.Exit != nil {
			exit = strconv.Itoa(*x.Exit)
		}
		all = append(all, fmt.Sprint(*x.Line, " ", x.Item, " ", exit, " ", x.Error))
	}
}

func numberedItems(n int) (items []string) {
	for i := range n {
		items = append(items, strconv.Itoa(i))
	}
	return items
}

func TestEach(t *testing.T) {
	t.Setenv("KM_HIDDEN", "1")
	t.Setenv("KM_URL", "http://host/path?x=a@b:c")
	for _, c := range []struct {
		name, command string
		shell         bool
		items         []string
		out           string
		failed        []string
	}{
		{name: "item as an argument", command: "echo <{}> {}", shell: false, items: nil},
		{name: "one argument", command: `printf '%s\n' {}`, items: []string{"a b", "$HOME", "'"}, out: "a b\n$HOME\n'\n"},
		{name: "item on the standard input", command: "cat", items: []string{"a b", "c"}, out: "a b\nc\n"},
		{name: "an argument and no input", command: "sh -c 'cat; echo $1' - {}", items: []string{"x"}, out: "x\n"},
		{name: "shell", command: `echo {} | tr a-z A-Z`, shell: true, items: []string{"one $(two)", "three"}, out: "ONE $(TWO)\nTHREE\n"},
		{name: "shell with standard input", command: `read x; echo "<$x>"`, shell: true, items: []string{"one", "two"}, out: "<one>\n<two>\n"},
		{name: "some fail", command: `echo {}; case {} in b) echo no route >&2; exit 3;; d) kill -TERM $$;; e) exit 1;; esac`, shell: true,
			items: []string{"a", "b", "c", "d", "e"}, out: "a\nc\n", failed: []string{"12 b 3 exit status 3: no route", "14 d - signal: terminated", "15 e 1 exit status 1"}},
		{name: "all fail", command: "false", items: []string{"a", "b"}, failed: []string{"11 a 1 exit status 1", "12 b 1 exit status 1"}},
		{name: "no line end", command: "printf %s {}", items: []string{"a", "", "b"}, out: "a\nb\n"},
		{name: "nothing", command: "true", items: []string{"a", "b"}},
		{name: "environment", command: `echo "$KM_BATCH_ID $KM_FILE $KM_ATTEMPT $KM_TOTAL $KM_WORKER_ID $KM_LINE $KM_HIDDEN $KM_URL"`, shell: true, items: []string{"x"},
			out: "a_chunk_0_a2 a.txt 2 1 w-1 11  http://host/path?x=a@b:c\n"},
		{name: "a NUL byte", command: "echo {}", items: []string{"a\x00b", "c"}, out: "c\n", failed: []string{"11 a\x00b - it contains a NUL byte"}},
		{name: "a NUL byte in a shell", command: "echo {}", shell: true, items: []string{"a\x00b", "c"}, out: "c\n", failed: []string{"11 a\x00b - it contains a NUL byte"}},
		{name: "terminal escapes", command: `printf '\033]0;own\007 why\n' >&2; exit 4`, shell: true, items: []string{"x"}, failed: []string{"11 x 4 exit status 4: ]0;own  why"}},
		{name: "background processes do not hold it up", command: "sleep 600 & echo {}", shell: true, items: []string{"a", "b"}, out: "a\nb\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.items == nil {
				_, err := EachHandler(EachConfig{Command: c.command})
				require.ErrorIs(t, err, ErrNeedsShell)
				return
			}
			for _, jobs := range []int{1, 4} {
				e := newEach(t, EachConfig{Command: c.command, Shell: c.shell, Jobs: jobs, Hidden: []string{"KM_HIDDEN"}})
				require.NoError(t, e.run(context.Background(), c.items...))
				require.Equal(t, c.out, e.result())
				require.Equal(t, c.failed, e.failed())
			}
		})
	}
}

func TestEachConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []EachConfig{
		{}, {Command: " "}, {Command: "probe 'x"}, {Command: "{}"}, {Command: "probe", Jobs: -1}, {Command: "probe", Jobs: 1001},
		{Command: "probe", Timeout: time.Millisecond}, {Command: "probe", Timeout: 31 * 24 * time.Hour}, {Command: "probe", Timeout: -1},
	} {
		_, err := EachHandler(cfg)
		require.Error(t, err, "%+v", cfg)
	}
	_, err := EachHandler(EachConfig{Command: "probe", Jobs: 1000, Timeout: 50 * time.Millisecond})
	require.NoError(t, err)
}

// The output is in the order of the items, whatever the order of the ends.
func TestEachInOrder(t *testing.T) {
	gate, _ := pipe(t)
	t.Setenv("GATE", gate)
	items := numberedItems(8)
	run := func(unordered bool) string {
		e := newEach(t, EachConfig{Command: "[ {} != 0 ] || read go <$GATE; echo {}", Shell: true, Jobs: 4, Unordered: unordered})
		c := Chunk{BatchID: "a_chunk_0", Name: "a_chunk_0", File: "a.txt", Items: items}
		require.NoError(t, e.handle(context.Background(), c, func(done int) {
			if done == 7 { // the first one ends last
				require.NoError(t, os.WriteFile(gate, []byte("go\n"), 0))
			}
		}))
		return e.result()
	}
	require.Equal(t, strings.Join(items, "\n")+"\n", run(false))
	got := strings.Fields(run(true))
	require.Equal(t, "0", got[7])
	slices.Sort(got)
	require.Equal(t, items, got)
}

// No more than the given number of processes run at the same time, whatever the number of
// chunks, and progress counts every item.
func TestEachJobs(t *testing.T) {
	e := newEach(t, EachConfig{Command: `d=$DIR/{}; mkdir "$d"; ls $DIR | wc -l; rmdir "$d"`, Shell: true, Jobs: 3})
	t.Setenv("DIR", t.TempDir())
	done := make(chan error, 2)
	var counted atomic.Int64
	for n := range 2 {
		c := Chunk{BatchID: fmt.Sprint("a_chunk_", n), Name: fmt.Sprint("a_chunk_", n), File: "a.txt", report: &report{}}
		for _, i := range numberedItems(20) {
			c.Items = append(c.Items, fmt.Sprint(n, "-", i))
		}
		go func() { done <- e.handle(context.Background(), c, func(int) { counted.Add(1) }) }()
	}
	require.NoError(t, errors.Join(<-done, <-done))
	require.EqualValues(t, 40, counted.Load())
	for n := range 2 {
		text, err := os.ReadFile(filepath.Join(e.dir, "a.txt", fmt.Sprintf("a_chunk_%d.jsonl", n)))
		require.NoError(t, err)
		for at := range strings.FieldsSeq(string(text)) {
			require.Contains(t, []string{"1", "2", "3"}, at)
		}
	}
}

// An item with exit status 75 is tried again after the others, three times in all. When
// all items have it, the chunk is given back.
func TestEachTriesAgain(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DIR", dir)
	command := `echo x >>$DIR/{}; n=$(wc -l <$DIR/{}); case {} in never) exit 75;; twice) [ $n -ge 2 ] || exit 75;; thrice) [ $n -ge 3 ] || exit 75;; esac; echo {} $n`
	e := newEach(t, EachConfig{Command: command, Shell: true, Jobs: 2})
	e.pauses = []time.Duration{time.Millisecond, time.Millisecond}
	require.NoError(t, e.run(context.Background(), "never", "twice", "once", "thrice"))
	require.Equal(t, "twice 2\nonce 1\nthrice 3\n", e.result())
	require.Equal(t, []string{"11 never 75 exit status 75 in 3 runs"}, e.failed())
	runs, err := os.ReadFile(filepath.Join(dir, "never"))
	require.NoError(t, err)
	require.Equal(t, "x\nx\nx\n", string(runs))

	e = newEach(t, EachConfig{Command: "exit 75", Shell: true})
	err = e.run(context.Background(), "a", "b")
	require.ErrorIs(t, err, ErrRetry)
	require.Nil(t, asUnfit(err))
	require.Empty(t, files(t, e.dir))
}

// An item whose process is killed from outside, as by the kernel when memory runs out, is
// tried again after the others, and has failed when that does not help.
func TestEachTriesAKilledItemAgain(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DIR", dir)
	for _, command := range []string{
		`echo x >>$DIR/{}; case {} in never) kill -9 $$;; twice) [ $(wc -l <$DIR/{}) -ge 2 ] || kill -9 $$;; esac; echo {}`,
		`echo x >>$DIR/{}; case {} in never) sh -c 'kill -9 $$';; twice) [ $(wc -l <$DIR/{}) -ge 2 ] || sh -c 'kill -9 $$';; esac && echo {}`,
	} {
		e := newEach(t, EachConfig{Command: command, Shell: true, Jobs: 2})
		e.pauses = []time.Duration{time.Millisecond, time.Millisecond}
		require.NoError(t, e.run(context.Background(), "never", "twice", "once"))
		require.Equal(t, "twice\nonce\n", e.result())
		require.Len(t, e.failed(), 1)
		require.Regexp(t, `^11 never (- signal: killed|137 exit status 137) in 3 runs$`, e.failed()[0])
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	e := newEach(t, EachConfig{Command: "kill -9 $$", Shell: true})
	e.pauses = []time.Duration{time.Millisecond, time.Millisecond}
	require.NoError(t, e.run(context.Background(), "a", "b"), "a chunk of such items alone comes to an end, too")
	require.Len(t, e.failed(), 2)
}

// A process that runs for too long is stopped with everything that it started, and its
// item has failed.
func TestEachTimeout(t *testing.T) {
	path, line := pipe(t)
	t.Setenv("PIPE", path)
	e := newEach(t, EachConfig{Command: `[ {} = slow ] || exit 0; sh -c 'echo $$ >$PIPE; while :; do sleep 600; done' & wait`, Shell: true, Timeout: 3 * time.Second, KillGrace: time.Millisecond, Jobs: 2})
	require.NoError(t, e.run(context.Background(), "fast", "slow", "fast"))
	pid, _ := strconv.Atoi(line())
	gone(t, pid)
	failed := e.failed()
	require.Len(t, failed, 1)
	require.Regexp(t, `^12 slow - the command was stopped \(signal: .*\): not done within the time-out of 3s$`, failed[0])
}

// When the context ends, the processes are stopped and nothing of the chunk counts.
func TestEachStops(t *testing.T) {
	path, line := pipe(t)
	t.Setenv("PIPE", path)
	e := newEach(t, EachConfig{Command: `trap "exit 0" TERM; echo half; echo $$ >$PIPE; while :; do :; done`, Shell: true, Jobs: 3})
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx, numberedItems(10)...) }()
	var pids []int
	for range 3 {
		pid, _ := strconv.Atoi(line())
		pids = append(pids, pid)
	}
	stopped := errors.New("stopped")
	cancel(stopped)
	require.ErrorIs(t, <-done, stopped)
	for _, pid := range pids {
		gone(t, pid)
	}
	require.Empty(t, files(t, e.dir))
	require.ErrorIs(t, e.run(ctx, "x"), context.Canceled, "and nothing is started afterwards")
}

// A stop leaves every slot free for the next chunk, also when one becomes free meanwhile.
func TestEachStopKeepsNoSlot(t *testing.T) {
	t.Parallel()
	r := &eachRun{eachHandler: newEach(t, EachConfig{Command: "true", Jobs: 1}).eachHandler}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 50 { // either case of the select
		require.False(t, r.takeSlot(ctx))
		require.Empty(t, r.slots)
	}
	require.True(t, r.takeSlot(context.Background()))
	require.Len(t, r.slots, 1)
}

// An item that no argument can hold says nothing about the command.
func TestEachNULProvesNothing(t *testing.T) {
	t.Parallel()
	e := newEach(t, EachConfig{Command: "exit 127; : {}", Shell: true, Jobs: 1})
	require.NotNil(t, asUnfit(e.run(context.Background(), "a\x00b", "1", "2")))
}

// A stop also ends the pause before an item is tried again.
func TestEachStopsInAPause(t *testing.T) {
	path, line := pipe(t)
	t.Setenv("PIPE", path)
	e := newEach(t, EachConfig{Command: `echo {} >$PIPE; exit {}`, Shell: true, Jobs: 1})
	e.pauses = []time.Duration{time.Hour}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx, "75", "0") }()
	line()
	line()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// A command that cannot be run is the worker's trouble, and no item fails for it.
func TestEachUnfit(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "probe")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		require.NoError(t, errors.Join(os.WriteFile(script, []byte(text), 0o644), os.Chmod(script, mode)))
	}
	for name, spoil := range map[string]func(){
		"missing":               func() { _ = os.Remove(script) },
		"not executable":        func() { write("#!/bin/sh\ncat\n", 0o644) },
		"interpreter missing":   func() { write("#!/no/such/sh\ncat\n", 0o755) },
		"no program":            func() { write("cat\n", 0o755) },
		"needs what is missing": func() { write("#!/bin/sh\nno-such-command-here $1\n", 0o755) },
	} {
		for _, shell := range []bool{false, true} {
			if shell && name == "no program" {
				continue // a shell runs it
			}
			t.Run(fmt.Sprint(name, " shell ", shell), func(t *testing.T) {
				spoil()
				e := newEach(t, EachConfig{Command: script + " {}", Shell: shell, Jobs: 2})
				err := e.run(context.Background(), numberedItems(20)...)
				u := asUnfit(err)
				require.NotNil(t, u, "%v", err)
				require.ErrorIs(t, err, ErrRetry)
				require.Empty(t, files(t, e.dir))
				for range maxItemProbes + 2 {
					require.ErrorAs(t, u.check(context.Background()), new(cannotRun))
				}
				write("#!/bin/sh\necho $1\n", 0o755)
				require.NoError(t, u.check(context.Background()))
				require.NoError(t, e.run(context.Background(), "1", "2"))
				require.Equal(t, "1\n2\n", e.result())
			})
		}
	}
	t.Run("it vanishes while the chunk runs", func(t *testing.T) {
		for _, shell := range []bool{false, true} {
			write("#!/bin/sh\n[ $1 != 3 ] || rm $0\n", 0o755)
			e := newEach(t, EachConfig{Command: script + " {}", Shell: shell, Jobs: 1})
			err := e.run(context.Background(), numberedItems(6)...)
			u := asUnfit(err)
			require.NotNil(t, u, "%v", err)
			require.ErrorAs(t, u.check(context.Background()), new(cannotRun))
			write("#!/bin/sh\n", 0o755)
			require.NoError(t, u.check(context.Background()))
		}
	})
}

// A command that can be run for other items fails for an item, whatever the exit status.
func TestEachBlamesTheItem(t *testing.T) {
	for _, items := range [][]string{{"127", "0", "126"}, {"0", "127", "126"}, {"126", "127", "0"}} {
		e := newEach(t, EachConfig{Command: "exit {}", Shell: true, Jobs: 1})
		require.NoError(t, e.run(context.Background(), items...))
		require.Len(t, e.failed(), 2)
	}
	long := strings.Repeat("x", 140_000)
	for _, items := range [][]string{{long, "1"}, {"1", long}, {long}} {
		e := newEach(t, EachConfig{Command: "echo {}"})
		require.NoError(t, e.run(context.Background(), items...))
		require.Len(t, e.failed(), 1)
		require.Contains(t, e.failed()[0], "argument list too long")
	}
	for _, items := range [][]string{{long[:30_000], "1"}, {"1", long[:30_000]}, {long[:30_000]}} {
		e := newEach(t, EachConfig{Command: "echo {}{}{}{}{}"})
		require.NoError(t, e.run(context.Background(), items...), "it stands in one argument several times")
		require.Len(t, e.failed(), 1)
		require.Contains(t, e.failed()[0], "argument list too long")
	}
	e := newEach(t, EachConfig{Command: "wc -c"})
	require.NoError(t, e.run(context.Background(), long), "the standard input has no such limit")
	require.Equal(t, "140001\n", e.result())
}

// Output that does not fit into memory waits in a file, in the right order, and that of
// failed items is discarded.
func TestEachHugeOutput(t *testing.T) {
	const mb = 8
	command := `head -c ` + strconv.Itoa(mb<<20) + ` /dev/zero | tr '\0' {}; [ {} != c ]`
	for _, unordered := range []bool{false, true} {
		e := newEach(t, EachConfig{Command: command, Shell: true, Jobs: 4, Unordered: unordered})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, e.run(context.Background(), "a", "b", "c", "d"))
		runtime.ReadMemStats(&after)
		require.Less(t, int64(after.HeapSys)-int64(before.HeapSys), int64(mb<<20), "most of it is never in memory")
		text := e.result()
		require.Len(t, text, 3*(mb<<20+1))
		lines := strings.Split(strings.TrimSpace(text), "\n")
		require.Len(t, lines, 3)
		for i, letter := range []string{"a", "b", "d"} {
			if unordered {
				letter = lines[i][:1]
			}
			require.Equal(t, strings.Repeat(letter, mb<<20), lines[i])
		}
		require.Len(t, e.failed(), 1)
		require.Len(t, files(t, e.dir), 2, "no temporary file is left")
	}
}

// Many processes that write at the same time do not mix their lines.
func TestEachManyOutputs(t *testing.T) {
	items := numberedItems(300)
	e := newEach(t, EachConfig{Command: `for i in 1 2 3; do echo {} $i; done; x={}; [ $((x % 7)) != 0 ]`, Shell: true, Jobs: 16})
	require.NoError(t, e.run(context.Background(), items...))
	var want strings.Builder
	for i, item := range items {
		for n := 1; n <= 3 && i%7 != 0; n++ {
			fmt.Fprintln(&want, item, n)
		}
	}
	require.Equal(t, want.String(), e.result())
	require.Len(t, e.failed(), 43)
}
