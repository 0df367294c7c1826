package actors

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// hangFor is how long a rebalance may last while nobody works: workers hear of
	// it by their heartbeats, every 3 s.
	hangFor = 6 * time.Second
	// evictEvery is the pause between two evictions for a rebalance that hangs: the
	// broker ends it as soon as the last member that it waits for is gone.
	evictEvery = 200 * time.Millisecond
)

// hang is what is known of a rebalance that goes on.
type hang struct {
	since time.Time            // zero when the group is at rest
	seen  map[string]time.Time // its members, and when they were first seen in it
	old   bool                 // some of them had partitions before it
	last  time.Time            // when one was evicted
}

// note takes a look at the group in. It returns a new value: an older one may be
// in use still.
func (h hang) note(group messages.GroupState, now time.Time) hang {
	if group.State == messages.GroupStable || len(group.Members) == 0 {
		return hang{}
	}
	if h.since.IsZero() {
		h.since = now
	}
	seen := map[string]time.Time{}
	for _, x := range group.Members {
		seen[x.ID] = now
		if at, ok := h.seen[x.ID]; ok {
			seen[x.ID] = at
		}
		h.old = h.old || len(x.Partitions) > 0
	}
	h.seen = seen
	return h
}

// suspect returns the member to evict next, nil when there is none. While nobody
// works every live member has joined the rebalance within hangFor, so one of those
// that are in it for longer is dead. Which one does not show: those whose partitions
// no worker that seems alive has announced come first, then those with partitions,
// then those that only joined. A live one that is evicted by mistake comes back at
// once, as a new member. A group that just forms has no dead ones to look for: it
// waits for group.initial.rebalance.delay.ms.
func (h hang) suspect(group messages.GroupState, workers classicWorkers, now time.Time) *messages.GroupMember {
	if h.since.IsZero() || !h.old || now.Sub(h.since) < hangFor || workers.working > 0 || now.Sub(h.last) < evictEvery {
		return nil
	}
	rank := func(m messages.GroupMember) int {
		switch list := sorted(m.Partitions); {
		case len(list) == 0:
			return 2
		case contains(workers.lists, list):
			return 1
		}
		return 0
	}
	var out *messages.GroupMember
	for i, x := range group.Members {
		if now.Sub(h.seen[x.ID]) >= hangFor && (out == nil || rank(x) < rank(*out)) {
			out = &group.Members[i]
		}
	}
	return out
}

// recall completes the members of a group that rebalances by the partitions which
// they had before: brokers up to 3.9 do not tell them then.
func (m *groupMemory) recall(group *messages.GroupState) {
	if group.State == messages.GroupStable {
		m.had = map[string][]int32{}
		for _, x := range group.Members {
			m.had[x.ID] = x.Partitions
		}
		return
	}
	members := slices.Clone(group.Members)
	for i, x := range members {
		if len(x.Partitions) == 0 {
			members[i].Partitions = m.had[x.ID]
		}
	}
	group.Members = members
}

// evictFrom removes the members of lost workers, which would hold up everybody's
// rebalance until their session ends; and one by one those that a rebalance seems
// to hang on.
func (g *classicGroup) evictFrom(ctx context.Context, group messages.GroupState, m *groupMemory, workers classicWorkers) error {
	now := time.Now()
	m.hang = m.hang.note(group, now)
	var out []messages.GroupMember
	for _, x := range group.Members {
		if list := sorted(x.Partitions); len(list) > 0 && contains(m.evict, list) {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		if x := m.hang.suspect(group, workers, now); x != nil {
			out = append(out, *x)
		}
	}
	for _, x := range out {
		if err := g.bus.Evict(ctx, group.Name, x.ID); err != nil {
			return fmt.Errorf("evict a member of %s: %w", group.Name, err)
		}
		g.log.Info("group member evicted", "group", group.Name, "member", x.ID, "partitions", x.Partitions)
		m.hang.last = now
	}
	m.evict = nil
	return nil
}
