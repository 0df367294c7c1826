package actors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// Two classic workers share the partitions in another way, and the older announcement of one
// is read behind the newer one of the other.
func TestOutdatedAnnouncementDoesNotTakePartitionsForGood(t *testing.T) {
	t.Parallel()
	native := messages.Worker{ID: "n", Kind: messages.Native, Partitions: []int32{2}, Capacity: 1}
	stageFleet(t, []messages.Worker{native}, nil, func(b *fleetBundle) {
		b.tell(b.fleet, &slots.Group{Stable: false, Note: "its group rebalances"})
		b.hear(classicNew("a", 2, 3))
		b.hear(classicNew("b", 0, 1, 2, 3)) // sent before, read later
		require.Empty(t, b.status("a").Partitions)
		b.tell(b.fleet, &slots.Group{Stable: true, Settled: true, Lists: [][]int32{{0, 1}, {2, 3}}, Committed: make([]int64, 8)})
		b.hear(classicNew("b", 0, 1))
		require.Equal(t, messages.WorkerFree, b.status("a").State)
		require.Equal(t, []int32{2, 3}, b.status("a").Partitions)
		require.Equal(t, []int32{0, 1}, b.status("b").Partitions)
		b.hear(classicNew("c", 3))
		require.Empty(t, b.status("a").Partitions, "a later claim counts as before")
		require.Equal(t, []int32{2}, b.status("n").Partitions, "native workers share partitions with others")
	})
}

// A classic worker whose supervisor failed is idle soon and sends nothing then, even if
// the supervisor was started a moment ago.
func TestClassicWorkerOutlivesItsSupervisor(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.tell(b.fleet, &slots.Group{Stable: true, Settled: true, Lists: [][]int32{{2}}, Committed: make([]int64, 8)})
		b.hear(classicNew("a", 2))
		first := expect[*offer](b.dispatcher)
		b.tell(first.pid, (*setWorker)(nil)) // makes it panic
		again := expect[*offer](b.dispatcher)
		require.NotEqual(t, first.pid.Id, again.pid.Id)
		require.Equal(t, messages.WorkerFree, b.status("a").State)
		b.tell(again.pid, (*setWorker)(nil)) // a replacement that fails at once is not replaced
		require.Equal(t, messages.WorkerGone, b.status("a").State)
		b.forgive()
	})
}
