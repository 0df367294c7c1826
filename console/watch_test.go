package console

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// film answers each query with the next overview and repeats the last one. A nil
// overview is no answer.
type film struct {
	mu     sync.Mutex
	frames []*messages.Overview
}

func (f *film) Ask(context.Context, messages.Query) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.frames[0]
	if len(f.frames) > 1 {
		f.frames = f.frames[1:]
	}
	if o == nil {
		return nil, messages.ErrUnavailable
	}
	return *o, nil
}

// play runs the console with a film for a while and returns its output.
func play(t *testing.T, terminal bool, frames ...*messages.Overview) string {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(len(frames)+4)*time.Second)
		defer cancel()
		require.NoError(t, Run(ctx, Config{
			Asker: &film{frames: frames}, Out: &out, Terminal: terminal, Input: "./in", Results: "./data/results", WorkerCommand: "go run . worker",
			Exists: func(path string) bool { return !strings.Contains(path, "elsewhere") },
		}))
	})
	return out.String()
}

func leader(files ...messages.FileStatus) *messages.Overview {
	o := &messages.Overview{Role: "leader", Term: 2}
	o.Workers[messages.Native][messages.WorkerFree] = 1
	for _, f := range files {
		o.Files.Add(f, 1)
		switch {
		case f.Ended.IsZero():
			o.Working = append(o.Working, f)
		case !f.Ended.Before(midnight):
			o.Ended = append(o.Ended, f)
			o.EndedCount++
		}
	}
	return o
}

// midnight is the start time of every synctest bubble.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// file returns a file of 1,000 items and 10,000 bytes of which done items are done.
func file(id messages.FileID, state messages.FileState, done int64) messages.FileStatus {
	f := messages.FileStatus{File: &messages.File{
		ID: id, State: state, Info: messages.FileInfo{Path: "ips.txt", Size: 10_000},
		Cursor: messages.Cursor{Offset: 10_000, Index: 2}, Items: 1000, DoneItems: done, DoneChunks: done / 500, Started: midnight,
	}, Running: 1}
	if state.Terminal() {
		f.Ended, f.Running = midnight.Add(4*time.Second), 0
	}
	return f
}

func repeat(n int, o *messages.Overview) []*messages.Overview {
	all := make([]*messages.Overview, n)
	for i := range all {
		all[i] = o
	}
	return all
}

func TestWholeRun(t *testing.T) {
	t.Parallel()
	begin := file(1, messages.FileRunning, 0)
	begin.Cursor, begin.Items = messages.Cursor{}, 0
	frames := repeat(3, leader(begin))
	for i := range int64(9) {
		f := file(1, messages.FileRunning, 100*(i+1))
		f.ItemsPerS = 100
		if i > 5 {
			f.ETA = midnight.Add(12*time.Minute + 8*time.Second)
		}
		frames = append(frames, leader(f))
	}
	done := file(1, messages.FileDone, 1000)
	done.Ended = midnight.Add(12 * time.Second)
	at12 := midnight.Add(12 * time.Minute).Local().Format("15:04")
	require.Equal(t, `This master leads, term 2.
ips.txt: started, 10 kB
ips.txt: 30%, 300 items done, 1 chunk at workers, 0 waiting, 100 items/s
ips.txt: 80%, 800 items done, 1 chunk at workers, 0 waiting, 100 items/s, ends in 12 min, `+at12+`
==== ips.txt: done ====
  items       1,000 cut = 1,000 done + 0 failed + 0 dead + 0 missing
  chunks      2 cut, 2 done, 0 dead
  duplicates  0 counted twice, 0 repeated runs (counted once)
  time        12.0 s, 83 items/s
  results     data/results/ips.txt
              By the books every item was done exactly once
Nothing is left to do. Put more *.txt files into:
  ./in
`, play(t, false, append(frames, leader(done))...))
}

