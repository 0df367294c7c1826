package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"kafka-master/messages"
)

func TestHeartbeat(t *testing.T) {
	bubble(t, "every 3 s with the held chunks", func(t *testing.T) {
		b := newFakeBus(1)
		release := make(chan struct{})
		w := start(t, b, func(context.Context, Chunk, func(int)) error { <-release; return nil }, func(c *Config) { c.Capacity = 2 })
		synctest.Wait()
		began := time.Now()
		b.raw(`{"id":"other","batchId":"x","data":["1"]}`)
		for i := range 4 {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		pass(10 * time.Second)
		hs := b.of(messages.SignalHeartbeat)
		if len(hs) != 3 {
			t.Fatalf("%d heartbeats in 10 s", len(hs))
		}
		for i, h := range hs {
			if at := h.at.Sub(began); at != time.Duration(i+1)*3*time.Second {
				t.Errorf("heartbeat %d at %s", i, at)
			}
			if fmt.Sprint(h.Running, h.Queued, h.Next, h.Capacity, h.Partitions) != "[a_chunk_0 a_chunk_1] [a_chunk_2 a_chunk_3] 5 2 [0]" {
				t.Errorf("heartbeat %s", h.raw)
			}
		}
		close(release)
		pass(3 * time.Second)
		if h := b.of(messages.SignalHeartbeat)[3]; len(h.Running)+len(h.Queued) != 0 || h.Next != 5 {
			t.Errorf("heartbeat %s", h.raw)
		}
		w.end()
	})
	bubble(t, "a chunk counts as running until its result is acknowledged", func(t *testing.T) {
		b := newFakeBus(1)
		away := func(r messages.Record) error {
			if r.Topic == DefaultSignalTopic {
				return messages.ErrMaybeWritten
			}
			return nil
		}
		b.onProduce, b.keepOnError = away, true
		w := start(t, b, ok)
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		b.chunk(head("a_chunk_1"), "x")
		pass(4 * time.Second)
		if h := b.of(messages.SignalHeartbeat)[0]; fmt.Sprint(h.Running, h.Queued) != "[a_chunk_0 a_chunk_1] []" {
			t.Errorf("heartbeat %s", h.raw)
		}
		b.with(func() { b.onProduce = nil })
		pass(6 * time.Second)
		if h := b.of(messages.SignalHeartbeat)[2]; len(h.Running) != 0 {
			t.Errorf("heartbeat %s", h.raw)
		}
		if n := len(b.finals("a_chunk_0")); n < 2 {
			t.Errorf("%d copies of a final that may not have been written", n)
		}
		w.end()
	})
}

func TestCopies(t *testing.T) {
	bubble(t, "run once and are answered with the latest message", func(t *testing.T) {
		b := newFakeBus(1)
		runs := map[string]int{}
		release := make(chan struct{})
		w := start(t, b, func(_ context.Context, c Chunk, p func(int)) error {
			runs[c.BatchID]++
			if c.BatchID == "slow" {
				time.Sleep(300 * time.Millisecond)
				p(2)
				<-release
			}
			return errors.New("no")
		})
		synctest.Wait()
		b.chunk(head("fast"), "1")
		b.chunk(head("fast"), "1")
		b.chunk(head("slow"), "1", "2", "3")
		b.chunk(head("waits"), "1")
		pass(time.Second)
		if f := b.finals("fast"); len(f) < 1 || f[len(f)-1].Outcome != messages.OutcomeFailed {
			t.Errorf("finals %v", f)
		}
		before := len(b.finals("fast"))
		b.chunk(head("fast"), "1")
		b.chunk(head("slow"), "1", "2", "3")
		b.chunk(head("waits"), "1")
		synctest.Wait()
		if f := b.finals("fast"); len(f) != before+1 || f[before].Error != "no" {
			t.Errorf("finals %v", f)
		}
		ps := b.of(messages.SignalProgress)
		if p := ps[len(ps)-1]; p.BatchID != "slow" || p.Processing != 2 || p.Final() {
			t.Errorf("copy of a running chunk was answered with %s", p.raw)
		}
		close(release)
		synctest.Wait()
		if runs["fast"] != 1 || runs["slow"] != 1 || runs["waits"] != 1 {
			t.Errorf("runs %v", runs)
		}
		w.end()
	})
	bubble(t, "a former leader's chunk is dropped", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		for term, batch := range []string{"without term", "one", "two"} {
			h := head(batch)
			h.Term = uint64(term)
			b.chunk(h, "x")
		}
		b.chunk(head("late"), "x") // term 1
		h := head("same")
		h.Term = 2
		b.chunk(h, "x")
		synctest.Wait()
		w.end()
		for batch, n := range map[string]int{"without term": 1, "one": 1, "two": 1, "late": 0, "same": 1} {
			if len(b.finals(batch)) != n {
				t.Errorf("%s: %d finals, want %d", batch, len(b.finals(batch)), n)
			}
		}
	})
	bubble(t, "a lower term is accepted after a while", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		h := head("a")
		h.Term = 9
		b.chunk(h, "x")
		pass(termMemory / 2)
		b.chunk(head("early"), "x") // term 1
		pass(termMemory)
		b.chunk(head("b"), "x")
		synctest.Wait()
		w.end()
		for batch, n := range map[string]int{"a": 1, "early": 0, "b": 1} {
			if len(b.finals(batch)) != n {
				t.Errorf("%s: %d finals, want %d", batch, len(b.finals(batch)), n)
			}
		}
	})
	bubble(t, "another chunk under a known id runs", func(t *testing.T) {
		b := newFakeBus(1)
		gate := make(chan struct{})
		var ran []string
		w := start(t, b, func(_ context.Context, c Chunk, _ func(int)) error {
			ran = append(ran, c.Items[0])
			if c.Items[0] == "old" {
				<-gate
			}
			return nil
		})
		synctest.Wait()
		b.chunk(head("id"), "old")
		b.chunk(head("id"), "new")
		b.chunk(head("id"), "new")
		synctest.Wait()
		close(gate)
		synctest.Wait()
		b.chunk(head("id"), "third")
		synctest.Wait()
		w.end()
		if fmt.Sprint(ran) != "[old new third]" || len(b.finals("id")) != 2 {
			t.Errorf("ran %v, %d finals", ran, len(b.finals("id")))
		}
	})
	bubble(t, "the same lines of another place run", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		h := head("id")
		h.Range = messages.ByteRange{Offset: 0, Length: 2, Hash: 7}
		b.chunk(h, "x")
		synctest.Wait()
		h.Range.Offset = 2
		b.chunk(h, "x")
		synctest.Wait()
		w.end()
		var places []int64
		for _, f := range b.finals("id") {
			places = append(places, f.Offset)
		}
		if fmt.Sprint(places) != "[0 2]" {
			t.Errorf("finals of places %v", places)
		}
	})
	t.Run("memory keeps no items", func(t *testing.T) {
		text := strings.Clone("id worker deployment hash error items")
		var s messages.Signal
		s.BatchID, s.Worker, s.Deployment, s.Hash, s.Error = text[:2], messages.WorkerID(text[3:9]), text[10:20], text[21:25], text[26:31]
		m := newMemory(1)
		m.put(s.BatchID, 0, s)
		kept, _ := m.get("id", 0)
		for _, part := range []string{kept.BatchID, string(kept.Worker), kept.Deployment, kept.Hash, kept.Error, m.ring[0]} {
			if at := uintptr(unsafe.Pointer(unsafe.StringData(part))) - uintptr(unsafe.Pointer(unsafe.StringData(text))); at < uintptr(len(text)) {
				t.Errorf("%q is kept in the text of the chunk", part)
			}
		}
	})
	t.Run("memory is bounded", func(t *testing.T) {
		m := newMemory(3)
		for i := range 10 {
			m.put(fmt.Sprint(i), 0, messages.Signal{Total: int64(i)})
			m.put(fmt.Sprint(i), 0, messages.Signal{Total: int64(i + 1)})
		}
		if s, ok := m.get("7", 0); len(m.entries) != 3 || !ok || s.Total != 8 {
			t.Errorf("memory %v", m.entries)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newFakeBus(1)
		release := make(chan struct{})
		w := start(t, b, func(context.Context, Chunk, func(int)) error { <-release; return nil }, func(c *Config) { c.Capacity = 2 })
		synctest.Wait()
		const all, kept = 5000, 2 + 64 + 2
		for i := range all {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		pass(10 * time.Second)
		h := b.of(messages.SignalHeartbeat)[2]
		if len(h.Running) != 2 || len(h.Queued) != 66 || h.Next != all {
			t.Errorf("%d running, %d queued, next %d", len(h.Running), len(h.Queued), h.Next)
		}
		close(release)
		synctest.Wait()
		counts := map[messages.Outcome]int{}
		for _, f := range b.finals("") {
			counts[f.Outcome]++
		}
		if counts[messages.OutcomeOK] != kept || counts[messages.OutcomeRetry] != all-kept {
			t.Errorf("outcomes %v", counts)
		}
		w.end()
	})
}

// A worker that shares its partition keeps as many chunks while its inbox is held up
// as it does otherwise.
func TestHeldUpWorkerKeepsWhatItHasRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBus(1)
		answers, release := make(chan struct{}), make(chan struct{})
		w := startMany(t, b, sharing(2), func(context.Context, Chunk, func(int)) error { <-release; return nil }, func(c *Config) {
			c.Capacity = 2
			c.Deployment = func() string { <-answers; return "" }
		})
		synctest.Wait()
		const all, kept = 200, 2 + 64 + 2
		for i := range all {
			h := head(messages.ChunkName{Base: "a", Index: i}.BatchID(1))
			h.Worker, h.Deployment = "m-0", "d"
			b.chunk(h, "x")
		}
		synctest.Wait() // all are read, the first one is being accepted
		close(answers)
		synctest.Wait()
		if n := len(b.finals("")); n != all-kept {
			t.Errorf("%d of %d chunks were given back, want %d", n, all, all-kept)
		}
		close(release)
		w.end()
	})
}

