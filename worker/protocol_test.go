package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// bubble runs a test in virtual time, with a worker that is alone in its process
// and with one that shares it.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	t.Run(name+" "+amongOthers, func(t *testing.T) { synctest.Test(t, f) })
}

func TestAnnounce(t *testing.T) {
	bubble(t, "after the end offset was read, then fetches from it", func(t *testing.T) {
		b := newFakeBus(1)
		b.chunk(head("old_chunk_0"), "x") // sent before the worker started, so not for this run
		w := start(t, b, ok, func(c *Config) { c.Capacity = 3 })
		synctest.Wait()
		if b.calls[0] != "partitions master-signal" || b.calls[1] != "bounds master-signal" {
			t.Errorf("first calls are %q", b.calls[:2])
		}
		for _, c := range b.calls {
			if strings.HasPrefix(c, "fetch") && c != "fetch 1" {
				t.Errorf("call %q, want fetch 1", c)
			}
		}
		m := jsonOf(t, b.of(messages.SignalAnnounce)[0])
		inc, _ := m["incarnation"].(string)
		if !strings.HasPrefix(inc, "946684800000-") {
			t.Errorf("incarnation %q", inc)
		}
		delete(m, "incarnation")
		want := map[string]any{"status": "new", "id": self, "partitions": []any{0.0}, "protocol": 2.0,
			"capacity": 3.0, "version": "1.0", "recall": true}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("announced %v, want %v", m, want)
		}
		w.end()
		if n := len(b.finals("")); n != 0 {
			t.Errorf("%d results of chunks from before", n)
		}
	})
	bubble(t, "partition by hash or by setting", func(t *testing.T) {
		five := 5
		for _, p := range []*int{nil, &five} {
			b := newFakeBus(15)
			w := start(t, b, ok, func(c *Config) { c.Partition = p })
			synctest.Wait()
			want := PartitionOf(self, 15)
			if p != nil {
				want = 5
			}
			if got := b.of(messages.SignalAnnounce)[0].Partitions; got[0] != want {
				t.Errorf("partition %d, want %d", got[0], want)
			}
			w.end()
		}
	})
	bubble(t, "a topic that grows does not move the worker", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.grow(DefaultChunkTopic, 2)
		pass(time.Minute)
		for _, h := range b.of(messages.SignalHeartbeat) {
			if h.Partitions[0] != 0 {
				t.Errorf("moved to %v", h.Partitions)
			}
		}
		w.end()
	})
}

func TestPartitionOf(t *testing.T) {
	if p := PartitionOf("abc", 1000); p != int32(uint64(0xe71fa2190541574b)%1000) { // a published test vector of FNV-1a
		t.Errorf("partition %d", p)
	}
	seen := map[int32]int{}
	for i := range 1500 {
		seen[PartitionOf(fmt.Sprintf("worker-%d", i), 15)]++
	}
	for p := range int32(15) {
		if seen[p] < 50 || seen[p] > 200 {
			t.Errorf("partition %d has %d of 1500 workers", p, seen[p])
		}
	}
	if PartitionOf("x", 0) != 0 {
		t.Error("partition of none")
	}
}

func TestWaitsForKafka(t *testing.T) {
	bubble(t, "topic missing, then partition missing", func(t *testing.T) {
		b := newFakeBus(1)
		b.onOffsets = func(string) error { return fmt.Errorf("%w: topic not found", messages.ErrNotWritten) }
		three := 3
		w := start(t, b, ok, func(c *Config) { c.Partition = &three })
		pass(time.Minute)
		b.with(func() { b.onOffsets = nil })
		pass(time.Minute)
		if len(b.sent) != 0 {
			t.Errorf("sent %v", b.sent)
		}
		if n := len(b.calls); n < 50 || n > 1000 {
			t.Errorf("%d calls in two minutes", n)
		}
		if n := strings.Count(w.log.String(), failedText); n != 2 {
			t.Errorf("%d log lines, want one per cause:\n%s", n, w.log)
		}
		b.remake(4)
		pass(3 * time.Second)
		if len(b.of(messages.SignalAnnounce)) != 1 {
			t.Error("not announced")
		}
		w.end()
	})
	bubble(t, "stopped while waiting", func(t *testing.T) {
		b := newFakeBus(0)
		w := start(t, b, ok)
		pass(time.Second)
		w.end()
		if len(b.sent) != 0 {
			t.Errorf("sent %v", b.sent)
		}
	})
}

