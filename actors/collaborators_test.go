package actors

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// adminBus is a memBus whose Ensure fails as often as it is told.
type adminBus struct {
	*memBus
	mu       sync.Mutex
	failures int
}

func (a *adminBus) Ensure(ctx context.Context, specs []messages.TopicSpec) ([]messages.Topic, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failures > 0 {
		a.failures--
		return nil, messages.ErrNotWritten
	}
	return a.memBus.Ensure(ctx, specs)
}

func stageTopics(t *testing.T, failures int, f func(s *stage, bus *adminBus, pid *actor.PID, owner, asker *probe)) {
	onStage(t, func(s *stage) {
		bus := &adminBus{memBus: newMemBus(), failures: failures}
		owner, asker := s.probe("owner"), s.probe("asker")
		cfg := Config{ChunkTopic: "chunks", SignalTopic: "signals", ConnectionTopic: "connections", HeartbeatTopic: "masters", Partitions: 4}
		pid, _ := s.spawn("topics", func() actor.Actor {
			return newTopics(topicsDeps{cfg: cfg, bus: bus, in: bus, log: s.log, owner: owner.pid})
		})
		f(s, bus, pid, owner, asker)
	})
}

func TestTopicsAreMadeOnceKafkaAnswers(t *testing.T) {
	t.Parallel()
	stageTopics(t, 3, func(s *stage, bus *adminBus, pid *actor.PID, owner, asker *probe) {
		require.Error(t, expect[*busState](owner).err)
		expectNone[*topicsReady](owner)
		time.Sleep(10 * time.Second)
		ready := expect[*topicsReady](owner)
		require.Equal(t, messages.Topic{Name: "chunks", Partitions: 4}, ready.chunks)
		require.Len(t, ready.ends, 2)
	})
}

// TestTopicsGrowBeforeTheyAreReady: somebody raises the partition count while another
// topic cannot be made yet.
func TestTopicsGrowBeforeTheyAreReady(t *testing.T) {
	t.Parallel()
	stageTopics(t, 3, func(s *stage, bus *adminBus, pid *actor.PID, owner, asker *probe) {
		bus.remake("chunks", 4)
		s.root.RequestWithCustomSender(pid, messages.GrowPartitions{Partitions: 6}, asker.pid)
		expect[[]messages.Topic](asker)
		time.Sleep(10 * time.Second)
		require.Equal(t, 6, expect[*topicsReady](owner).chunks.Partitions)
	})
}

func TestTopicsGrowButNeverShrink(t *testing.T) {
	t.Parallel()
	stageTopics(t, 0, func(s *stage, bus *adminBus, pid *actor.PID, owner, asker *probe) {
		expect[*topicsReady](owner)
		grow := func(n int) { s.root.RequestWithCustomSender(pid, messages.GrowPartitions{Partitions: n}, asker.pid) }
		grow(3)
		require.ErrorIs(t, expect[error](asker), messages.ErrShrink)
		grow(4)
		expect[[]messages.Topic](asker)
		expectNone[*topicsGrown](owner)
		grow(6)
		require.Contains(t, expect[[]messages.Topic](asker), messages.Topic{Name: "chunks", Partitions: 6})
		require.Equal(t, 6, expect[*topicsGrown](owner).partitions)
		bus.memBus.mu.Lock()
		bus.down = messages.ErrNotWritten
		bus.memBus.mu.Unlock()
		s.root.RequestWithCustomSender(pid, messages.QueryTopics{}, asker.pid)
		require.ErrorIs(t, expect[error](asker), messages.ErrUnavailable)
	})
}

func stageGroup(t *testing.T, f func(s *stage, bus *memBus, pid *actor.PID, fleet *probe)) {
	onStage(t, func(s *stage) {
		bus, fleet := newMemBus(), s.probe("fleet")
		_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "chunks", Partitions: 2}})
		require.NoError(t, err)
		bus.Produce(t.Context(), []messages.Record{{Topic: "chunks", Value: []byte("old")}})
		pid, _ := s.spawn("classic-group", func() actor.Actor {
			return newClassicGroup(classicGroupDeps{cfg: Config{ChunkTopic: "chunks", WorkerGroup: "g"}, bus: bus, in: bus, log: s.log}, 0)
		})
		s.tell(pid, &watchFor{fleet: fleet.pid})
		f(s, bus, pid, fleet)
	})
}

