package actors

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// electorBundle is an elector on a store, with the persistence that it asks.
type electorBundle struct {
	*stage
	memory      *infratest.MemoryStore
	store       *faultyStore
	bus         *memBus
	pid         *actor.PID
	persistence *actor.PID
	owner       *probe
	egress      *probe
}

func stageElector(t *testing.T, f func(b *electorBundle)) {
	onStage(t, func(s *stage) {
		memory := infratest.NewMemoryStore()
		b := &electorBundle{stage: s, memory: memory, store: newFaultyStore(memory), bus: newMemBus(), egress: s.probe("egress")}
		b.owner = s.probe("owner")
		b.persistence, _ = s.spawn("persistence", func() actor.Actor { return newPersistence(b.store, s.log, b.owner.pid) })
		b.pid, _ = s.spawn("elector", func() actor.Actor { return b.elector("m", b.owner) })
		f(b)
	})
}

func (b *electorBundle) elector(master string, owner *probe) actor.Actor {
	return b.electorOn(b.store, master, owner)
}

func (b *electorBundle) electorOn(lease Lease, master string, owner *probe) actor.Actor {
	return newElector(electorDeps{
		cfg: Config{MasterID: master, API: master + ":1", HeartbeatTopic: "masters"}, lease: lease, bus: b.bus, log: b.log,
		owner: owner.pid, persistence: b.persistence, egress: b.egress.pid,
	})
}

// first waits out the time that an empty store is left alone, and loads.
func (b *electorBundle) first() messages.Term {
	b.t.Helper()
	time.Sleep(emptyWait + time.Second)
	return b.begin()
}

// begin does what a term does when its master was elected.
func (b *electorBundle) begin() messages.Term {
	b.t.Helper()
	term := expect[*elected](b.owner).term
	snap, err := b.store.Load(b.t.Context(), term)
	require.NoError(b.t, err)
	b.tell(b.persistence, &beginTerm{term: term, snap: snap})
	return term
}

func (b *electorBundle) write(term messages.Term, value string) {
	b.tell(b.persistence, &write{term: term, batch: messages.Batch{Values: []messages.Value{{Name: "n", Value: value}}}})
}

func TestElectorLeadsAndRenews(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		require.Equal(t, uint64(1), b.first().Number)
		time.Sleep(10 * leaseTTL)
		expectNone[*deposed](b.owner)
		for range 3 * leaseTTL / renewEvery {
			require.True(t, expect[*trustTerm](b.egress).until.After(time.Now().Add(-11*leaseTTL)))
		}
	})
}

func TestElectorStepsDownBeforeItsLeaseCanEnd(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.first()
		b.store.SetDown(errors.New("away"))
		time.Sleep(leaseTTL)
		expect[*deposed](b.owner)
		b.store.SetDown(nil)
		time.Sleep(2 * leaseTTL)
		require.Equal(t, uint64(2), expect[*elected](b.owner).term.Number)
	})
}

func TestElectorGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.first()
		b.root.RequestWithCustomSender(b.pid, &release{}, b.owner.pid)
		expect[*release](b.owner)
		got, err := b.store.Acquire(t.Context(), messages.Claim{Holder: "other"}, leaseTTL)
		require.NoError(t, err)
		require.True(t, got.Taken)
		time.Sleep(time.Minute)
		expectNone[*elected](b.owner)
	})
}

func TestElectorTakesAnotherTermWhenAsked(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		first := b.first()
		b.tell(b.pid, &stepDown{term: messages.Term{Number: 99}})
		time.Sleep(time.Second)
		expectNone[*elected](b.owner)
		b.tell(b.pid, &stepDown{term: first})
		time.Sleep(time.Second)
		require.Equal(t, first.Number+1, expect[*elected](b.owner).term.Number)
	})
}

func TestStandbyTakesOverWhenTheLeaderStops(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.first()
		other := b.probe("other")
		b.spawn("standby", func() actor.Actor { return b.elector("n", other) })
		require.Equal(t, messages.Leader{MasterID: "m", API: "m:1"}, expect[*standing](other).leader)
		b.root.RequestWithCustomSender(b.pid, &release{}, b.owner.pid)
		time.Sleep(watchEvery + 10*time.Millisecond)
		require.Equal(t, uint64(2), expect[*elected](other).term.Number)
	})
}

// A leader that ends without a release is followed when its lease ends, not one try
// later.
func TestStandbyTakesOverWhenTheLeaseEnds(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		got, err := b.store.Acquire(t.Context(), messages.Claim{Holder: "x", Init: true}, 650*time.Millisecond)
		require.NoError(t, err)
		require.True(t, got.Taken)
		time.Sleep(655 * time.Millisecond)
		require.Equal(t, uint64(2), expect[*elected](b.owner).term.Number)
	})
}

func TestLostCommitsEndTheTerm(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		term := b.first()
		b.memory.KeepPast()
		for _, v := range []string{"1", "2", "3"} {
			b.write(term, v)
		}
		b.memory.Rewind(2)
		time.Sleep(renewEvery)
		expect[*deposed](b.owner)
		time.Sleep(renewEvery)
		require.Equal(t, term.Number+1, b.begin().Number)
		require.Equal(t, "2", b.memory.Snapshot().Values["n"])
	})
}

