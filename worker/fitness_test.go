package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// notes returns the distinct notes of the heartbeats, in their order.
func notes(b *fakeBus) (out []string) {
	for _, h := range b.of(messages.SignalHeartbeat) {
		if len(out) == 0 || out[len(out)-1] != h.Note {
			out = append(out, h.Note)
		}
	}
	return out
}

func TestUnfit(t *testing.T) {
	bubble(t, "gives all chunks back, reports why, checks again, continues", func(t *testing.T) {
		b := newFakeBus(1)
		began := time.Now()
		var tries []time.Duration
		var broken atomic.Bool
		broken.Store(true)
		var ran []string
		w := start(t, b, func(_ context.Context, c Chunk, _ func(int)) error {
			ran = append(ran, c.BatchID)
			if !broken.Load() {
				return nil
			}
			return Unfit(errors.New("scan.sh is missing"), func(context.Context) error {
				still := broken.Load()
				tries = append(tries, time.Since(began))
				if still {
					return errors.New("scan.sh is missing")
				}
				return nil
			})
		})
		synctest.Wait()
		for i := range 3 { // one running, two queued
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		pass(100 * time.Millisecond)
		b.chunk(head("a_chunk_3"), "x")
		pass(20 * time.Second)
		for i := range 4 {
			f := b.finals(messages.ChunkName{Base: "a", Index: i}.BatchID(1))
			if len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || !strings.Contains(f[0].Error, "scan.sh is missing") {
				t.Errorf("chunk %d: %v", i, f)
			}
		}
		if fmt.Sprint(ran) != "[a_chunk_0]" {
			t.Errorf("ran %v", ran)
		}
		if h := b.of(messages.SignalHeartbeat); len(h) == 0 || h[0].at.Sub(began) != 0 || h[0].Note != "scan.sh is missing" {
			t.Errorf("no heartbeat at once with the reason: %v", h)
		}
		if fmt.Sprint(tries) != "[1s 3s 7s 15s]" {
			t.Errorf("tries at %v", tries)
		}
		if n := strings.Count(w.log.String(), "level=WARN"); n < 1 || n > 3 || !strings.Contains(w.log.String(), "level=WARN msg=\""+unfitText) {
			t.Errorf("log:\n%s", w.log)
		}
		broken.Store(false)
		pass(15 * time.Second)
		b.chunk(head("a_chunk_0_a2"), "x")
		pass(time.Second)
		if f := b.finals("a_chunk_0_a2"); len(f) != 1 || f[0].Outcome != messages.OutcomeOK {
			t.Errorf("after it: %v", f)
		}
		if got := notes(b); !slices.Equal(got, []string{"scan.sh is missing", ""}) {
			t.Errorf("notes %q", got)
		}
		w.end()
	})
	bubble(t, "pauses grow until a chunk was done", func(t *testing.T) {
		b := newFakeBus(1)
		fails := true
		var pauses []time.Duration
		var at time.Time
		w := start(t, b, func(context.Context, Chunk, func(int)) error {
			if !fails {
				return nil
			}
			at = time.Now()
			return Unfit(errors.New("no"), func(context.Context) error { // wrongly reports success
				pauses = append(pauses, time.Since(at))
				return nil
			})
		})
		synctest.Wait()
		for i := range 9 {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
			pass(2 * time.Minute)
		}
		if fmt.Sprint(pauses) != "[1s 2s 4s 8s 16s 32s 1m0s 1m0s 1m0s]" {
			t.Errorf("pauses %v", pauses)
		}
		fails = false
		b.chunk(head("good"), "x")
		pass(time.Second)
		fails = true
		b.chunk(head("bad"), "x")
		pass(time.Minute)
		if last := pauses[len(pauses)-1]; len(pauses) != 10 || last != time.Second {
			t.Errorf("pauses %v", pauses)
		}
		w.end()
	})
	bubble(t, "stops while it is unfit", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(context.Context, Chunk, func(int)) error {
			return Unfit(errors.New("no"), func(ctx context.Context) error { <-ctx.Done(); return nil })
		})
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		pass(5 * time.Second)
		at := time.Now()
		w.end()
		if time.Since(at) != 0 {
			t.Errorf("took %s", time.Since(at))
		}
	})
}