func TestEmptyGroupGetsTheEndsCommitted(t *testing.T) {
	t.Parallel()
	stageGroup(t, func(s *stage, bus *memBus, pid *actor.PID, fleet *probe) {
		require.Equal(t, map[place]int64{{"chunks", 0}: 1, {"chunks", 1}: 0}, bus.keptAt("g"))
		time.Sleep(2 * idleGroupEvery) // the commit has made the group
		bus.Produce(t.Context(), []messages.Record{{Topic: "chunks", Partition: 1, Value: []byte("x")}})
		time.Sleep(time.Minute)
		require.Equal(t, int64(0), bus.keptAt("g")[place{"chunks", 1}], "not at every look")
		bus.setGroup(messages.GroupState{Name: "g", State: messages.GroupStable, Members: []messages.GroupMember{{ID: "m"}}})
		time.Sleep(2 * idleGroupEvery)
		bus.setGroup(messages.GroupState{Name: "g", State: messages.GroupEmpty})
		time.Sleep(2 * idleGroupEvery)
		require.Equal(t, int64(1), bus.keptAt("g")[place{"chunks", 1}], "again when it becomes empty")
		bus.Produce(t.Context(), []messages.Record{{Topic: "chunks", Partition: 1, Value: []byte("x")}})
		time.Sleep(renewEnds + time.Minute)
		require.Equal(t, int64(2), bus.keptAt("g")[place{"chunks", 1}], "and once a day")
	})
}

func TestGroupIsShownToTheFleet(t *testing.T) {
	t.Parallel()
	stageGroup(t, func(s *stage, bus *memBus, pid *actor.PID, fleet *probe) {
		require.False(t, expect[*slots.Group](fleet).Stable)
		s.tell(pid, &classicWorkers{count: 1})
		bus.setGroup(messages.GroupState{Name: "g", State: messages.GroupStable, Members: []messages.GroupMember{{ID: "m", Partitions: []int32{1, 0}}}})
		time.Sleep(2 * groupEvery)
		fleetView := expect[*slots.Group](fleet)
		for !fleetView.Stable {
			fleetView = expect[*slots.Group](fleet)
		}
		require.Equal(t, [][]int32{{0, 1}}, fleetView.Lists)
		require.Equal(t, []int64{1, 0}, fleetView.Committed)
		bus.mu.Lock()
		bus.down = errors.New("away")
		bus.mu.Unlock()
		time.Sleep(2 * groupEvery)
		require.False(t, expect[*slots.Group](fleet).Stable, "what cannot be seen is not trusted")
	})
}

func TestScannerListsAndFingerprints(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		files, owner := &memFiles{}, s.probe("owner")
		files.put("a.txt", "x\n", time.Now())
		pid, _ := s.spawn("scanner", func() actor.Actor { return newScanner(files, s.log, owner.pid) })
		got := expect[*listing](owner)
		require.Len(t, got.files, 1)
		expectNone[*listing](owner)
		s.tell(pid, &fingerprint{file: got.files[0]})
		require.NoError(t, expect[*fingerprinted](owner).Err)
		files.put("b.txt", strings.Repeat("x\n", catalog.HeadBytes)+"\x00", time.Now())
		time.Sleep(scanEvery)
		s.tell(pid, &fingerprint{file: expect[*listing](owner).files[1]})
		require.True(t, expect[*fingerprinted](owner).NULs, "the end of a long file is read, too")
		time.Sleep(scanEvery)
		expect[*listing](owner)
		files.remove("a.txt")
		s.tell(pid, &fingerprint{file: got.files[0]}, &archive{file: got.files[0]})
		require.ErrorIs(t, expect[*fingerprinted](owner).Err, messages.ErrFileChanged)
		expect[*archived](owner)
	})
}

// A term that loses an actor which must not end begins again from the
// store, under a new term.
func TestFailedDispatcherBeginsANewTerm(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		h.read()
		var wrong *adopt // cannot happen: makes the dispatcher panic
		w.sys.sys.Root.Send(w.find("dispatcher"), wrong)
		time.Sleep(10 * time.Second)
		require.Equal(t, uint64(2), w.overview().Term)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(20), f.DoneItems)
		require.Zero(t, f.Duplicates)
	})
}

func TestMasterGivesUpWhenItsPersistenceFails(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var wrong *beginTerm
		w.sys.sys.Root.Send(w.find("persistence"), wrong)
		time.Sleep(10 * time.Second)
		select {
		case <-w.sys.Done():
		default:
			t.Error("the master goes on without persistence")
		}
		_, err := w.sys.Ask(t.Context(), messages.QueryBatchSize{})
		require.ErrorIs(t, err, messages.ErrUnavailable)
		w.start()
	})
}

func TestAskWithoutALeaderIsUnavailable(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.store.SetDown(errors.New("away"))
		time.Sleep(2 * leaseTTL)
		_, err := w.sys.Ask(t.Context(), messages.QueryWorkers{})
		require.ErrorIs(t, err, messages.ErrUnavailable)
		o := w.overview()
		require.Equal(t, "standby", o.Role)
		require.Equal(t, "state", o.Problems[0].Part)
		w.store.SetDown(nil)
		time.Sleep(2 * leaseTTL)
		require.Equal(t, "leader", w.overview().Role)
	})
}

func TestSettingsOutOfRangeChangeNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, n := range []int{0, -1, messages.MaxBatchSize + 1} {
			_, err := w.sys.Ask(t.Context(), messages.SetBatchSize{Items: n})
			require.ErrorIs(t, err, messages.ErrRange)
		}
		require.Equal(t, 2, w.ask(messages.QueryBatchSize{}))
	})
}