func TestRefusedEndsRun(t *testing.T) {
	refused := fmt.Errorf("%w: [58] SASL Authentication Failed", messages.ErrRefused)
	for name, fault := range map[string]func(b *fakeBus){
		"offsets": func(b *fakeBus) { b.onOffsets = func(string) error { return refused } },
		"fetch":   func(b *fakeBus) { b.onFetch = func(messages.Position) error { return refused } },
		"produce": func(b *fakeBus) { b.onProduce = func(messages.Record) error { return refused } },
	} {
		bubble(t, name, func(t *testing.T) {
			b := newFakeBus(1)
			fault(b)
			w := start(t, b, ok)
			if err := <-w.done; !errors.Is(err, messages.ErrRefused) {
				t.Errorf("Run: %v", err)
			}
			w.stop()
		})
	}
	bubble(t, "while a chunk runs", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(ctx context.Context, _ Chunk, _ func(int)) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.chunk(head("a_chunk_0"), "x")
		pass(time.Second)
		b.with(func() { b.onFetch = func(messages.Position) error { return refused } })
		if err := <-w.done; !errors.Is(err, messages.ErrRefused) {
			t.Errorf("Run: %v", err)
		}
		w.stop()
	})
}

func TestChunk(t *testing.T) {
	bubble(t, "handler sees the whole message", func(t *testing.T) {
		b := newFakeBus(1)
		var got Chunk
		w := start(t, b, func(_ context.Context, c Chunk, _ func(int)) error { got = c; return nil })
		synctest.Wait()
		b.chunk(messages.ChunkHeader{BatchID: "a_chunk_3_g2_a4", Term: 7, Attempt: 4, File: "in/a.txt", Generation: 2, FirstLine: 31, Lines: 3, Gaps: []messages.Gap{{Item: 1, Lines: 1}},
			Range: messages.ByteRange{Offset: 90, Length: 4, Hash: 0xabc}}, "x", "y")
		synctest.Wait()
		want := Chunk{BatchID: "a_chunk_3_g2_a4", Name: "a_chunk_3_g2", Term: 7, Attempt: 4, File: "in/a.txt", Generation: 2,
			FirstLine: 31, Lines: 3, Gaps: []messages.Gap{{Item: 1, Lines: 1}}, Offset: 90, Length: 4, Hash: "0000000000000abc", Items: []string{"x", "y"}, Worker: self}
		got.report = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("chunk %+v, want %+v", got, want)
		}
		w.end()
		m := jsonOf(t, b.finals("")[0])
		delete(m, "incarnation")
		final := map[string]any{"id": self, "batchId": "a_chunk_3_g2_a4", "processing": 2.0, "total": 2.0, "attempt": 4.0,
			"result": "ok", "protocol": 2.0, "offset": 90.0, "hash": "0000000000000abc"}
		if !reflect.DeepEqual(m, final) {
			t.Errorf("final %v, want %v", m, final)
		}
		if len(b.of(messages.SignalProgress)) != 1 {
			t.Errorf("a short chunk took %d messages", len(b.of(messages.SignalProgress)))
		}
	})
	bubble(t, "foreign, invalid and unnamed records are skipped", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.raw(`{"id":"-probe-","batchId":"p","data":[]}`, `{"id":"w-2","batchId":"b_chunk_0","data":["\"w-1\"","w-1"]}`,
			`not json "w-1"`, `{"id":"w-1","data":["x"]}`, `{"id":"w-1","batchId":"`+strings.Repeat("x", 256)+`","data":["x"]}`,
			`{"id":"w-2","batchId":"w-1","data":["x"],"file":"w-1"}`)
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		if f := b.finals(""); len(f) != 1 || f[0].BatchID != "a_chunk_0" {
			t.Errorf("finals %v", f)
		}
		pass(3 * time.Second)
		if h := b.of(messages.SignalHeartbeat); h[len(h)-1].Next != 7 {
			t.Errorf("next %d, want 7", h[len(h)-1].Next)
		}
		w.end()
	})
	bubble(t, "chunks for another process with this id are skipped", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		mine, other := head("a_chunk_0"), head("a_chunk_1")
		mine.Incarnation = b.of(messages.SignalAnnounce)[0].Incarnation
		other.Incarnation = messages.Incarnation{StartMS: mine.Incarnation.StartMS + 1, Random: "other"}
		b.chunk(other, "x")
		b.chunk(mine, "x")
		synctest.Wait()
		if f := b.finals(""); len(f) != 1 || f[0].BatchID != "a_chunk_0" {
			t.Errorf("finals %v", f)
		}
		w.end()
	})
	bubble(t, "ids that JSON spells in several ways", func(t *testing.T) {
		for _, id := range []string{"wörker", `a"b\c`, "a/b", "<&>"} {
			b := newFakeBus(1)
			w := start(t, b, ok, func(c *Config) { c.ID = id })
			synctest.Wait()
			h := head("a_chunk_0")
			h.Worker = messages.WorkerID(id)
			b.chunk(h, "x")
			b.raw(`{"id":"w\u00f6rker","batchId":"py","data":["x"]}`)
			synctest.Wait()
			if n := len(b.finals("a_chunk_0")); n != 1 {
				t.Errorf("%s: %d finals", id, n)
			}
			if id == "wörker" && len(b.finals("py")) != 1 {
				t.Error("escaped id was not read")
			}
			w.end()
		}
	})
}

