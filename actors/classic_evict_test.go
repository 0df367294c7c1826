package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// hangBench plays a group that rebalances.
type hangBench struct {
	t       *testing.T
	now     time.Time
	h       hang
	group   messages.GroupState
	workers classicWorkers
}

func newHangBench(t *testing.T, members ...messages.GroupMember) *hangBench {
	return &hangBench{
		t: t, now: time.Unix(1e9, 0), workers: classicWorkers{count: 2, lists: [][]int32{{0}, {1}}},
		group: messages.GroupState{Name: "g", State: "PreparingRebalance", Members: members},
	}
}

// pass lets time go by, looking every 100 ms, and evicts as the actor does.
func (b *hangBench) pass(d time.Duration) (evicted []string) {
	for end := b.now.Add(d); b.now.Before(end); b.now = b.now.Add(groupEvery) {
		b.h = b.h.note(b.group, b.now)
		x := b.h.suspect(b.group, b.workers, b.now)
		if x == nil {
			continue
		}
		evicted = append(evicted, x.ID)
		var kept []messages.GroupMember
		for _, m := range b.group.Members {
			if m.ID != x.ID {
				kept = append(kept, m)
			}
		}
		b.group.Members, b.h.last = kept, b.now
	}
	return evicted
}

func TestHangingRebalanceLosesItsDeadMembersOneByOne(t *testing.T) {
	t.Parallel()
	b := newHangBench(t, messages.GroupMember{ID: "joiner"}, messages.GroupMember{ID: "live", Partitions: []int32{1}}, messages.GroupMember{ID: "dead", Partitions: []int32{2, 3}})
	require.Empty(t, b.pass(hangFor))
	require.Equal(t, []string{"dead"}, b.pass(evictEvery), "one that no worker which seems alive announced")
	require.Equal(t, []string{"live"}, b.pass(evictEvery))
	b.group.Members = append(b.group.Members, messages.GroupMember{ID: "live again"})
	require.Equal(t, []string{"joiner"}, b.pass(hangFor), "one that came back has the time to be heard of")
	require.Equal(t, []string{"live again"}, b.pass(evictEvery))
}

// Brokers up to 3.9 tell no partitions while a group rebalances.
func TestMembersOfARebalanceAreRecalled(t *testing.T) {
	t.Parallel()
	var m groupMemory
	group := messages.GroupState{State: messages.GroupStable, Members: []messages.GroupMember{{ID: "a", Partitions: []int32{1}}, {ID: "b"}}}
	m.recall(&group)
	told := []messages.GroupMember{{ID: "a"}, {ID: "b"}, {ID: "joiner"}}
	group = messages.GroupState{State: "PreparingRebalance", Members: told}
	m.recall(&group)
	require.Equal(t, []messages.GroupMember{{ID: "a", Partitions: []int32{1}}, {ID: "b"}, {ID: "joiner"}}, group.Members)
	require.Empty(t, told[0].Partitions, "what the driver returned stays")
}

func TestRebalanceThatEndsLosesNobody(t *testing.T) {
	t.Parallel()
	b := newHangBench(t, messages.GroupMember{ID: "a", Partitions: []int32{0}}, messages.GroupMember{ID: "b", Partitions: []int32{2}})
	require.Empty(t, b.pass(hangFor))
	b.group.State = messages.GroupStable
	require.Empty(t, b.pass(time.Minute))
	b.group.State = "PreparingRebalance"
	require.Empty(t, b.pass(hangFor), "another one: it has its own time")
}

func TestNobodyIsEvictedWhileAWorkerWorks(t *testing.T) {
	t.Parallel()
	b := newHangBench(t, messages.GroupMember{ID: "a", Partitions: []int32{0}}, messages.GroupMember{ID: "b", Partitions: []int32{2}})
	b.workers.working = 1
	require.Empty(t, b.pass(time.Minute))
}

// Nobody is dead in a group that just forms: the broker waits for more to join.
func TestFormingGroupLosesNobody(t *testing.T) {
	t.Parallel()
	b := newHangBench(t, messages.GroupMember{ID: "a"}, messages.GroupMember{ID: "b"})
	require.Empty(t, b.pass(time.Minute))
}
