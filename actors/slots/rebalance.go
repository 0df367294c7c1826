package slots

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// hangFor is how long a rebalance may last while nobody works: workers hear of it by
	// their heartbeats, every 3 s.
	hangFor = 6 * time.Second
	// evictEvery is the pause between two evictions for a rebalance that hangs: the broker
	// ends it as soon as the last member that it waits for is gone.
	evictEvery = 200 * time.Millisecond
)

// Rebalance is what is known of a rebalance of the classic workers' group. Its methods
// return new values: an older one may still be in use.
type Rebalance struct {
	had     map[string][]int32   // partitions of the members when the group was Stable last
	since   time.Time            // when it began, zero while the group is at rest
	seen    map[string]time.Time // its members, and when they were first seen in it
	old     bool                 // some of them had partitions before it
	evicted time.Time            // when a member was last evicted
}

// Observe takes the state of the group. It returns the group with the partitions that its
// members had before: brokers up to 3.9 do not report them during a rebalance.
func (r Rebalance) Observe(group messages.GroupState, now time.Time) (Rebalance, messages.GroupState) {
	if group.State == messages.GroupStable {
		had := map[string][]int32{}
		for _, x := range group.Members {
			had[x.ID] = x.Partitions
		}
		return Rebalance{had: had}, group
	}
	if len(group.Members) == 0 {
		return Rebalance{had: r.had}, group
	}
	group.Members = slices.Clone(group.Members)
	for i, x := range group.Members {
		if len(x.Partitions) == 0 {
			group.Members[i].Partitions = r.had[x.ID]
		}
	}
	if r.since.IsZero() {
		r.since = now
	}
	seen := map[string]time.Time{}
	for _, x := range group.Members {
		seen[x.ID] = now
		if at, ok := r.seen[x.ID]; ok {
			seen[x.ID] = at
		}
		r.old = r.old || len(x.Partitions) > 0
	}
	r.seen = seen
	return r, group
}

// Evict lists the members to evict: those of lost workers, which would hold up everybody's
// rebalance until their session ends; without any of these, one that a rebalance seems to
// wait for. lost and alive are lists of partitions of workers, working is how many workers
// show progress.
func (r Rebalance) Evict(group messages.GroupState, lost, alive [][]int32, working int, now time.Time) (out []messages.GroupMember) {
	for _, x := range group.Members {
		if list := slices.Sorted(slices.Values(x.Partitions)); len(list) > 0 && contains(lost, list) {
			out = append(out, x)
		}
	}
	if len(out) > 0 {
		return out
	}
	return r.suspect(group, alive, working, now)
}

// Evicted notes that a member was evicted.
func (r Rebalance) Evicted(now time.Time) Rebalance {
	r.evicted = now
	return r
}

// suspect returns the member that a rebalance seems to wait for. While nobody works every
// live member has joined the rebalance within hangFor, so one of those that are in it for
// longer is dead. Which one cannot be seen: those whose partitions no worker that seems
// alive has announced come first, then those with partitions, then those that only joined.
// A live one that is evicted by mistake comes back at once, as a new member. A group that
// just forms has no dead ones to look for: it waits for group.initial.rebalance.delay.ms.
func (r Rebalance) suspect(group messages.GroupState, alive [][]int32, working int, now time.Time) (out []messages.GroupMember) {
	if r.since.IsZero() || !r.old || now.Sub(r.since) < hangFor || working > 0 || now.Sub(r.evicted) < evictEvery {
		return nil
	}
	rank := func(m messages.GroupMember) int {
		switch list := slices.Sorted(slices.Values(m.Partitions)); {
		case len(list) == 0:
			return 2
		case contains(alive, list):
			return 1
		}
		return 0
	}
	for _, x := range group.Members {
		if now.Sub(r.seen[x.ID]) >= hangFor && (out == nil || rank(x) < rank(out[0])) {
			out = []messages.GroupMember{x}
		}
	}
	return out
}

func contains(lists [][]int32, list []int32) bool {
	return slices.ContainsFunc(lists, func(l []int32) bool { return slices.Equal(l, list) })
}