// A file that was deleted gets its balance after the last of its chunks has ended.
func TestChangedWhileChunksAreOut(t *testing.T) {
	t.Parallel()
	out := file(1, messages.FileChanged, 500)
	out.Ended, out.Running, out.Reason = time.Time{}, 9, "it was deleted while it was in work"
	ended := file(1, messages.FileChanged, 1000)
	ended.Ended, ended.Reason = midnight.Add(12*time.Second), out.Reason
	got := play(t, false, append(repeat(12, leader(out)), leader(ended))...)
	require.Equal(t, 1, strings.Count(got, "ips.txt: changed, 9 chunks are still at workers\n"), got)
	require.Equal(t, 1, strings.Count(got, "===="+" ips.txt: changed"), got)
	require.NotContains(t, got, "DO NOT ADD UP")
	require.Less(t, strings.Index(got, "still at workers"), strings.Index(got, "===="))
	require.Contains(t, Left(*leader(out)), "1 file in work (500 items in 9 chunks at workers")
}

func TestPausedFile(t *testing.T) {
	t.Parallel()
	paused := file(1, messages.FileRunning, 100)
	paused.Paused = "5 of 105 items that were tried are dead or failed, and MAX_DEAD is 5"
	frames := append(repeat(2, leader(paused)), leader(file(1, messages.FileRunning, 100)))
	text := play(t, true, frames...)
	require.Equal(t, 1, strings.Count(text, "ips.txt: paused, 5 of 105 items that were tried are dead or failed, and MAX_DEAD is 5\n"))
	require.Contains(t, text, "ips.txt: goes on\n")
}

func TestFinishedEarlier(t *testing.T) {
	t.Parallel()
	before, after := file(1, messages.FileDone, 1000), file(2, messages.FileDone, 1000)
	before.Ended = midnight.Add(-time.Hour)
	after.Info.Path = "fast.txt"
	got := play(t, false, leader(before, after))
	require.Contains(t, got, "1 file finished earlier.\n")
	require.Contains(t, got, "==== fast.txt: done")
	require.NotContains(t, got, "ips.txt")
	require.Equal(t, 1, strings.Count(got, "===="+" fast"))
}

func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	standby := &messages.Overview{Role: "standby", Term: 1}
	theirs := leader(file(1, messages.FileDone, 1000))
	theirs.Ended, theirs.EndedCount = nil, 0 // it ended before the takeover
	got := play(t, false, append(repeat(6, standby), theirs)...)
	require.Equal(t, `This master is a standby; it takes over when the leader is gone.
This master leads, term 2.
1 file finished earlier.
Nothing is left to do. Put more *.txt files into:
  ./in
`, got)
}

func TestEmptyFolder(t *testing.T) {
	t.Parallel()
	const hint = "The input folder is empty. Put *.txt files with one item per line into:\n  ./in\n"
	require.Equal(t, 1, strings.Count(play(t, false, repeat(20, leader())...), hint))

	settling := leader()
	settling.Settling = 1
	require.NotContains(t, play(t, false, settling), "empty")
	broken := leader()
	broken.Problems = []messages.Problem{{Part: "input", Text: "no such folder"}}
	require.NotContains(t, play(t, false, repeat(9, broken)...), "empty")
	// The first overviews do not know the folder yet.
	require.NotContains(t, play(t, false, append(repeat(3, leader()), leader(file(1, messages.FileRunning, 0)))...), "empty")
}

func TestNoWorkers(t *testing.T) {
	t.Parallel()
	none := leader(file(1, messages.FileRunning, 0))
	none.Workers = messages.WorkerCounts{}
	starting := *none
	none.Problems = []messages.Problem{{Kind: messages.ProblemNoWorkers, Part: "workers", Text: "there is no worker"}}
	got := play(t, false, append(repeat(10, none), leader(file(1, messages.FileRunning, 0)))...)
	require.Equal(t, 1, strings.Count(got, "There are no workers. Start one with:\n  go run . worker\n"))
	require.Contains(t, got, "Workers found: 1.\n")
	require.NotContains(t, got, "PROBLEM")
	require.NotContains(t, play(t, false, append(repeat(3, &starting), leader(file(1, messages.FileRunning, 0)))...), "workers.")
}

// A file of which chunks were cut before the first look at it is no one that continues.
func TestFastStart(t *testing.T) {
	t.Parallel()
	f := file(1, messages.FileRunning, 500)
	f.Started = midnight.Add(2 * time.Second)
	require.Equal(t, `This master leads, term 2.
ips.txt: started, 10 kB
`, play(t, false, leader(), leader(), leader(f)))
}

