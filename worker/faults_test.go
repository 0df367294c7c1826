package worker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

func TestOutage(t *testing.T) {
	for _, class := range []error{messages.ErrNotWritten, messages.ErrMaybeWritten} {
		bubble(t, class.Error(), func(t *testing.T) {
			b := newFakeBus(1)
			w := start(t, b, func(_ context.Context, c Chunk, p func(int)) error {
				for i := range c.Items {
					time.Sleep(time.Second)
					p(i + 1)
				}
				return nil
			}, func(c *Config) { c.Capacity = 3 })
			synctest.Wait()
			port := 40000
			down := func() error { port++; return fmt.Errorf("%w: dial from port %d", class, port) }
			b.with(func() {
				b.onProduce = func(messages.Record) error { return down() }
				b.onOffsets = func(string) error { return down() }
			})
			for i := range 3 {
				b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), strings.Split(strings.Repeat("x,", 59)+"x", ",")...)
			}
			pass(70 * time.Second)
			if n := len(b.calls); n > 1000 {
				t.Errorf("%d calls while Kafka was away", n)
			}
			if n := strings.Count(w.log.String(), failedText); n > 2 {
				t.Errorf("%d log lines:\n%s", n, w.log)
			}
			b.with(func() { b.onProduce, b.onOffsets = nil, nil })
			pass(3 * time.Second)
			if ps := b.of(messages.SignalProgress); len(ps) != 3 || len(b.finals("")) != 3 {
				t.Errorf("%d messages, want the three finals: older progress was superseded", len(ps))
			}
			w.end()
		})
	}
	bubble(t, "at the start", func(t *testing.T) {
		b := newFakeBus(1)
		b.onProduce = func(messages.Record) error { return messages.ErrNotWritten }
		w := start(t, b, ok)
		pass(10 * time.Minute)
		b.with(func() { b.onProduce = nil })
		pass(3 * time.Second)
		if n := len(b.of(messages.SignalAnnounce)); n != 1 || b.sent[0].Kind != messages.SignalAnnounce {
			t.Errorf("%d announcements, first message %s", n, b.sent[0].raw)
		}
		if n := len(b.of(messages.SignalHeartbeat)); n > 2 {
			t.Errorf("%d heartbeats, old ones should be superseded", n)
		}
		w.end()
	})
	bubble(t, "reading", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.with(func() { b.onFetch = func(messages.Position) error { return messages.ErrMaybeWritten } })
		b.chunk(head("a_chunk_0"), "x")
		pass(time.Minute)
		if n := len(b.of(messages.SignalHeartbeat)); n != 20 {
			t.Errorf("%d heartbeats in a minute", n)
		}
		b.with(func() { b.onFetch = nil })
		pass(3 * time.Second)
		if len(b.finals("a_chunk_0")) != 1 {
			t.Error("the chunk did not run")
		}
		if !strings.Contains(w.log.String(), recoveredText) {
			t.Errorf("log:\n%s", w.log)
		}
		w.end()
	})
}

func TestMessageTooLarge(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newFakeBus(1)
		b.onProduce = func(r messages.Record) error {
			if len(r.Value) > 1000 {
				return fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)
			}
			return nil
		}
		w := start(t, b, func(_ context.Context, c Chunk, _ func(int)) error {
			if c.BatchID == "large" {
				return fmt.Errorf("%02000d", 1)
			}
			return nil
		})
		synctest.Wait()
		b.chunk(head("large"), "x")
		b.chunk(head("small"), "x")
		pass(3 * time.Second)
		if len(b.finals("small")) != 1 {
			t.Error("the others do not go on")
		}
		if h := b.of(messages.SignalHeartbeat)[0]; len(h.Running) != 0 {
			t.Errorf("heartbeat %s", h.raw)
		}
		w.end()
	})
}

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.with(func() {
			b.onProduce = func(r messages.Record) error {
				if r.Topic == DefaultSignalTopic {
					return messages.ErrNotWritten
				}
				return nil
			}
		})
		const all = 5000
		for i := range all {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		pass(time.Minute)
		hs := b.of(messages.SignalHeartbeat)
		h := hs[len(hs)-1]
		if held := len(h.Running) + len(h.Queued); held < outboxLimit || held > 2*outboxLimit || h.Next >= all {
			t.Errorf("%d chunks held, next %d", held, h.Next)
		}
		if len(h.raw) > 1<<20 {
			t.Errorf("heartbeat of %d bytes", len(h.raw))
		}
		b.with(func() { b.onProduce = nil })
		pass(3 * time.Second)
		if n := len(b.finals("")); n != all {
			t.Errorf("%d finals", n)
		}
		w.end()
	})
}

