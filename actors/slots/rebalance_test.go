package slots

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// hangBench plays a group that rebalances.
type hangBench struct {
	t       *testing.T
	now     time.Time
	r       Rebalance
	group   messages.GroupState
	working int
}

func newHangBench(t *testing.T, members ...messages.GroupMember) *hangBench {
	return &hangBench{t: t, now: time.Unix(1e9, 0), group: messages.GroupState{Name: "g", State: "PreparingRebalance", Members: members}}
}

// pass lets time go by, looking every 100 ms, and evicts as the actor does.
func (b *hangBench) pass(d time.Duration) (evicted []string) {
	for end := b.now.Add(d); b.now.Before(end); b.now = b.now.Add(100 * time.Millisecond) {
		b.r, b.group = b.r.Observe(b.group, b.now)
		for _, x := range b.r.Evict(b.group, nil, [][]int32{{0}, {1}}, b.working, b.now) {
			evicted = append(evicted, x.ID)
			b.group.Members = slices.DeleteFunc(b.group.Members, func(m messages.GroupMember) bool { return m.ID == x.ID })
			b.r = b.r.Evicted(b.now)
		}
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

// Brokers up to 3.9 report no partitions while a group rebalances.
func TestMembersOfARebalanceAreRecalled(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	r, _ := Rebalance{}.Observe(messages.GroupState{State: messages.GroupStable, Members: []messages.GroupMember{{ID: "a", Partitions: []int32{1}}, {ID: "b"}}}, now)
	reported := []messages.GroupMember{{ID: "a"}, {ID: "b"}, {ID: "joiner"}}
	_, group := r.Observe(messages.GroupState{State: "PreparingRebalance", Members: reported}, now)
	require.Equal(t, []messages.GroupMember{{ID: "a", Partitions: []int32{1}}, {ID: "b"}, {ID: "joiner"}}, group.Members)
	require.Empty(t, reported[0].Partitions, "what the driver returned stays")
}

// The members of lost workers go at once, whatever the group does.
func TestMembersOfLostWorkersAreEvicted(t *testing.T) {
	t.Parallel()
	group := messages.GroupState{State: messages.GroupStable, Members: []messages.GroupMember{{ID: "a", Partitions: []int32{2, 1}}, {ID: "b", Partitions: []int32{3}}}}
	r, group := Rebalance{}.Observe(group, time.Unix(1e9, 0))
	require.Equal(t, group.Members[:1], r.Evict(group, [][]int32{{1, 2}}, nil, 1, time.Unix(1e9, 0)))
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
	b.working = 1
	require.Empty(t, b.pass(time.Minute))
}

// Nobody is dead in a group that just forms: the broker waits for more to join.
func TestFormingGroupLosesNobody(t *testing.T) {
	t.Parallel()
	b := newHangBench(t, messages.GroupMember{ID: "a"}, messages.GroupMember{ID: "b"})
	require.Empty(t, b.pass(time.Minute))
}
