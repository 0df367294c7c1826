package actors

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// strangeElector is a second master with settings or a folder of its own, beside
// one that leads with a file of 10 bytes in /in.
func strangeElector(b *electorBundle, cfg Config, files Files) (*probe, *actor.PID) {
	owner, pid := secondElector(b, cfg, files, func() {})
	time.Sleep(doubtFor + 5*time.Second)
	return owner, pid
}

// secondElector starts such a master after something happened to the first.
func secondElector(b *electorBundle, cfg Config, files Files, happens func()) (*probe, *actor.PID) {
	own := Config{Input: "/in", ChunkTopic: "c"}.identity()
	b.first()
	b.tell(b.persistence, &write{term: b.term(), batch: messages.Batch{Values: []messages.Value{
		{Name: messages.ValueIdentity, Value: encoded(own)}, {Name: messages.ValueDeployment, Value: "d1"},
		{Name: messages.ValueSample, Value: encoded([]seenFile{{"a.txt", 10}, {"b.txt", 20}})},
	}}})
	time.Sleep(time.Second)
	synctest.Wait() // a renewal that is due at this instant has its answer
	happens()
	cfg.MasterID, cfg.HeartbeatTopic = "m2", own.Topics[3]
	owner := b.probe("second")
	forgetful, _ := b.spawn("persistence-2", func() actor.Actor { return newPersistence(b.store, b.log, owner.pid) })
	_, _ = b.bus.Ensure(b.t.Context(), []messages.TopicSpec{{Name: "", Partitions: 1}})
	pid, _ := b.spawn("second-elector", func() actor.Actor {
		return newElector(electorDeps{
			cfg: cfg, lease: b.store, bus: b.bus, files: files, log: b.log,
			owner: owner.pid, persistence: forgetful, egress: b.egress.pid,
		})
	})
	return owner, pid
}

// term is the one that the first master leads.
func (b *electorBundle) term() messages.Term {
	s, err := b.memory.Acquire(b.t.Context(), messages.Claim{Holder: "nobody"}, leaseTTL)
	require.NoError(b.t, err)
	require.False(b.t, s.Taken)
	return s.Term
}

func folderOf(sizes map[string]int) *memFiles {
	f := &memFiles{}
	for path, size := range sizes {
		f.put(path, strings.Repeat("x", size), time.Time{})
	}
	return f
}

// A second master that works on something else reports it and never takes over.
func TestAStrangerDoesNotTakeOver(t *testing.T) {
	t.Parallel()
	own := folderOf(map[string]int{"a.txt": 10})
	for name, x := range map[string]struct {
		cfg   Config
		files Files
	}{
		"other topics":                   {Config{Input: "/in", ChunkTopic: "other"}, own},
		"other folder, cannot be listed": {Config{Input: "/other", ChunkTopic: "c"}, nil},
		"other files":                    {Config{Input: "/in", ChunkTopic: "c"}, folderOf(map[string]int{"x.txt": 10})},
		"other size":                     {Config{Input: "/in", ChunkTopic: "c"}, folderOf(map[string]int{"a.txt": 11})},
		"no files":                       {Config{Input: "/in", ChunkTopic: "c"}, folderOf(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageElector(t, func(b *electorBundle) {
				owner, _ := strangeElector(b, x.cfg, x.files)
				require.NotEmpty(t, expect[*estranged](owner).text)
				b.root.RequestWithCustomSender(b.pid, &release{}, b.owner.pid)
				time.Sleep(time.Minute)
				expectNone[*elected](owner)
			})
		})
	}
}