func TestProblemsComeAndGo(t *testing.T) {
	t.Parallel()
	with := func(texts ...string) *messages.Overview {
		f := file(1, messages.FileRunning, 0)
		f.Started = midnight.Add(-time.Hour)
		o := leader(f)
		for _, x := range texts {
			o.Problems = append(o.Problems, messages.Problem{Part: "kafka", Text: x})
		}
		return o
	}
	got := play(t, false, with("away 1 s", "two"), with("away 2 s", "two"), with("away 3 s", "two"), with(), with("away\x1b[31m"), with())
	require.Equal(t, `This master leads, term 2.
PROBLEM (kafka): away 1 s
PROBLEM (kafka): two
ips.txt: continues at 0%, 10 kB
Solved (kafka).
PROBLEM (kafka): away?[31m
Solved (kafka).
`, got)
	var flapping []*messages.Overview
	for i := range 30 {
		flapping = append(flapping, with(strings.Repeat("x", i+1)))
	}
	flapping = append(flapping, with())
	got = play(t, false, flapping...)
	require.Equal(t, 6, strings.Count(got, "PROBLEM"))
	require.Equal(t, 1, strings.Count(got, "Solved"))
}

// A pause is what somebody wants, so it is told, and not as something that is wrong.
func TestPauseIsTold(t *testing.T) {
	t.Parallel()
	paused := leader(file(1, messages.FileRunning, 0))
	paused.Problems = []messages.Problem{{Kind: messages.ProblemDispatch, Part: "workers", Text: "all hand-outs are paused by api since noon"}}
	got := play(t, false, paused, leader(file(1, messages.FileRunning, 0)))
	require.Contains(t, got, "PAUSED (workers): all hand-outs are paused by api since noon\n")
	require.Contains(t, got, "Solved (workers).\n")
	require.NotContains(t, got, "PROBLEM")
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	got := play(t, false, append(repeat(10, nil), leader(file(1, messages.FileRunning, 0)))...)
	require.True(t, strings.HasPrefix(got, "The master does not answer; see the log for the reason.\nThe master answers again.\nThis master leads"), got)
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	f := file(1, messages.FileRunning, 0)
	f.Info.Path = "a\x1b]0;pwned\x07\r\n\u202eb\xff" + strings.Repeat("é", 5000) + ".txt"
	end := f
	end.State, end.Reason, end.DoneItems, end.Ended = messages.FileFailed, "bad\x1b[2J\nreason", 1000, midnight.Add(time.Second)
	end.DoneChunks = int64(end.Cursor.Index)
	for _, terminal := range []bool{false, true} {
		got := play(t, terminal, leader(f), leader(end))
		require.NotContains(t, strings.NewReplacer(eraseLine, "", "\x1b[0K", "").Replace(got), "\x1b")
		require.NotContains(t, got, "\u202e")
		require.Contains(t, got, "The file could not be processed: bad?[2J?reason")
		for line := range strings.SplitSeq(got, "\n") {
			require.Less(t, len([]rune(line)), 400)
		}
	}
}

func TestTerminalHasABar(t *testing.T) {
	t.Parallel()
	other := file(2, messages.FileRunning, 0)
	two := leader(file(1, messages.FileRunning, 700), other)
	two.Forecast = messages.Forecast{ItemsPerS: 200, ETA: midnight.Add(12*time.Minute + 10*time.Second)}
	got := play(t, true, leader(file(1, messages.FileRunning, 500)), two, leader(file(1, messages.FileDone, 1000)))
	require.Contains(t, got, "ips.txt  50% |██████████          |")
	require.Contains(t, got, "ips.txt +1 200 items/s ETA 12 min, "+midnight.Add(12*time.Minute).Local().Format("15:04")+"  35% |")
	require.NotContains(t, got, "50%, 500 items done", "the bar shows it")
	last := got[strings.LastIndex(got, "|"):]
	require.Contains(t, last, eraseLine+"==== ips.txt: done", "the bar gives way to the balance")
	require.True(t, strings.HasSuffix(got, "./in\n"))
}

type closed struct{ after int }

var errClosed = errors.New("pipe closed")

func (c *closed) Write(b []byte) (int, error) {
	if c.after--; c.after < 0 {
		return 0, errClosed
	}
	return len(b), nil
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	for after := range 3 {
		synctest.Test(t, func(t *testing.T) {
			err := Run(t.Context(), Config{Asker: &film{frames: repeat(1, leader(file(1, messages.FileRunning, 5)))}, Out: &closed{after}, Terminal: true})
			require.ErrorIs(t, err, errClosed)
		})
	}
}

