package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// farewell returns the status messages from the draining on, without heartbeats, and
// the index of the bye among all messages.
func farewell(b *fakeBus) (kinds []string) {
	on := false
	for _, s := range b.sent {
		if on = on || s.Kind == messages.SignalDraining; on && s.Kind != messages.SignalHeartbeat {
			kinds = append(kinds, strings.TrimSpace(s.Kind.String()+" "+s.BatchID+" "+string(s.Outcome)))
		}
	}
	return kinds
}

func TestDrain(t *testing.T) {
	bubble(t, "idle", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		at := time.Now()
		w.end()
		if got := fmt.Sprint(farewell(b)); got != "[draining bye]" || time.Since(at) != 0 {
			t.Errorf("sent %s in %s", got, time.Since(at))
		}
	})
	bubble(t, "a running chunk finishes in time, the queue is dropped", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(ctx context.Context, _ Chunk, _ func(int)) error {
			time.Sleep(4 * time.Second)
			return ctx.Err()
		})
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		b.chunk(head("a_chunk_1"), "x")
		pass(time.Second)
		w.stop()
		synctest.Wait()
		hs := b.of(messages.SignalHeartbeat)
		if len(hs) != 1 || fmt.Sprint(hs[0].Running, hs[0].Queued, hs[0].Next) != "[a_chunk_0] [] 2" {
			t.Errorf("heartbeats %v, want one at once without the queue", hs)
		}
		b.chunk(head("a_chunk_2"), "x")
		w.end()
		if got := fmt.Sprint(farewell(b)); got != "[draining progress a_chunk_0 ok bye]" {
			t.Errorf("sent %s", got)
		}
		if last := b.sent[len(b.sent)-1]; last.Kind != messages.SignalBye {
			t.Errorf("last message %s", last.raw)
		}
	})
	bubble(t, "a running chunk takes too long, is cancelled and given back", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(ctx context.Context, c Chunk, p func(int)) error {
			p(1)
			<-ctx.Done()
			if c.BatchID == "finishes" {
				return nil
			}
			return fmt.Errorf("step 2: %w", ctx.Err())
		}, func(c *Config) { c.Capacity, c.DrainTimeout = 2, 7*time.Second })
		synctest.Wait()
		b.chunk(head("stops"), "x", "y")
		b.chunk(head("finishes"), "x", "y")
		synctest.Wait()
		at := time.Now()
		w.end()
		if took := time.Since(at); took != 7*time.Second {
			t.Errorf("took %s", took)
		}
		f := b.finals("stops")
		if len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || f[0].Processing != 1 || !strings.Contains(f[0].Error, "stopped") {
			t.Errorf("final %v", f)
		}
		// Many programs return no error when they are asked to stop.
		if f := b.finals("finishes"); len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || f[0].Processing == f[0].Total {
			t.Errorf("final %v", f)
		}
		if n := len(b.of(messages.SignalHeartbeat)); n < 3 {
			t.Errorf("%d heartbeats while it drained", n)
		}
	})
	bubble(t, "Kafka is unreachable: Run returns nevertheless", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.with(func() { b.onProduce = func(messages.Record) error { return messages.ErrNotWritten } })
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		at := time.Now()
		w.end()
		if took := time.Since(at); took > flushTimeout {
			t.Errorf("took %s", took)
		}
		if !strings.Contains(w.log.String(), undeliveredText) {
			t.Errorf("log:\n%s", w.log)
		}
	})
	bubble(t, "Kafka returns: final messages before the bye", func(t *testing.T) {
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
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		w.stop()
		pass(500 * time.Millisecond)
		b.with(func() { b.onProduce = nil })
		w.end()
		if got := fmt.Sprint(farewell(b)); got != "[draining progress a_chunk_0 ok bye]" {
			t.Errorf("sent %s", got)
		}
	})
	bubble(t, "stopped while the reader waits for room", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, ok)
		synctest.Wait()
		b.with(func() { b.onProduce = func(messages.Record) error { return messages.ErrNotWritten } })
		for i := range 3000 {
			b.chunk(head(messages.ChunkName{Base: "a", Index: i}.BatchID(1)), "x")
		}
		pass(time.Second)
		w.end()
	})
}

func TestTimeout(t *testing.T) {
	bubble(t, "fails the chunk, whatever the handler returns", func(t *testing.T) {
		b := newFakeBus(1)
		results := map[string]error{"nothing": nil, "error": errors.New("step 2"), "retry": ErrRetry, "context": context.DeadlineExceeded}
		var took []time.Duration
		w := start(t, b, func(ctx context.Context, c Chunk, p func(int)) error {
			began := time.Now()
			p(1)
			<-ctx.Done()
			took = append(took, time.Since(began))
			return results[c.BatchID]
		}, func(c *Config) { c.Timeout = 10 * time.Second })
		synctest.Wait()
		for id := range results {
			b.chunk(head(id), "x", "y")
		}
		pass(time.Minute)
		for id := range results {
			f := b.finals(id)
			if len(f) != 1 || f[0].Outcome != messages.OutcomeFailed || f[0].Processing != 1 || !strings.HasPrefix(f[0].Error, "not done within the time-out of 10s") {
				t.Errorf("%s: %v", id, f)
			}
		}
		if f := b.finals("error"); f[0].Error != "not done within the time-out of 10s: step 2" {
			t.Errorf("final %v", f)
		}
		if fmt.Sprint(took) != "[10s 10s 10s 10s]" {
			t.Errorf("took %v", took)
		}
		w.end()
	})
	bubble(t, "a stop is not a time-out", func(t *testing.T) {
		b := newFakeBus(1)
		w := start(t, b, func(ctx context.Context, _ Chunk, _ func(int)) error {
			<-ctx.Done()
			return ctx.Err()
		}, func(c *Config) { c.Timeout = time.Hour })
		synctest.Wait()
		b.chunk(head("a_chunk_0"), "x")
		synctest.Wait()
		w.end()
		if f := b.finals("a_chunk_0"); len(f) != 1 || f[0].Outcome != messages.OutcomeRetry || f[0].Error != "the worker stopped: not done within the drain time-out of 5s" {
			t.Errorf("final %v", f)
		}
	})
}