// A chunk that a person recalls is given back although it runs: its handler is told to end.
func TestRecallOfWhatRuns(t *testing.T) {
	bubble(t, "stops what runs", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(ctx context.Context, c Chunk, progress func(int)) error {
			progress(1)
			<-ctx.Done()
			return ctx.Err()
		})
		synctest.Wait()
		inc := b.of(messages.SignalAnnounce)[0].Incarnation.String()
		for i := range 3 {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x", "y")
		}
		stop := func(deployment string, ids ...string) {
			b.raw(string(messages.Recall{Worker: self, Deployment: deployment, Incarnation: inc, BatchIDs: ids, Stop: true}.Encode()))
			pass(time.Second)
		}
		stop("other", "a_chunk_0")
		if n := len(b.finals("a_chunk_0")); n != 0 {
			t.Error("stopped for another master")
		}
		stop("", "a_chunk_0", "a_chunk_2", "a_chunk_7")
		for _, id := range []string{"a_chunk_0", "a_chunk_2"} {
			if f := b.finals(id); len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || f[0].Error != messages.TextStopped {
				t.Errorf("final of %s: %+v", id, f)
			}
		}
		stop("", "a_chunk_0") // it has ended: nothing follows
		pass(4 * time.Second)
		hs := b.of(messages.SignalHeartbeat)
		if h := hs[len(hs)-1]; fmt.Sprint(h.Running, h.Queued) != "[a_chunk_1] []" {
			t.Errorf("heartbeat %s", h.raw)
		}
		w.end()
	})
}

