package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// startMany runs several workers in one process.
func startMany(t *testing.T, b *fakeBus, members []Member, h Handler, change ...func(*Config)) *started {
	t.Helper()
	log := &bytes.Buffer{}
	cfg := Config{Brokers: []string{"fake:1"}, Logger: slog.New(slog.NewTextHandler(log, nil))}
	for _, c := range change {
		c(&cfg)
	}
	if err := validateMembers(cfg, members); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &started{fakeBus: b, t: t, log: log, stop: stop, done: make(chan error, 1)}
	go func() { w.done <- run(ctx, cfg.withDefaults(), members, b, h) }()
	return w
}

// each returns n workers, the i-th on partition i.
func each(n int) (all []Member) {
	for i := range n {
		all = append(all, Member{ID: fmt.Sprint("m-", i), Partition: &i})
	}
	return all
}

// sharing returns n workers on partition 0.
func sharing(n int) []Member {
	zero, all := 0, each(n)
	for i := range all {
		all[i].Partition = &zero
	}
	return all
}

// to writes a chunk for a worker to a partition.
func (b *fakeBus) to(p int32, id, batch string) {
	h := head(batch)
	h.Worker = messages.WorkerID(id)
	b.write(p, string(messages.AppendChunk(nil, h, []byte("x\n"))))
}

// sentBy returns the messages of one kind from one worker.
func (b *fakeBus) sentBy(id string, kind messages.SignalKind) []sent {
	return slices.DeleteFunc(b.of(kind), func(s sent) bool { return s.Worker != messages.WorkerID(id) })
}

