package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

type persistenceBundle struct {
	*stage
	store *faultyStore
	term  messages.Term
	pid   *actor.PID
	owner *probe
	asker *probe
}

func stagePersistence(t *testing.T, f func(b *persistenceBundle)) {
	onStage(t, func(s *stage) {
		b := &persistenceBundle{stage: s, store: newFaultyStore(infratest.NewMemoryStore()), owner: s.probe("owner"), asker: s.probe("asker")}
		b.term = b.lead("h")
		b.pid, _ = s.spawn("persistence", func() actor.Actor { return newPersistence(b.store, s.log, b.owner.pid) })
		s.tell(b.pid, &beginTerm{term: b.term})
		f(b)
	})
}

func (b *persistenceBundle) lead(holder string) messages.Term {
	b.t.Helper()
	got, err := b.store.Acquire(b.t.Context(), messages.Claim{Holder: holder, Init: true}, time.Minute)
	require.NoError(b.t, err)
	require.True(b.t, got.Taken)
	return got.Term
}

func (b *persistenceBundle) value(name, value, then string) *write {
	w := &write{term: b.term, batch: messages.Batch{Values: []messages.Value{{Name: name, Value: value}}}}
	if then != "" {
		w.after = []notice{{to: b.asker.pid, msg: then}}
	}
	return w
}

func (b *persistenceBundle) markAt(offset int64) *mark {
	return &mark{term: b.term, at: []messages.Position{{Topic: "t", Offset: offset}}}
}

func TestPersistenceCommitsMarksWithOtherWrites(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		for n := range int64(40) { // 4 s of work, with a mark between two writes
			b.tell(b.pid, b.markAt(n))
			time.Sleep(markDelay / 20)
			b.tell(b.pid, b.value("a", "1", ""))
			time.Sleep(markDelay / 20)
		}
		committed := b.store.Committed()
		require.Len(t, committed, 40, "no commit for a mark")
		require.Equal(t, int64(39), committed[39].Offsets[0].Offset)
	})
}

// Heartbeats of idle workers bring marks and no other writes.
func TestPersistenceCommitsMarksOfAnIdleMasterOncePerDelay(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		for n := range int64(100) {
			b.tell(b.pid, b.markAt(n))
			time.Sleep(markDelay / 10)
		}
		time.Sleep(markDelay)
		committed := b.store.Committed()
		require.Len(t, committed, 10)
		require.Equal(t, int64(99), committed[9].Offsets[0].Offset)
		time.Sleep(10 * markDelay)
		require.Len(t, b.store.Committed(), 10, "without marks there is nothing to commit")
	})
}

func TestPersistenceCommitsMarksBeforeItAnswersFlushed(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		release := b.store.BlockNext()
		b.tell(b.pid, b.value("a", "1", ""), b.markAt(7))
		b.root.RequestWithCustomSender(b.pid, &flushed{}, b.asker.pid)
		expectNone[*flushed](b.asker)
		release()
		expect[*flushed](b.asker)
		require.Equal(t, int64(7), b.store.Committed()[1].Offsets[0].Offset)
	})
}

// A partition that is made again begins with another offset than its mark.
func TestPersistenceCommitsTheNewestOfMarkAndWrite(t *testing.T) {
	t.Parallel()
	at := func(offset int64) messages.Position { return messages.Position{Topic: "t", Offset: offset} }
	var w pendingWrites
	w.addMarks([]messages.Position{at(9)})
	w.add(messages.Batch{Offsets: []messages.Position{at(0)}})
	require.Equal(t, []messages.Position{at(0)}, w.batch().Offsets)
	w.addMarks([]messages.Position{at(1)})
	require.Equal(t, []messages.Position{at(1)}, w.batch().Offsets)
}

func TestPersistenceGroupsWritesWhileACommitIsUnderWay(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		release := b.store.BlockNext()
		b.tell(b.pid, b.value("a", "1", "first"), b.value("b", "1", "second"), b.value("b", "2", "third"))
		expectNone[string](b.asker)
		release()
		require.Equal(t, "first", expect[string](b.asker))
		require.Equal(t, "second", expect[string](b.asker))
		require.Equal(t, "third", expect[string](b.asker))
		committed := b.store.Committed()
		require.Len(t, committed, 2, "the second and third write share a commit")
		require.Equal(t, []messages.Value{{Name: "b", Value: "2"}}, committed[1].Values)
		require.Equal(t, uint64(2), committed[1].Number)
	})
}

func TestPersistenceRepeatsTheSameBatch(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*faultyStore){
		"not applied": func(s *faultyStore) { s.FailNext(errors.New("away")) },
		"answer lost": func(s *faultyStore) { s.LoseNextAnswer(errors.New("away")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stagePersistence(t, func(b *persistenceBundle) {
				fail(b.store)
				b.tell(b.pid, b.value("a", "1", "done"))
				expectNone[string](b.asker)
				require.Error(t, expect[*storeState](b.owner).err)
				time.Sleep(time.Second)
				require.Equal(t, "done", expect[string](b.asker))
				require.NoError(t, expect[*storeState](b.owner).err)
				snap, err := b.store.Load(t.Context(), b.term)
				require.NoError(t, err)
				require.Equal(t, uint64(1), snap.Number, "applied once")
			})
		})
	}
}

func TestPersistenceFencedSendsNoNotice(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		release := b.store.BlockNext()
		b.tell(b.pid, b.value("a", "1", "first"), b.value("b", "1", "gathered"))
		b.store.FenceNext()
		release()
		require.Equal(t, "first", expect[string](b.asker))
		require.Equal(t, b.term, expect[*fenced](b.owner).term)
		b.tell(b.pid, b.value("c", "1", "late"))
		expectNone[string](b.asker)
		b.root.RequestWithCustomSender(b.pid, &flushed{}, b.asker.pid)
		expect[*flushed](b.asker)
	})
}

func TestPersistenceRefusesAnOlderTerm(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		old := b.value("a", "old", "old")
		require.NoError(t, b.store.Release(t.Context(), b.term))
		next := b.lead("other")
		b.tell(b.pid, &beginTerm{term: next}, old)
		expectNone[string](b.asker)
		require.Empty(t, b.store.Committed())
	})
}

func TestPersistenceFlushedAnswersAfterThePendingWrites(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		release := b.store.BlockNext()
		b.tell(b.pid, b.value("a", "1", ""), b.value("b", "1", ""))
		b.root.RequestWithCustomSender(b.pid, &flushed{}, b.asker.pid)
		expectNone[*flushed](b.asker)
		release()
		expect[*flushed](b.asker)
		require.Len(t, b.store.Committed(), 2)
	})
}