// Masters of one folder belong together, by whatever path they reach it.
func TestOneFolderByTwoPaths(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		cfg   Config
		files Files
	}{
		"same path":                      {Config{Input: "/in", ChunkTopic: "c"}, folderOf(map[string]int{"b.txt": 20, "new": 1})},
		"other path":                     {Config{Input: "//nas/in", ChunkTopic: "c"}, folderOf(map[string]int{"a.txt": 10})},
		"same path, that cannot be read": {Config{Input: "/in", ChunkTopic: "c"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageElector(t, func(b *electorBundle) {
				owner, pid := strangeElector(b, x.cfg, x.files)
				require.Empty(t, expect[*estranged](owner).text)
				b.root.RequestWithCustomSender(b.pid, &release{}, b.owner.pid)
				time.Sleep(2 * time.Second)
				expect[*elected](owner)
				_ = pid
			})
		})
	}
}

// A store that does not answer for a while makes no master a stranger.
func TestKinshipOutlivesAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		owner, _ := strangeElector(b, Config{Input: "/in", ChunkTopic: "c"}, folderOf(map[string]int{"a.txt": 10}))
		require.Empty(t, expect[*estranged](owner).text)
		b.store.SetDown(errors.New("away"))
		time.Sleep(time.Minute)
		b.store.SetDown(nil)
		time.Sleep(20 * time.Second)
		expectNone[*estranged](owner)
	})
}

// The leader stores what a standby compares itself with, and masters send the id
// of their state.
func TestTheLeaderSaysWhatItWorksOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 4)
		time.Sleep(3 * scanEvery)
		values := w.memory.Snapshot().Values
		require.Equal(t, encoded(w.cfg.identity()), values[messages.ValueIdentity])
		require.Contains(t, values[messages.ValueSample], "a.txt")
		w.bus.mu.Lock()
		defer w.bus.mu.Unlock()
		log := w.bus.logs[place{w.cfg.HeartbeatTopic, 0}]
		require.Contains(t, string(log[len(log)-1]), values[messages.ValueDeployment])
	})
}

// A master that was killed and comes back within its lease stands by for itself: it
// leads again, whatever became of the files meanwhile.
func TestAMasterThatWasKilledLeadsAgain(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string]map[string]int{
		"files went": nil, "other files came": {"new.txt": 3}, "same files": {"a.txt": 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageElector(t, func(b *electorBundle) {
				owner, _ := secondElector(b, Config{Input: "/in", ChunkTopic: "c"}, folderOf(sizes), func() { b.root.Stop(b.pid) })
				time.Sleep(leaseTTL + time.Second)
				expect[*elected](owner)
			})
		})
	}
}

// A standby that saw the leader's files still belongs to it when the folder is empty,
// or when they went just before the leader ended.
func TestAStandbyStaysKin(t *testing.T) {
	t.Parallel()
	for name, sample := range map[string]string{"empty folder": "[]", "they went at the end": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageElector(t, func(b *electorBundle) {
				files := folderOf(map[string]int{"a.txt": 10})
				owner, _ := strangeElector(b, Config{Input: "//nas/in", ChunkTopic: "c"}, files)
				require.Empty(t, expect[*estranged](owner).text)
				files.remove("a.txt")
				if sample != "" {
					b.tell(b.persistence, &write{term: b.term(), batch: messages.Batch{Values: []messages.Value{{Name: messages.ValueSample, Value: sample}}}})
					time.Sleep(time.Minute)
				} else {
					synctest.Wait() // see secondElector
					b.root.Stop(b.pid)
				}
				time.Sleep(time.Second)
				if sample != "" {
					b.root.RequestWithCustomSender(b.pid, &release{}, b.owner.pid)
				}
				time.Sleep(time.Minute)
				expectNone[*estranged](owner)
				expect[*elected](owner)
			})
		})
	}
}

// The files that standbys look for are those of the present folder, also when there
// are none any more.
func TestTheSampleFollowsTheFolder(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 4)
		time.Sleep(3 * scanEvery)
		require.Contains(t, w.memory.Snapshot().Values[messages.ValueSample], "a.txt")
		w.files.remove("a.txt")
		time.Sleep(catalog.EmptyFor + 3*scanEvery)
		require.Equal(t, "[]", w.memory.Snapshot().Values[messages.ValueSample])
	})
}