func many(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestManyShareRequests(t *testing.T) {
	many(t, "one fetch and one heartbeat request for all", func(t *testing.T) {
		b := newFakeBus(50)
		w := startMany(t, b, each(50), ok)
		pass(time.Second)
		b.with(func() { b.calls, b.fetches = nil, 0 })
		pass(time.Minute)
		if n := len(b.of(messages.SignalAnnounce)); n != 50 {
			t.Errorf("%d announcements", n)
		}
		if n := len(b.of(messages.SignalHeartbeat)); n != 50*20 {
			t.Errorf("%d heartbeats in a minute", n)
		}
		produced := 0
		for _, c := range b.calls {
			if c == "produce "+DefaultConnectionTopic {
				produced++
			}
		}
		if produced > 20 || b.fetches > 125 {
			t.Errorf("%d produces, %d fetches in a minute", produced, b.fetches)
		}
		w.end()
		if n := len(b.of(messages.SignalBye)); n != 50 {
			t.Errorf("%d byes", n)
		}
	})
	many(t, "keys and partitions are those of each worker", func(t *testing.T) {
		b := newFakeBus(9)
		b.signalPartitions(7)
		b.onProduce = func(r messages.Record) error {
			if r.Partition != PartitionOf(string(r.Key), 7) {
				t.Errorf("%s to partition %d", r.Key, r.Partition)
			}
			return nil
		}
		w := startMany(t, b, each(9), ok)
		synctest.Wait()
		for i := range 9 {
			b.to(int32(i), fmt.Sprint("m-", i), "a_chunk_0")
		}
		pass(4 * time.Second)
		if n := len(b.finals("a_chunk_0")); n != 9 {
			t.Errorf("%d finals", n)
		}
		w.end()
	})
}

func TestManyRouting(t *testing.T) {
	members := append(sharing(3), Member{ID: `a"b\c`, Partition: new(int)}, Member{ID: "wörker", Partition: new(int)})
	many(t, "each chunk runs once, on its worker", func(t *testing.T) {
		b := newFakeBus(1)
		var mu sync.Mutex
		ran := map[string]int{}
		w := startMany(t, b, members, func(_ context.Context, c Chunk, _ func(int)) error {
			mu.Lock()
			defer mu.Unlock()
			ran[string(c.Worker)+" "+c.BatchID]++
			return nil
		})
		synctest.Wait()
		for i, m := range members {
			b.to(0, m.ID, fmt.Sprint("chunk_", i))
		}
		b.to(0, "m-7", "nobody's")
		b.raw(`{"batchId":"later","data":["x"],"id":"m-1"}`, `{"id":"w\u00f6rker","batchId":"escaped","data":["x"]}`, `{"id":"m-1`, `{}`)
		pass(time.Second)
		want := map[string]int{"m-0 chunk_0": 1, "m-1 chunk_1": 1, "m-2 chunk_2": 1, `a"b\c chunk_3`: 1, "wörker chunk_4": 1,
			"m-1 later": 1, "wörker escaped": 1}
		if fmt.Sprint(ran) != fmt.Sprint(want) {
			t.Errorf("ran %v, want %v", ran, want)
		}
		pass(3 * time.Second)
		for _, m := range members {
			if hs := b.sentBy(m.ID, messages.SignalHeartbeat); hs[len(hs)-1].Next != 10 {
				t.Errorf("%s reads on at %d, want 10", m.ID, hs[len(hs)-1].Next)
			}
		}
		w.end()
	})
	many(t, "the same batch id at two workers is two chunks", func(t *testing.T) {
		b := newFakeBus(1)
		w := startMany(t, b, sharing(2), ok)
		synctest.Wait()
		b.to(0, "m-0", "a_chunk_0")
		b.to(0, "m-1", "a_chunk_0")
		synctest.Wait()
		if f := b.finals("a_chunk_0"); len(f) != 2 || f[0].Worker == f[1].Worker {
			t.Errorf("finals %v", f)
		}
		w.end()
	})
}

// A fault of one worker does not affect the others.
func TestManyAreApart(t *testing.T) {
	works := func(t *testing.T, b *fakeBus, p int32, id string) {
		t.Helper()
		batch := fmt.Sprint(id, "_works_", time.Now().UnixNano())
		b.to(p, id, batch)
		pass(time.Second)
		if f := b.finals(batch); len(f) != 1 || f[0].Outcome != messages.OutcomeOK {
			t.Errorf("%s: finals %v", id, f)
		}
	}
	many(t, "a handler that blocks", func(t *testing.T) {
		b := newFakeBus(1)
		w := startMany(t, b, sharing(2), func(ctx context.Context, c Chunk, _ func(int)) error {
			if c.Worker == "m-0" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		synctest.Wait()
		b.to(0, "m-0", "blocks")
		works(t, b, 0, "m-1")
		w.end()
	})
	many(t, "a worker that cannot work", func(t *testing.T) {
		b := newFakeBus(1)
		fit := make(chan struct{})
		w := startMany(t, b, sharing(2), func(_ context.Context, c Chunk, _ func(int)) error {
			if c.Worker != "m-0" {
				return nil
			}
			return Unfit(errors.New("no disk"), func(context.Context) error {
				select {
				case <-fit:
					return nil
				default:
					return errors.New("still no disk")
				}
			})
		})
		synctest.Wait()
		b.to(0, "m-0", "given_back")
		works(t, b, 0, "m-1")
		pass(5 * time.Second)
		last := func(id string) sent { hs := b.sentBy(id, messages.SignalHeartbeat); return hs[len(hs)-1] }
		if last("m-0").Note == "" || last("m-1").Note != "" {
			t.Errorf("notes %q, %q", last("m-0").Note, last("m-1").Note)
		}
		close(fit)
		pass(10 * time.Second)
		if last("m-0").Note != "" {
			t.Errorf("note %q", last("m-0").Note)
		}
		w.end()
	})
	for name, members := range map[string][]Member{"own partitions": each(2), "one partition": sharing(2)} {
		many(t, "messages that Kafka does not take, "+name, func(t *testing.T) {
			b := newFakeBus(2)
			b.signalPartitions(2) // m-0 and m-1 have different partitions
			w := startMany(t, b, members, ok)
			synctest.Wait()
			b.with(func() {
				b.onProduce = func(r messages.Record) error {
					if r.Topic == DefaultSignalTopic && string(r.Key) == "m-0" {
						return messages.ErrNotWritten
					}
					return nil
				}
			})
			const all = 3000
			for i := range all {
				b.to(0, "m-0", fmt.Sprint("a_chunk_", i))
			}
			pass(time.Minute)
			works(t, b, int32(*members[1].Partition), "m-1")
			if n := len(b.sentBy("m-1", messages.SignalHeartbeat)); n < 20 {
				t.Errorf("%d heartbeats", n)
			}
			b.with(func() { b.onProduce = nil })
			pass(10 * time.Second)
			ends := map[string]bool{}
			for _, f := range b.finals("") {
				ends[f.BatchID] = true
			}
			if len(ends) != all+1 {
				t.Errorf("%d chunks ended, want %d", len(ends), all+1)
			}
			w.end()
		})
	}
	many(t, "a partition that does not exist", func(t *testing.T) {
		b := newFakeBus(1)
		w := startMany(t, b, each(2), ok)
		pass(time.Second)
		if len(b.sentBy("m-1", messages.SignalAnnounce)) != 0 {
			t.Error("announced without a partition")
		}
		works(t, b, 0, "m-0")
		b.remake(2)
		pass(time.Second)
		works(t, b, 1, "m-1")
		works(t, b, 0, "m-0")
		b.remake(1)
		pass(time.Second) // a chunk that is written before the worker notices the change would be missed
		for range 20 {
			works(t, b, 0, "m-0")
		}
		if n := strings.Count(w.log.String(), failedText); n > 4 {
			t.Errorf("%d log lines:\n%s", n, w.log)
		}
		b.remake(2)
		pass(5 * time.Second)
		works(t, b, 1, "m-1")
		w.end()
	})
	many(t, "a broker that does not answer", func(t *testing.T) {
		b := newFakeBus(2)
		b.leaders = []int32{1, 2}
		w := startMany(t, b, each(2), ok)
		pass(time.Second)
		b.with(func() {
			b.onFetch = func(at messages.Position) error {
				if at.Partition == 1 {
					return messages.ErrMaybeWritten
				}
				return nil
			}
		})
		works(t, b, 0, "m-0")
		b.to(1, "m-1", "waits")
		b.with(func() { b.leaders[1], b.onFetch = 1, nil })
		pass(time.Second)
		if len(b.finals("waits")) != 1 {
			t.Error("the new leader was not asked")
		}
		w.end()
	})
}

func TestManyDrain(t *testing.T) {
	many(t, "all within one time-out, final messages before byes", func(t *testing.T) {
		b := newFakeBus(20)
		w := startMany(t, b, each(20), func(ctx context.Context, _ Chunk, _ func(int)) error {
			<-ctx.Done()
			return ctx.Err()
		}, func(c *Config) { c.DrainTimeout = 7 * time.Second })
		synctest.Wait()
		for i := range 20 {
			b.to(int32(i), fmt.Sprint("m-", i), "a_chunk_0")
		}
		synctest.Wait()
		at := time.Now()
		w.end()
		if took := time.Since(at); took != 7*time.Second {
			t.Errorf("took %s", took)
		}
		kinds := map[messages.WorkerID]string{}
		for _, s := range b.sent {
			if s.Kind != messages.SignalHeartbeat {
				kinds[s.Worker] += s.Kind.String() + " "
			}
		}
		for id, s := range kinds {
			if s != "new draining progress bye " {
				t.Errorf("%s sent %s", id, s)
			}
		}
		if len(kinds) != 20 {
			t.Errorf("%d workers", len(kinds))
		}
	})
	many(t, "a refusal ends all of them", func(t *testing.T) {
		b := newFakeBus(3)
		b.onFetch = func(messages.Position) error { return messages.ErrRefused }
		w := startMany(t, b, each(3), ok)
		if err := <-w.done; !errors.Is(err, messages.ErrRefused) {
			t.Errorf("run: %v", err)
		}
		w.stop()
	})
}

func TestManyConfig(t *testing.T) {
	neg, cfg := -1, Config{Brokers: []string{"a:1"}}
	for want, err := range map[string]error{
		"0 members":             RunMany(context.Background(), cfg, nil, ok),
		`members[1]: ID: "a"`:   RunMany(context.Background(), cfg, []Member{{ID: "a"}, {ID: "a"}}, ok),
		"members[1]: ID":        RunMany(context.Background(), cfg, []Member{{ID: "a"}, {ID: "a\nb"}}, ok),
		"members[1]: Partition": RunMany(context.Background(), cfg, []Member{{ID: "a"}, {ID: "b", Partition: &neg}}, ok),
		"ID and Partition":      RunMany(context.Background(), Config{ID: "a", Brokers: cfg.Brokers}, []Member{{ID: "a"}}, ok),
		"no handler":            RunMany(context.Background(), cfg, []Member{{ID: "a"}}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