func TestOutcomes(t *testing.T) {
	long := strings.Repeat("é", 5000)
	tests := map[string]struct {
		h       Handler
		outcome messages.Outcome
		text    string
		done    int64
	}{
		"ok":     {ok, messages.OutcomeOK, "", 4},
		"failed": {func(_ context.Context, _ Chunk, p func(int)) error { p(3); return errors.New("no route") }, messages.OutcomeFailed, "no route", 3},
		"failed at the end": {func(_ context.Context, _ Chunk, p func(int)) error { p(99); return errors.New("disk full") },
			messages.OutcomeFailed, "disk full", 4},
		"retry": {func(context.Context, Chunk, func(int)) error { return fmt.Errorf("busy: %w", ErrRetry) },
			messages.OutcomeRetry, "busy: to be retried later", 0},
		"panic": {func(context.Context, Chunk, func(int)) error { panic("boom") }, messages.OutcomeFailed, "panic: boom", 0},
		"goexit": {func(context.Context, Chunk, func(int)) error { runtime.Goexit(); return nil },
			messages.OutcomeFailed, errVanished.Error(), 0},
		"long error": {func(context.Context, Chunk, func(int)) error { return errors.New(long) }, messages.OutcomeFailed, long[:4096], 0},
	}
	for name, tt := range tests {
		bubble(t, name, func(t *testing.T) {
			b := newFakeBus(1)
			w := start(t, b, tt.h)
			synctest.Wait()
			b.chunk(head("a_chunk_0"), "1", "2", "3", "4")
			synctest.Wait()
			f := b.finals("")
			if len(f) != 1 || f[0].Outcome != tt.outcome || f[0].Error != tt.text || f[0].Processing != tt.done || f[0].Total != 4 {
				t.Fatalf("finals %+v", f)
			}
			b.chunk(head("a_chunk_1"), "1") // the worker continues
			synctest.Wait()
			if len(b.finals("a_chunk_1")) != 1 {
				t.Error("the worker does not go on")
			}
			w.end()
		})
	}
}

func TestProgress(t *testing.T) {
	bubble(t, "at most one per 200 ms, never the total, the newest count in time", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(_ context.Context, c Chunk, p func(int)) error {
			for i := range c.Items {
				time.Sleep(10 * time.Millisecond)
				p(i + 1)
				p(i) // a lower number is ignored
			}
			time.Sleep(time.Second) // all items, but the handler has not returned
			return nil
		})
		synctest.Wait()
		b.chunk(head("a_chunk_0"), strings.Split(strings.Repeat("x\n", 100)+"x", "\n")...)
		began := time.Now()
		pass(3 * time.Second)
		ps := b.of(messages.SignalProgress)
		last, at := int64(0), began
		for _, p := range ps[:len(ps)-1] {
			if p.Final() || p.Processing <= last || p.at.Sub(at) < 200*time.Millisecond {
				t.Errorf("progress %d of %d after %s, %s after the one before", p.Processing, p.Total, p.at.Sub(began), p.at.Sub(at))
			}
			last, at = p.Processing, p.at
		}
		if last != 100 || len(ps) < 6 || len(ps) > 7 {
			t.Errorf("%d messages, last progress %d", len(ps), last)
		}
		w.end()
	})
	bubble(t, "ignored after the handler has returned", func(t *testing.T) {
		b := newFakeBus(1)
		late := make(chan func(int), 1)
		w := start(t, b, func(_ context.Context, _ Chunk, p func(int)) error { late <- p; p(1); return nil })
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "1", "2", "3")
		p := <-late
		synctest.Wait()
		p(2)
		pass(time.Second)
		if n := len(b.of(messages.SignalProgress)); n != 1 {
			t.Errorf("%d messages", n)
		}
		w.end()
	})
}

func TestConfig(t *testing.T) {
	if err := (Config{ID: "x", Brokers: []string{"a:1"}}).Validate(); err != nil {
		t.Errorf("smallest configuration: %v", err)
	}
	neg := -1
	bad := Config{ID: "a\nb", Brokers: []string{""}, Partition: &neg, Capacity: -1, ChunkTopic: "a b", SignalTopic: "x",
		ConnectionTopic: "x", Version: strings.Repeat("v", 65), DrainTimeout: -1, HeartbeatInterval: time.Minute, ProgressInterval: time.Hour,
		Logger: slog.New(slog.DiscardHandler)}
	err := Run(context.Background(), bad, nil)
	for _, part := range []string{"ID:", "Brokers[0]:", "Partition:", "Capacity:", "ChunkTopic:", "must differ", "Version:",
		"DrainTimeout:", "HeartbeatInterval:", "ProgressInterval:", "no handler"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}
