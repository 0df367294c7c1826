package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

func (b *fleetBundle) workers() []messages.WorkerStatus {
	x, err := b.root.RequestFuture(b.fleet, &askWorkers{}, time.Second).Result()
	require.NoError(b.t, err)
	return x.(*workerList).list
}

// problems are those that the fleet publishes.
func (b *fleetBundle) problems() []messages.Problem {
	b.view.clear()
	b.tell(b.fleet, &glance{number: 1})
	return expect[*published](b.view).problems
}

func (b *fleetBundle) kinds() (out []messages.ProblemKind) {
	for _, p := range b.problems() {
		out = append(out, p.Kind)
	}
	return out
}

func (b *fleetBundle) flood(n int, forge func(i int) messages.Signal) {
	var list []messages.Signal
	for i := range n {
		list = append(list, forge(i))
	}
	b.hear(list...)
}

// members shows a Stable group with a member for each list.
func (b *fleetBundle) members(lists ...[]int32) {
	b.tell(b.fleet, &slots.Group{Stable: true, Settled: true, Lists: lists, Committed: make([]int64, 8)})
}

// A flood of invented ids is bounded and shown, and does not lock a real worker out:
// neither one that was there nor one that comes during it.
func TestInventedWorkersLockNobodyOut(t *testing.T) {
	t.Parallel()
	const most, flood = 50, 2000
	for name, forge := range map[string]func(i int) messages.Signal{
		"classic without partitions": func(i int) messages.Signal { return classicNew(fmt.Sprint("forged-", i)) },
		"classic":                    func(i int) messages.Signal { return classicNew(fmt.Sprint("forged-", i), int32(3+i%5)) },
		"native":                     func(i int) messages.Signal { return beatOf(fmt.Sprint("forged-", i), 1, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleetOf(t, most, nil, nil, func(b *fleetBundle) {
				b.hear(classicNew("before", 1))
				b.members([]int32{1})
				b.flood(flood, forge)
				b.hear(classicNew("during", 2))
				b.flood(flood, forge)
				require.LessOrEqual(t, len(b.workers()), most+maxLeaving+2)
				require.Contains(t, b.kinds(), messages.ProblemLimit)
				b.members([]int32{1}, []int32{2})
				time.Sleep(slots.LostAfter + time.Second)
				require.Equal(t, messages.WorkerFree, b.status("before").State)
				require.Equal(t, messages.WorkerFree, b.status("during").State)
				b.hear(announce("native", 7, 1))
				require.Equal(t, messages.WorkerFree, b.status("native").State)
				b.members([]int32{1}, []int32{2})
				time.Sleep(2*slots.ForgetAfter + 2*sweepEvery)
				b.hear(beatOf("native", 1, 0))
				require.LessOrEqual(t, len(b.workers()), 3, "what nothing speaks for is forgotten")
				require.NotContains(t, b.kinds(), messages.ProblemLimit, "the flood is over")
				b.forgive()
			})
		})
	}
}

// A worker that was seen working is no stranger, however silent it is.
func TestWorkersThatWorkedAreKept(t *testing.T) {
	t.Parallel()
	stageFleetOf(t, 5, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("real", 1))
		b.members([]int32{1})
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 0})
		b.hear(progress("real", a.BatchID, 1, 2))
		b.tell(o.pid, &judged{batchID: a.BatchID, verdict: ledger.VerdictDone})
		b.tell(b.fleet, &slots.Group{Note: "rebalancing"})
		b.flood(500, func(i int) messages.Signal { return classicNew(fmt.Sprint("forged-", i)) })
		require.Equal(t, messages.WorkerAnnounced, b.status("real").State)
		require.NotEmpty(t, b.status("real").Partitions)
	})
}

// As many workers without partitions are kept as the group has such members.
func TestIdleMembersWithoutPartitionsAreKept(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("a"))
		time.Sleep(time.Second)
		b.hear(classicNew("b"), classicNew("c", 1))
		b.members(nil, []int32{1})
		time.Sleep(slots.ForgetAfter + 2*sweepEvery)
		require.Equal(t, messages.WorkerGone, b.status("a").State, "the group has one such member")
		require.Equal(t, messages.WorkerAnnounced, b.status("b").State)
		require.Equal(t, messages.WorkerFree, b.status("c").State)
	})
}

func TestListsAreNoLongerThanTheTopic(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("long", make([]int32, shortList+1)...), classicNew("short", make([]int32, shortList)...))
		require.Equal(t, messages.WorkerGone, b.status("long").State)
		require.Equal(t, messages.WorkerAnnounced, b.status("short").State)
		p := b.problems()
		require.Equal(t, messages.ProblemLimit, p[0].Kind)
		require.Contains(t, p[0].Text, `"long"`)
		b.tell(b.fleet, &partitionCount{n: 1000})
		b.hear(classicNew("long", make([]int32, shortList+1)...))
		require.Equal(t, messages.WorkerAnnounced, b.status("long").State)
	})
}

// What a restart finds is bounded in the same way: those with chunks first, then
// those that were heard last.
func TestRestoredStrangersAreBounded(t *testing.T) {
	t.Parallel()
	var restore []messages.Worker
	for i := range 20 {
		restore = append(restore, messages.Worker{ID: messages.WorkerID(fmt.Sprint("w", i)), Seen: time.Unix(int64(i), 0)})
	}
	held := map[messages.WorkerID][]holding{"w0": {{Assignment: ledger.Assignment{Worker: "w0", BatchID: "f1_chunk_0"}}}}
	stageFleetOf(t, 5, restore, held, func(b *fleetBundle) {
		var ids []messages.WorkerID
		for _, w := range b.workers() {
			ids = append(ids, w.ID)
		}
		require.Equal(t, []messages.WorkerID{"w0", "w15", "w16", "w17", "w18", "w19"}, ids)
		require.Len(t, expect[*write](b.persistence).batch.DropWorkers, 14)
	})
}

// Reading a fetch, and telling who loses a partition, costs no more than its size.
func TestFloodsCostWhatTheyAreLong(t *testing.T) {
	t.Parallel()
	const n = 200_000
	var list []messages.Signal
	for i := range n {
		list = append(list, progress(fmt.Sprint("a", i), "b", 0, 1))
	}
	for i := range n {
		list = append(list, messages.Signal{Kind: messages.SignalDone, Worker: messages.WorkerID(fmt.Sprint("z", i))})
	}
	began := time.Now()
	require.Len(t, coalesce(list), 2*n)
	long, other := make([]int32, n), make([]int32, n)
	for i := range n {
		long[i], other[i] = int32(i), int32(n+i)
	}
	s := &supervisor{known: messages.Worker{Partitions: long}}
	s.onRevoke(nil, &revoke{partitions: other})
	require.NotEmpty(t, s.known.Partitions)
	require.Less(t, time.Since(began), 20*time.Second, "quadratic: this took minutes")
}

// A classic worker takes the id of a native one that was killed a moment ago. It
// announces itself once, while the native one still counts as alive.
func TestAClassicWorkerTakesTheIDOfANativeOne(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		time.Sleep(2 * time.Second)
		b.members([]int32{3})
		b.hear(classicNew("w", 3))
		require.Equal(t, messages.Native, b.status("w").Kind, "anybody could have sent that")
		time.Sleep(slots.LostAfter + 2*sweepEvery)
		require.Equal(t, messages.Classic, b.status("w").Kind)
		require.Equal(t, messages.WorkerFree, b.status("w").State)
	})
}