func TestRecall(t *testing.T) {
	bubble(t, "gives back what is queued, and nothing else", func(t *testing.T) {
		b := newFakeBus(1)
		release := make(chan struct{})
		var mu sync.Mutex
		var ran []string
		w := start(t, b, func(_ context.Context, c Chunk, _ func(int)) error {
			mu.Lock()
			ran = append(ran, c.BatchID)
			mu.Unlock()
			<-release
			return nil
		})
		synctest.Wait()
		if a := b.of(messages.SignalAnnounce); len(a) != 1 || !a[0].Recalls {
			t.Errorf("announced %+v", a)
		}
		inc := b.of(messages.SignalAnnounce)[0].Incarnation.String()
		for i := range 3 {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		recall := func(deployment, incarnation string, ids ...string) {
			b.raw(string(messages.Recall{Worker: self, Deployment: deployment, Incarnation: incarnation, BatchIDs: ids}.Encode()))
			pass(time.Second)
		}
		recall("other", inc, "a_chunk_2")
		recall("", "1-other", "a_chunk_2")
		if len(b.finals("a_chunk_2")) != 0 {
			t.Error("given back for another master, or by another process")
		}
		recall("", inc, "a_chunk_0", "a_chunk_2", "a_chunk_7")
		f := b.finals("a_chunk_2")
		if len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || f[0].Error != messages.TextRecalled || f[0].Total != 1 {
			t.Errorf("final %+v", f)
		}
		if n := len(b.finals("a_chunk_0")) + len(b.finals("a_chunk_7")); n != 0 {
			t.Errorf("%d finals of chunks that run or are not known", n)
		}
		pass(4 * time.Second)
		hs := b.of(messages.SignalHeartbeat)
		if h := hs[len(hs)-1]; fmt.Sprint(h.Running, h.Queued, h.Next, h.Recalls) != "[a_chunk_0] [a_chunk_1] 6 true" {
			t.Errorf("heartbeat %s", h.raw)
		}
		close(release)
		pass(time.Second)
		mu.Lock()
		if fmt.Sprint(ran) != "[a_chunk_0 a_chunk_1]" {
			t.Errorf("ran %v", ran)
		}
		mu.Unlock()
		if log := w.log.String(); strings.Contains(log, "invalid chunk message") {
			t.Errorf("log:\n%s", log)
		}
		w.end()
	})
}
