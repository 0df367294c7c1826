package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

func classicNew(id string, partitions ...int32) messages.Signal {
	return messages.Signal{Kind: messages.SignalAnnounce, Worker: messages.WorkerID(id), Partitions: partitions, Next: messages.UnknownOffset}
}

func gateOpen(lists ...[]int32) *slots.Group {
	return &slots.Group{Stable: true, Lists: lists, Committed: []int64{0, 0, 0, 0, 0, 0}}
}

func TestClassicWorkerWaitsForTheGate(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 2, 1))
		expectNone[*offer](b.dispatcher)
		b.tell(b.fleet, gateOpen([]int32{0}, []int32{1}))
		expectNone[*offer](b.dispatcher)
		b.tell(b.fleet, &slots.Group{Stable: true, Lists: [][]int32{{1, 2}}, Committed: []int64{0, -1, 0}})
		expectNone[*offer](b.dispatcher)
		require.NotEmpty(t, b.status("c").Note)
		b.tell(b.fleet, gateOpen([]int32{1, 2}))
		o := expect[*offer](b.dispatcher)
		require.Equal(t, 1, o.UpTo)
		require.Equal(t, 1, o.Ahead, "one chunk at a time")
		b.give(o, 0)
		require.Equal(t, int32(1), expect[*send](b.egress).record.Partition)
		b.tell(b.fleet, &slots.Group{Note: "rebalancing"})
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerAnnounced, b.status("c").State)
	})
}

func TestClassicWorkerWithoutPartition(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c"))
		b.tell(b.fleet, gateOpen([]int32{}))
		expectNone[*offer](b.dispatcher)
		require.Equal(t, noPartition, b.status("c").Note)
	})
}

func TestNewestAnnouncementOwnsItsPartitions(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("old", 1, 2))
		b.tell(b.fleet, gateOpen([]int32{1, 2}))
		expect[*offer](b.dispatcher)
		b.hear(classicNew("new", 1, 2))
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerID("new"), expect[*offer](b.dispatcher).Worker)
		require.Empty(t, b.status("old").Partitions)
	})
}

func TestSilentBusyClassicWorkerIsLostAfterWorkerTimeout(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 1))
		b.tell(b.fleet, gateOpen([]int32{1}))
		time.Sleep(time.Hour)
		require.Equal(t, messages.WorkerFree, b.status("c").State, "an idle classic worker sends nothing")
		o := expect[*offer](b.dispatcher)
		a := b.give(o, 0)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		time.Sleep(50 * time.Second)
		b.hear(progress("c", a.BatchID, 1, 2))
		time.Sleep(59 * time.Second)
		expectNone[*workerLost](b.dispatcher)
		time.Sleep(2 * time.Second)
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
		require.Equal(t, messages.WorkerLost, b.status("c").State)
	})
}

func TestClassicNewInMidChunk(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string]bool{"kept": false, "moved": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				b.hear(classicNew("c", 1))
				b.tell(b.fleet, gateOpen([]int32{1}, []int32{2}))
				o := expect[*offer](b.dispatcher)
				a := b.give(o, 0)
				b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
				if moved {
					b.hear(classicNew("c", 2))
				} else {
					b.hear(classicNew("c", 1))
				}
				time.Sleep(3 * time.Second)
				if moved {
					require.Equal(t, a.BatchID, expect[*giveBack](b.dispatcher).batchID)
				} else {
					expectNone[*giveBack](b.dispatcher)
				}
			})
		})
	}
}

func TestRevokedClassicWorkerIsForgotten(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("old", 1), classicNew("empty"))
		b.hear(classicNew("new", 1))
		time.Sleep(slots.ForgetAfter + time.Minute)
		require.Equal(t, messages.WorkerGone, b.status("old").State)
		require.Equal(t, messages.WorkerAnnounced, b.status("empty").State, "it may be alive, and sends nothing while idle")
		require.Equal(t, messages.WorkerAnnounced, b.status("new").State)
		b.forgive()
	})
}

// A worker that was killed in a rebalance and whose partition went to another one
// gives its chunk back, although it had no list when the group became Stable.
func TestRevokedClassicWorkerGivesItsChunkBack(t *testing.T) {
	t.Parallel()
	for name, begins := range map[string]bool{"unbegun": false, "begun": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				at := func(stable bool, lists ...[]int32) *slots.Group {
					return &slots.Group{Stable: stable, Settled: stable, Lists: lists, Committed: make([]int64, 8)}
				}
				b.tell(b.fleet, at(true, []int32{2}))
				b.hear(messages.Signal{Kind: messages.SignalAnnounce, Worker: "c", Partitions: []int32{2}})
				o := expect[*offer](b.dispatcher)
				a := b.give(o, 0)
				b.tell(o.pid, &sent{tag: a.BatchID, offset: 0})
				if begins {
					b.hear(progress("c", a.BatchID, 1, 4), progress("c", a.BatchID, 2, 4))
					b.hear(progress("c", a.BatchID, 3, 4))
				}
				b.tell(b.fleet, at(false, []int32{2}))
				b.hear(messages.Signal{Kind: messages.SignalAnnounce, Worker: "d", Partitions: []int32{2}})
				b.tell(b.fleet, at(true, []int32{2}))
				time.Sleep(2 * time.Minute)
				if begins {
					require.Equal(t, messages.WorkerID("c"), expect[*workerLost](b.dispatcher).worker)
					return
				}
				require.Equal(t, a.BatchID, expect[*giveBack](b.dispatcher).batchID)
			})
		})
	}
}
