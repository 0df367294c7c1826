package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"kafka-master/messages"
)

func TestFail(t *testing.T) {
	final := func(t *testing.T, h Handler) sent {
		t.Helper()
		b := newFakeBus(1)
		w := start(t, b, h)
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "0", "1", "2", "3", "4", "5")
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "0", "1", "2", "3", "4", "5") // a second copy gets the same answer
		synctest.Wait()
		w.end()
		f := b.finals("a_chunk_0")
		if len(f) != 2 || string(f[0].raw) != string(f[1].raw) {
			t.Fatalf("finals %v", f)
		}
		return f[0]
	}
	bubble(t, "some items fail, in any order and by any goroutine", func(t *testing.T) {
		f := final(t, func(_ context.Context, c Chunk, _ func(int)) error {
			c.Fail(4, errors.New("no route"))
			c.Fail(1, errors.New("no"))
			c.Fail(1, errors.New("again"))
			done := make(chan bool)
			go func() { defer close(done); c.Fail(5, nil) }()
			<-done
			return nil
		})
		want := []messages.ItemRange{{First: 1, Last: 1}, {First: 4, Last: 5}}
		if f.Outcome != messages.OutcomeOK || f.Processing != 6 || f.FailedItems != 3 || !reflect.DeepEqual(f.FailedRanges, want) {
			t.Errorf("final %s", f.raw)
		}
	})
	bubble(t, "a chunk that is not done tells nothing of its items", func(t *testing.T) {
		f := final(t, func(_ context.Context, c Chunk, _ func(int)) error {
			c.Fail(1, errors.New("no"))
			return errors.New("the whole")
		})
		if f.Outcome != messages.OutcomeFailed || strings.Contains(string(f.raw), `"failed":`) {
			t.Errorf("final %s", f.raw)
		}
	})
	bubble(t, "after the handler has returned it has no effect", func(t *testing.T) {
		var kept Chunk
		f := final(t, func(_ context.Context, c Chunk, _ func(int)) error { kept = c; return nil })
		kept.Fail(0, errors.New("late"))
		if f.FailedItems != 0 || len(kept.report.failures()) != 0 {
			t.Errorf("final %s", f.raw)
		}
	})
	bubble(t, "an item that is none is a bug of the handler", func(t *testing.T) {
		for _, i := range []int{-1, 6} {
			f := final(t, func(_ context.Context, c Chunk, _ func(int)) error { c.Fail(i, nil); return nil })
			if f.Outcome != messages.OutcomeFailed || f.Error != fmt.Sprintf("panic: Fail: item %d of 6", i) {
				t.Errorf("final %s", f.raw)
			}
		}
	})
	bubble(t, "the figures of the recorded result count", func(t *testing.T) {
		f := final(t, func(_ context.Context, c Chunk, _ func(int)) error {
			c.Fail(1, nil)
			c.report.setRecorded(recorded{FailedItems: 2, OutputLines: 4})
			return nil
		})
		if f.FailedItems != 2 || f.FailedRanges != nil || !f.Recorded || f.OutputLines != 4 {
			t.Errorf("final %s", f.raw)
		}
	})
	t.Run("in a chunk that no worker made", func(*testing.T) { Chunk{Items: []string{"x"}}.Fail(0, nil) })
}

// The reasons of the failed items of a large chunk take little memory.
func TestFailuresAreBounded(t *testing.T) {
	c := Chunk{Items: make([]string, 200_000), report: &report{}}
	long := errors.New(strings.Repeat("long ", 1000))
	for i := range c.Items {
		c.Fail(i, long)
	}
	total := 0
	for i, f := range c.report.failures() {
		if f.Index != i || len(f.Text) > maxFailureText {
			t.Fatalf("failure %d is %d, %d bytes", i, f.Index, len(f.Text))
		}
		total += len(f.Text)
	}
	if limit := maxFailureTexts + maxFailureText + len(c.Items)*shortFailureText; total > limit {
		t.Errorf("%d bytes, at most %d", total, limit)
	}
	if s := c.report.complete(messages.Signal{}); s.FailedItems != 200_000 || len(s.FailedRanges) != 1 {
		t.Errorf("%d ranges", len(s.FailedRanges))
	}
}

// What a worker remembers of failed items is bounded, too.
func TestRememberedRangesAreBounded(t *testing.T) {
	m := newMemory(200)
	ranges := make([]messages.ItemRange, messages.MaxItemRanges)
	total := func() (n int) {
		for _, e := range m.entries {
			n += len(e.signal.FailedRanges)
		}
		return n
	}
	for i := range 1000 {
		m.put(fmt.Sprint(i%300), 1, messages.Signal{FailedItems: 5, FailedRanges: ranges})
		if n := total(); n != m.ranges || n > maxRememberedRanges {
			t.Fatalf("%d ranges are remembered, %d counted", n, m.ranges)
		}
	}
	if s, _ := m.get("99", 1); s.FailedItems != 5 {
		t.Error("the number is kept in any case")
	}
	for i := range 200 {
		m.put(fmt.Sprint("none ", i), 1, messages.Signal{})
	}
	if m.ranges != 0 {
		t.Errorf("%d ranges of nothing", m.ranges)
	}
}

// The failed items are listed beside the result, whatever an earlier attempt left there.
func TestFailedList(t *testing.T) {
	dir := t.TempDir()
	status := func(code string) error { return exec.Command("sh", "-c", "exit "+code).Run() }
	commit := func(c Chunk, fail func(Chunk)) string {
		t.Helper()
		c.BatchID, c.Name, c.File, c.Items, c.report = "a_chunk_0", "a_chunk_0", "a.txt", []string{"one", "<b> \"two\" é", "three"}, &report{}
		out, err := Results{Dir: dir}.Create(c)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Abort()
		fail(c)
		if err := out.Commit(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "a.txt", "a_chunk_0.failed.jsonl"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		return string(text)
	}
	both := func(c Chunk) {
		c.Fail(2, errors.New("no route"))
		c.Fail(1, fmt.Errorf("wrapped: %w", status("3")))
	}
	want := `{"line":12,"item":"<b> \"two\" é","exit":3,"error":"wrapped: exit status 3"}` + "\n" + `{"line":13,"item":"three","exit":null,"error":"no route"}` + "\n"
	if got := commit(Chunk{FirstLine: 11}, both); got != want {
		t.Errorf("list:\n%s", got)
	}
	if got := commit(Chunk{FirstLine: 11}, func(c Chunk) { c.Fail(0, status("9")) }); got != `{"line":11,"item":"one","exit":9,"error":"exit status 9"}`+"\n" {
		t.Errorf("list:\n%s", got)
	}
	if got := commit(Chunk{FirstLine: 11}, func(Chunk) {}); got != "" {
		t.Errorf("list of nothing:\n%s", got)
	}
	if got := commit(Chunk{FirstLine: 11, Lines: 4}, both); got != strings.NewReplacer(`:12,`, `:null,`, `:13,`, `:null,`).Replace(want) {
		t.Errorf("with blank lines at places that are not known the lines are not known either:\n%s", got)
	}
	if got := commit(Chunk{FirstLine: 11, Lines: 7, Gaps: []messages.Gap{{Item: 0, Lines: 1}, {Item: 2, Lines: 3}}}, both); got != strings.NewReplacer(`:12,`, `:13,`, `:13,`, `:17,`).Replace(want) {
		t.Errorf("list:\n%s", got)
	}
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("files %v", got)
	}
}
