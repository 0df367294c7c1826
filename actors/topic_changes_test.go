package actors

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// remake makes a topic again, empty and with n partitions.
func (b *memBus) remake(topic string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := range b.logs {
		if at.topic == topic {
			delete(b.logs, at)
			delete(b.starts, at)
		}
	}
	for p := range n {
		b.logs[place{topic, int32(p)}] = nil
	}
}

func (b *memBus) sayTo(topic string, partition int32, s messages.Signal) {
	b.Produce(context.Background(), []messages.Record{{Topic: topic, Partition: partition, Value: s.Encode()}})
}

// Partitions that are added to the worker topics while a term lasts are read, from
// their first record on.
func TestAddedPartitionsOfWorkerTopicsAreRead(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		require.NoError(t, w.bus.Grow(t.Context(), "signals", 2))
		require.NoError(t, w.bus.Grow(t.Context(), "connections", 3))
		w.bus.sayTo("connections", 2, announce("w9", 0, 1))
		time.Sleep(checkEvery + time.Second)
		require.NotEqual(t, messages.WorkerGone, w.worker("w9").State)
		offsets := map[place]int64{}
		for _, o := range w.memory.Snapshot().Offsets {
			offsets[place{o.Topic, o.Partition}] = o.Offset
		}
		require.Equal(t, int64(1), offsets[place{"connections", 2}])
		require.Contains(t, offsets, place{"signals", 1}, "a leader that ends now leaves the place to the next one")
		w.drop("a.txt", 2)
		w.bus.sayTo("signals", 1, progressOf("w9", 1, messages.ChunkName{Base: "a"}.BatchID(1), 2, 2))
		time.Sleep(time.Second)
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
	})
}

// A worker topic that was made again with fewer partitions is read: those that are
// gone do not stop the others.
func TestRemovedPartitionsOfWorkerTopicsAreNotReadAnyMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		require.NoError(t, w.bus.Grow(t.Context(), "connections", 3))
		time.Sleep(checkEvery + time.Second)
		h := w.startWorker("w1", 0)
		w.bus.remake("connections", 1)
		time.Sleep(checkEvery + 2*time.Second)
		require.Equal(t, messages.WorkerFree, w.worker("w1").State)
		require.Empty(t, w.overview().Problems)
		w.drop("a.txt", 8)
		h.work("a.txt")
	})
}

// The chunk topic is made again with fewer partitions. A worker on a partition that
// is gone is shown with the reason; once it reads another one work goes on, and
// nothing is lost.
func TestChunkTopicMadeAgainWithFewerPartitions(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 3)
		w.drop("a.txt", 8)
		require.Len(t, h.read(), 2)
		w.bus.remake("chunks", 2)
		time.Sleep(checkEvery + time.Second)
		require.Equal(t, "announced partition 3, but the topic has 2", w.worker("w1").Note)
		require.Equal(t, messages.ProblemNoPartition, w.overview().Problems[0].Kind)
		w.bus.mu.Lock()
		h.partition, h.next = 1, 0 // it holds two chunks, and reads on elsewhere
		w.bus.mu.Unlock()
		h.say(messages.Signal{Kind: messages.SignalAnnounce, Capacity: 1, Protocol: 2})
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Zero(t, f.Repeats, "what it held was not handed out a second time")
		require.Empty(t, w.overview().Problems)
	})
}

// A send mark beyond the end shows that the topic lost its records: what lies there
// may have been sent since.
func TestTailBehindALostTopic(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.assigned(messages.Native, "w", 1, 0)
		b.marked(1, 100)
		b.sent(1, "w", chunkID(0))
		got, held := b.read()
		require.Equal(t, int64(0), held["w"][0].offset)
		require.Len(t, got.sends, 1)
	})
}

// halfBus is a memBus of two brokers, of which the second may be away.
type halfBus struct {
	*memBus
	away atomic.Bool
}

func (h *halfBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	if from[0].Partition%2 == 1 && h.away.Load() {
		return nil, messages.ErrNotWritten
	}
	return h.memBus.Fetch(ctx, from, wait)
}

// Two brokers, one of them away: that is one outage, whatever the other answers, and
// it is over when the one is back.
func TestIngressTellsOfAnOutageOnce(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		bus, owner, fleet := &halfBus{memBus: newMemBus()}, s.probe("owner"), s.probe("fleet")
		_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "s", Partitions: 2}})
		require.NoError(t, err)
		pid, _ := s.spawn("ingress", func() actor.Actor {
			return newIngress(ingressDeps{bus: bus, log: s.log, persistence: owner.pid, owner: owner.pid}, []messages.Position{{Topic: "s"}, {Topic: "s", Partition: 1}})
		})
		s.tell(pid, &readFor{fleet: fleet.pid})
		bus.away.Store(true)
		time.Sleep(time.Minute)
		owner.mu.Lock()
		for _, m := range owner.got {
			if b, ok := m.(*busState); ok {
				require.Error(t, b.err)
			}
		}
		owner.mu.Unlock()
		owner.clear()
		bus.away.Store(false)
		time.Sleep(time.Second)
		require.NoError(t, expect[*busState](owner).err)
	})
}

// Without classic workers there is no report that they wait.
func TestGroupIsMissedByClassicWorkersOnly(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		var out bytes.Buffer
		bus, fleet := newMemBus(), s.probe("fleet")
		_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "chunks", Partitions: 1}})
		require.NoError(t, err)
		bus.setDown(errors.New("away"))
		pid, _ := s.spawn("classic-group", func() actor.Actor {
			return newClassicGroup(classicGroupDeps{cfg: Config{ChunkTopic: "chunks"}, bus: bus, in: bus, log: slog.New(slog.NewTextHandler(&out, nil))}, 0)
		})
		s.tell(pid, &watchFor{fleet: fleet.pid})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, out.String())
		s.tell(pid, &classicWorkers{count: 1})
		time.Sleep(2 * idleGroupEvery)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(out.String(), "level=WARN"))
		s.tell(pid, &classicWorkers{})
		bus.setDown(nil)
		time.Sleep(2 * idleGroupEvery)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(out.String(), "level=INFO"))
	})
}

// Partitions that were taken from a topic do not keep the ends of an empty group
// from being committed.
func TestEmptyGroupOfATopicThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	stageGroup(t, func(s *stage, bus *memBus, pid *actor.PID, fleet *probe) {
		time.Sleep(time.Second)
		bus.mu.Lock()
		bus.kept = map[string]map[place]int64{}
		bus.mu.Unlock()
		bus.remake("chunks", 1)
		s.tell(pid, &topicsGrown{partitions: 1})
		time.Sleep(time.Second)
		require.Len(t, bus.keptAt("g"), 1)
	})
}