func TestOffsetOutOfRange(t *testing.T) {
	bubble(t, "topic created again", func(t *testing.T) {
		b := newFakeBus(1)
		for range 10 {
			b.raw(`{"id":"x"}`)
		}
		w := start(t, b, ok)
		synctest.Wait()
		b.lose(0)
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		if len(b.finals("a_chunk_0")) != 1 {
			t.Error("does not read the new topic")
		}
		if hs := b.of(messages.SignalHeartbeat); len(hs) != 1 || hs[0].Next != 0 {
			t.Errorf("heartbeats %v, want one at once", hs)
		}
		w.end()
	})
	bubble(t, "records deleted", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.lose(100)
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		if len(b.finals("a_chunk_0")) != 1 {
			t.Error("does not go on at the first retained record")
		}
		w.end()
	})
	bubble(t, "topic gone, then back with fewer partitions", func(t *testing.T) {
		b := newFakeBus(2)
		one := 1
		w := start(t, b, ok, func(c *Config) { c.Partition = &one })
		synctest.Wait()
		b.with(func() { b.onFetch = func(messages.Position) error { return messages.ErrOffsetOutOfRange } })
		b.remake(1)
		pass(time.Minute)
		if n := len(b.calls); n > 1000 {
			t.Errorf("%d calls", n)
		}
		w.end()
	})
	bubble(t, "a broker that contradicts itself", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		b.with(func() { b.onFetch = func(messages.Position) error { return messages.ErrOffsetOutOfRange } })
		pass(time.Minute)
		if n := len(b.calls); n > 1000 {
			t.Errorf("%d calls", n)
		}
		w.end()
	})
}

func TestKeyPartition(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newFakeBus(1)
		b.signalPartitions(9)
		got := map[int32]int{}
		b.onProduce = func(r messages.Record) error {
			if isCompanion(r.Key) {
				return nil
			}
			got[r.Partition]++
			if string(r.Key) != self {
				t.Errorf("key %q", r.Key)
			}
			return nil
		}
		w := start(t, b, ok)
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		w.end()
		if len(got) != 1 || got[PartitionOf(self, 9)] == 0 {
			t.Errorf("partitions %v", got)
		}
	})
}

// The number of partitions is looked up again when it may have changed.
func TestTopicIsMadeAgain(t *testing.T) {
	bubble(t, "with fewer partitions: the worker moves and continues", func(t *testing.T) {
		b := newFakeBus(15)
		w := start(t, b, ok)
		pass(4 * time.Second)
		if p := b.of(messages.SignalAnnounce)[0].Partitions; len(p) != 1 || p[0] != 14 {
			t.Fatalf("partitions %v", p)
		}
		b.remake(0)
		pass(30 * time.Second)
		b.remake(1)
		pass(5 * time.Second)
		news := b.of(messages.SignalAnnounce)
		if len(news) != 2 || news[1].Partitions[0] != 0 || news[1].Incarnation != news[0].Incarnation {
			t.Fatalf("announcements %v", news)
		}
		hs := b.of(messages.SignalHeartbeat)
		if h := hs[len(hs)-1]; h.Partitions[0] != 0 || h.Next != 0 {
			t.Errorf("heartbeat %s", h.raw)
		}
		b.chunk(head("a_chunk_0"), "x")
		pass(time.Second)
		if len(b.finals("a_chunk_0")) != 1 {
			t.Errorf("finals %v", b.finals(""))
		}
		if n := strings.Count(w.log.String(), "level=WARN"); n > 3 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
		w.end()
	})
	bubble(t, "with as many partitions or more: the worker stays", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		pass(time.Second)
		b.remake(15)
		pass(5 * time.Minute)
		b.chunk(head("a_chunk_1"), "x")
		pass(10 * time.Second)
		if len(b.finals("a_chunk_1")) != 1 || len(b.of(messages.SignalAnnounce)) != 1 {
			t.Errorf("finals %v, announcements %v", b.finals(""), b.of(messages.SignalAnnounce))
		}
		w.end()
	})
	bubble(t, "the worker waits for a configured partition", func(t *testing.T) {
		b := newFakeBus(4)
		chosen := 3
		w := start(t, b, ok, func(c *Config) { c.Partition = &chosen })
		pass(time.Second)
		b.remake(1)
		pass(time.Minute)
		if news := b.of(messages.SignalAnnounce); len(news) != 1 {
			t.Errorf("announcements %v", news)
		}
		w.end()
	})
	bubble(t, "the topics of the worker's own messages", func(t *testing.T) {
		b := newFakeBus(1)
		b.signalPartitions(15)
		w := start(t, b, ok)
		pass(4 * time.Second)
		b.signalPartitions(2)
		before := len(b.of(messages.SignalHeartbeat))
		b.chunk(head("a_chunk_0"), "x")
		pass(10 * time.Second)
		if n := len(b.of(messages.SignalHeartbeat)); n < before+2 || len(b.finals("a_chunk_0")) != 1 {
			t.Errorf("%d heartbeats, finals %v", n-before, b.finals(""))
		}
		w.end()
	})
}