// The leader restores its state, whichever master acquires the lease then.
func TestEmptiedStoreIsFilledAgain(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		term := b.first()
		b.write(term, "kept")
		other := b.probe("other")
		b.spawn("standby", func() actor.Actor { return b.elector("n", other) })
		b.memory.Wipe()
		time.Sleep(2 * renewEvery)
		require.Equal(t, "kept", b.memory.Snapshot().Values["n"])
		expect[*deposed](b.owner)
		b.write(term, "late") // of a term that has ended
		require.Equal(t, "kept", b.memory.Snapshot().Values["n"])
	})
}

// A former leader restores its state, too, as long as no other master has led since.
func TestEmptiedStoreIsFilledAgainAfterItWasAway(t *testing.T) {
	t.Parallel()
	for name, led := range map[string]bool{"nobody led since": false, "another master led since": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageElector(t, func(b *electorBundle) {
				b.write(b.first(), "kept")
				if led {
					b.memory.Depose()
					_, err := b.memory.Acquire(t.Context(), messages.Claim{Holder: "x"}, leaseTTL)
					require.NoError(t, err)
					time.Sleep(leaseTTL / 2)
				}
				b.store.SetDown(errors.New("away"))
				time.Sleep(leaseTTL)
				expect[*deposed](b.owner)
				b.memory.Wipe()
				b.store.SetDown(nil)
				time.Sleep(emptyWait + leaseTTL)
				b.begin()
				if led {
					require.Empty(t, b.memory.Snapshot().Values)
				} else {
					require.Equal(t, "kept", b.memory.Snapshot().Values["n"])
				}
			})
		})
	}
}

func TestEqualMasterIDsEndTheLaterOne(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.first()
		twin := b.probe("twin")
		b.spawn("twin-elector", func() actor.Actor { return b.elector("m", twin) })
		time.Sleep(namesakeWait / 2)
		expectNone[*namesake](twin)
		time.Sleep(namesakeWait)
		expect[*namesake](twin)
		expectNone[*namesake](b.owner)
	})
}

// A master that was killed and started again is no namesake of itself.
func TestAMasterIDIsFreeSoonAfterItsProcessEnded(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		mine, err := b.store.Present(t.Context(), "killed", "before", leaseTTL)
		require.NoError(t, err)
		require.True(t, mine)
		again := b.probe("again")
		b.spawn("again-elector", func() actor.Actor { return b.elector("killed", again) })
		time.Sleep(time.Minute)
		expectNone[*namesake](again)
	})
}

// lateAnswers are answers to Present that the process reads only after it was
// suspended.
type lateAnswers struct {
	Lease
	calls atomic.Int32
}

func (l *lateAnswers) Present(ctx context.Context, master, process string, ttl time.Duration) (bool, error) {
	mine, err := l.Lease.Present(context.WithoutCancel(ctx), master, process, ttl)
	if l.calls.Add(1) == 2 {
		time.Sleep(2 * namesakeWait)
	}
	return mine, err
}

// Neither is one that was suspended in the time in which its former process still had
// the id.
func TestASuspendedMasterIsNoNamesakeOfItself(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		_, err := b.store.Present(t.Context(), "killed", "before", leaseTTL)
		require.NoError(t, err)
		again := b.probe("again")
		b.spawn("again-elector", func() actor.Actor {
			return b.electorOn(&lateAnswers{Lease: b.store}, "killed", again)
		})
		time.Sleep(time.Minute)
		expectNone[*namesake](again)
	})
}

// While a state is restored, however long that takes, no master begins an empty one.
func TestNobodyBeginsAStateWhileOneIsPutBack(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.write(b.first(), "kept")
		forgetful, _ := b.spawn("persistence-2", func() actor.Actor { return newPersistence(b.store, b.log, b.owner.pid) })
		second := b.probe("second")
		b.spawn("second-elector", func() actor.Actor {
			return newElector(electorDeps{
				cfg: Config{MasterID: "m2", HeartbeatTopic: "masters"}, lease: b.store, bus: b.bus, log: b.log,
				owner: second.pid, persistence: forgetful, egress: b.egress.pid,
			})
		})
		time.Sleep(time.Second)
		pause := b.memory.HoldRestore()
		b.memory.Wipe()
		time.Sleep(50 * time.Second)
		expectNone[*elected](second)
		expect[*deposed](b.owner)
		expectNone[*elected](b.owner)
		pause.End()
		time.Sleep(20 * time.Second)
		require.Equal(t, "kept", b.memory.Snapshot().Values["n"])
	})
}

// A restore that is refused is a problem that lasts, and ends with its cause.
func TestARefusedRestoreIsToldAndRepeated(t *testing.T) {
	t.Parallel()
	stageElector(t, func(b *electorBundle) {
		b.first()
		time.Sleep(time.Second)
		b.store.RefuseRestore(errors.New("OOM command not allowed"))
		b.memory.Wipe()
		time.Sleep(2 * time.Second)
		expect[*deposed](b.owner)
		require.ErrorContains(t, expect[*storeState](b.owner).err, "OOM")
		time.Sleep(10 * time.Second)
		expectNone[*storeState](b.owner)
		b.store.RefuseRestore(nil)
		time.Sleep(10 * time.Second)
		require.NoError(t, expect[*storeState](b.owner).err)
		expect[*elected](b.owner)
	})
}