// A missing answer delays neither the following queries nor the stop.
func TestHangingAsker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var out bytes.Buffer
		start := time.Now()
		require.NoError(t, Run(ctx, Config{Asker: hanging{}, Out: &out}))
		require.Equal(t, 11*time.Second, time.Since(start))
		require.Contains(t, out.String(), "does not answer")
	})
}

type hanging struct{}

func (hanging) Ask(ctx context.Context, _ messages.Query) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Thousands of small files lead to a few lines only.
func TestManyFilesAreSummedUp(t *testing.T) {
	t.Parallel()
	var all []messages.FileStatus
	for i := range 3000 {
		f := file(messages.FileID(i+1), messages.FileDone, 1000)
		if i%1000 == 500 {
			f.State, f.DoneItems, f.DeadItems = messages.FileDoneWithRejects, 0, 1000
		}
		all = append(all, f)
	}
	o := leader(all...)
	o.Ended = o.Ended[2000:] // the overview keeps fewer
	got := play(t, false, append([]*messages.Overview{leader()}, repeat(15, o)...)...)
	require.Equal(t, maxLines+1, strings.Count(got, "===="+" ips.txt"), "the one with rejects has a budget of its own")
	require.Equal(t, 1, strings.Count(got, "2,979 more files ended: 979 done, 2,000 unknown; 979,000 items done, 0 failed, 0 dead."))
	require.Less(t, strings.Count(got, "\n"), 200)
}

// A balance names the results folder only if it exists.
func TestNoFolderThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := file(1, messages.FileDone, 1000)
	f.Info.Path = "elsewhere.txt"
	got := play(t, false, leader(f))
	require.Contains(t, got, "==== elsewhere.txt: done")
	require.NotContains(t, got, "results ")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/ips.txt", 0o755))
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		other := file(2, messages.FileDone, 1000)
		other.Info.Path = "none.txt"
		require.NoError(t, Run(ctx, Config{Asker: &film{frames: repeat(1, leader(file(1, messages.FileDone, 1000), other))}, Out: &out, Results: dir}))
	})
	require.Equal(t, 1, strings.Count(out.String(), "results "))
	require.Contains(t, out.String(), dir+"/ips.txt\n")
}

// Results are called merged when they are.
func TestMergedResultsAreNamed(t *testing.T) {
	t.Parallel()
	const dir = "results"
	for merged, want := range map[time.Time]string{
		{}:       dir + "/ips.txt, being merged into " + dir + "/ips.txt.jsonl",
		midnight: dir + "/ips.txt.jsonl, merged from " + dir + "/ips.txt",
	} {
		w := &watch{cfg: Config{Results: dir, Merged: true, Exists: func(path string) bool { return path == dir+"/ips.txt" }}}
		f := *file(1, messages.FileDone, 1000).File
		f.Merged, f.DoneChunks, f.RecordedChunks = merged, 2, 2
		require.Equal(t, want, w.results(f))
	}
}

// A problem whose text counts seconds is printed once while it lasts, and many problems
// of one part lead to a few lines.
func TestLastingProblemsArePrintedOnce(t *testing.T) {
	t.Parallel()
	var frames []*messages.Overview
	for i := range 30 {
		o := leader(file(1, messages.FileRunning, 0))
		o.Problems = []messages.Problem{{Kind: messages.ProblemStalledChunk, Part: "workers", Text: strings.Repeat("x", i+1), Since: midnight, Count: 1}}
		frames = append(frames, o)
	}
	require.Equal(t, 1, strings.Count(play(t, false, frames...), "PROBLEM"))
	o := leader(file(1, messages.FileRunning, 0))
	for i := range 100 {
		o.Problems = append(o.Problems, messages.Problem{Kind: messages.ProblemStalledChunk, Part: "workers", Text: "x", Since: midnight.Add(time.Duration(i)), Count: 1})
	}
	got := play(t, false, repeat(20, o)...)
	require.Equal(t, maxProblemLines+1, strings.Count(got, "PROBLEM"))
	require.Contains(t, got, "and 95 more; /readyz?verbose lists them.")
}