// A chunk is reported as done again only while its result exists, and only to the same
// deployment.
func TestDoneFromMemory(t *testing.T) {
	setUp := func(t *testing.T) (w *started, dir string, runs *int) {
		b := newFakeBus(1)
		dir, runs = t.TempDir(), new(int)
		sample := SampleHandler(dir)
		w = start(t, b, func(ctx context.Context, c Chunk, p func(int)) error {
			*runs++
			return sample(ctx, c, p)
		}, func(c *Config) { c.Results = Results{Dir: dir} })
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "::1")
		pass(time.Second)
		b.chunk(head("a_chunk_0"), "::1")
		pass(time.Second)
		if f := b.finals("a_chunk_0"); *runs != 1 || len(f) != 2 {
			t.Fatalf("%d runs, finals %v", *runs, f)
		}
		return w, dir, runs
	}
	bubble(t, "the result is gone", func(t *testing.T) {
		w, dir, runs := setUp(t)
		if err := os.RemoveAll(filepath.Join(dir, "a.txt")); err != nil {
			t.Fatal(err)
		}
		w.chunk(head("a_chunk_0"), "::1")
		pass(time.Second)
		if got := files(t, dir); *runs != 2 || len(got) != 1 || len(w.finals("a_chunk_0")) != 3 {
			t.Errorf("%d runs, files %v", *runs, got)
		}
		w.end()
	})
	bubble(t, "another deployment, whose terms begin at 1", func(t *testing.T) {
		w, _, runs := setUp(t)
		h := head("a_chunk_0")
		h.Deployment, h.Term = "J6QK2", 7
		w.chunk(h, "x")
		pass(time.Second)
		h.Deployment, h.Term = "ANEW", 1
		w.chunk(h, "x")
		pass(time.Second)
		if *runs != 3 || len(w.finals("a_chunk_0")) != 4 {
			t.Errorf("%d runs, %d finals, want one for each deployment", *runs, len(w.finals("a_chunk_0")))
		}
		w.end()
	})
}

func TestAnotherDeployment(t *testing.T) {
	bubble(t, "its chunks are given back with the reason until the worker serves it", func(t *testing.T) {
		b := newFakeBus(1)
		var own atomic.Value
		own.Store("J6QK2")
		runs := 0
		w := start(t, b, func(context.Context, Chunk, func(int)) error { runs++; return nil },
			func(c *Config) { c.Deployment = func() string { return own.Load().(string) } })
		synctest.Wait()
		for i, id := range []string{"J6QK2", "", "OTHER", "OTHER"} {
			h := head(messages.ChunkName{Base: "a", Index: i}.BatchID(1))
			h.Deployment = id
			b.chunk(h, "x")
			pass(10 * time.Millisecond)
		}
		pass(2 * time.Second)
		if runs != 2 {
			t.Errorf("%d runs", runs)
		}
		for _, id := range []string{"a_chunk_2", "a_chunk_3"} {
			if f := b.finals(id); len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || !strings.Contains(f[0].Error, `"OTHER"`) {
				t.Errorf("final %v", f)
			}
		}
		if h := b.of(messages.SignalHeartbeat); len(h) == 0 || h[0].Next < 3 || !strings.Contains(h[0].Note, `this worker serves "J6QK2"`) {
			t.Errorf("heartbeats %v", h)
		}
		own.Store("OTHER") // the state of its master was created again
		pass(3 * time.Second)
		h := head("a_chunk_2_a2")
		h.Deployment = "OTHER"
		b.chunk(h, "x")
		pass(3 * time.Second)
		if f := b.finals("a_chunk_2_a2"); len(f) != 1 || f[0].Outcome != messages.OutcomeOK {
			t.Errorf("final %v", f)
		}
		if got := notes(b); got[len(got)-1] != "" {
			t.Errorf("notes %q", got)
		}
		w.end()
	})
}

func TestSelfTest(t *testing.T) {
	bubble(t, "results that cannot be written", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		b := newFakeBus(1)
		w := start(t, b, SampleHandler(file), func(c *Config) { c.Results = Results{Dir: file} })
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		pass(10 * time.Second)
		if f := b.finals("a_chunk_0"); len(f) != 1 || f[0].Outcome != messages.OutcomeRetry {
			t.Errorf("finals %v", f)
		}
		if got := notes(b); len(got) != 1 || !strings.Contains(got[0], "results in "+file+" cannot be written by this user") {
			t.Errorf("notes %q", got)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Second)
		b.chunk(head("a_chunk_0_a2"), "x")
		pass(time.Second)
		if f := b.finals("a_chunk_0_a2"); len(f) != 1 || f[0].Outcome != messages.OutcomeOK {
			t.Errorf("finals %v", f)
		}
		w.end()
	})
}

// A fault that affects every result makes the worker unfit. A fault that affects one
// result does not.
func TestResultTrouble(t *testing.T) {
	dir := t.TempDir()
	create := func(dir string) error {
		f, err := Results{Dir: dir}.Create(Chunk{BatchID: "a_chunk_0", File: "a.txt"})
		if err == nil {
			f.Abort()
		}
		return err
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	if err := create(dir); !errors.Is(err, ErrRetry) || asUnfit(err) != nil {
		t.Errorf("one name that is refused: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := create(file)
	u := asUnfit(err)
	if u == nil || !errors.Is(err, ErrRetry) {
		t.Fatalf("no folder: %v", err)
	}
	if repeated := u.check(context.Background()); fmt.Sprint(repeated) != err.Error() || !strings.Contains(err.Error(), "results in "+file+" cannot be written") {
		t.Errorf("the check returned %v, want %v", repeated, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := u.check(context.Background()); err != nil {
		t.Errorf("mended: %v", err)
	}
}
