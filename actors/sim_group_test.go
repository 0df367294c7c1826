package actors

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"kafka-master/messages"
)

// simGroup is the classic workers' consumer group, as a broker coordinates it.
type simGroup struct {
	w       *simWorld
	state   string
	members []*simMember
	serial  int
	round   int       // of rebalances
	begins  time.Time // a forming group waits until then
}

// simMember is one member of the group.
type simMember struct {
	id     string
	worker *simClassic
	joined bool      // this round
	seen   time.Time // its last heartbeat
	list   []int32
	told   bool // the worker knows its list
}

const (
	simSession   = 45 * time.Second // without heartbeats a member is removed
	simFirstJoin = 3 * time.Second  // a forming group waits for more members
)

func newSimGroup(w *simWorld) simGroup { return simGroup{w: w, state: messages.GroupDead} }

// join adds a member.
func (g *simGroup) join(worker *simClassic, now time.Time) *simMember {
	g.serial++
	m := &simMember{id: fmt.Sprintf("rdkafka-%03d", g.serial), worker: worker, joined: true, seen: now}
	if len(g.members) == 0 {
		g.begins = now.Add(simFirstJoin)
	}
	g.members = append(g.members, m)
	g.rebalance(m)
	return m
}

// rebalance begins a round, which ends when every member has joined it.
func (g *simGroup) rebalance(but *simMember) {
	g.round++
	g.state = "PreparingRebalance"
	g.w.sometimes("the classic workers' group rebalances")
	for _, m := range g.members {
		m.joined = m == but
	}
}

// remove ends a membership.
func (g *simGroup) remove(m *simMember) {
	n := slices.Index(g.members, m)
	if n < 0 {
		return
	}
	g.members = slices.Delete(g.members, n, n+1)
	if len(g.members) == 0 {
		g.state = messages.GroupEmpty
		return
	}
	g.rebalance(nil)
}

// tick removes members that are silent and ends a round that is complete.
func (g *simGroup) tick(now time.Time) {
	for _, m := range slices.Clone(g.members) {
		if now.Sub(m.seen) >= simSession {
			g.remove(m)
		}
	}
	if len(g.members) == 0 || g.state == messages.GroupStable || now.Before(g.begins) {
		return
	}
	if slices.ContainsFunc(g.members, func(m *simMember) bool { return !m.joined }) {
		return
	}
	g.state = messages.GroupStable
	slices.SortFunc(g.members, func(a, b *simMember) int { return cmp.Compare(a.id, b.id) })
	k := g.w.kafka
	n, members := k.size[g.w.cfg.ChunkTopic], len(g.members)
	next := 0
	for i, m := range g.members { // the range assignor
		share := n / members
		if i < n%members {
			share++
		}
		m.list = nil
		for range share {
			m.list = append(m.list, int32(next))
			next++
		}
		m.told = false
		m.worker.agent.at = earlier(now.Add(time.Millisecond), m.worker.agent.at)
	}
}

// commits is a member's commit; it is refused when the member does not belong to
// the round any more.
func (g *simGroup) commits(m *simMember, at place, offset int64) {
	if slices.Contains(g.members, m) && (g.state == messages.GroupStable || slices.Contains(m.list, at.partition)) {
		g.w.kafka.commit(g.w.cfg.WorkerGroup, at, offset)
	}
}

// describe is for people.
func (g *simGroup) describe() string {
	text := "group " + g.state
	for _, m := range g.members {
		text += fmt.Sprintf("; %s is %s, joined %v, has %v", m.id, m.worker.id, m.joined, m.list)
		for _, p := range m.list {
			at := place{g.w.cfg.ChunkTopic, p}
			text += fmt.Sprintf(", %d: reads %d, committed %d of %d", p, m.worker.at[p], g.w.kafka.kept[g.w.cfg.WorkerGroup][at], g.w.kafka.logs[at].end())
		}
	}
	return text
}

// look is how a broker describes a group. While the group is in a rebalance, its
// members do not tell what they read.
func (k *simKafka) look(name string) messages.GroupState {
	out := messages.GroupState{Name: name, State: messages.GroupDead}
	if len(k.kept[name]) > 0 {
		out.State = messages.GroupEmpty
	}
	if name != k.w.cfg.WorkerGroup || k.group.state == messages.GroupDead {
		return out
	}
	out.State = k.group.state
	for _, m := range k.group.members {
		x := messages.GroupMember{ID: m.id}
		if out.State == messages.GroupStable {
			x.Topics, x.Partitions = []string{k.w.cfg.ChunkTopic}, slices.Clone(m.list)
		}
		out.Members = append(out.Members, x)
	}
	return out
}

// Find implements Groups.
func (b simBus) Find(ctx context.Context, topic, preferred string) (out messages.GroupState, err error) {
	b.call(ctx, "find group", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		out = b.k.look(preferred)
		if len(out.Members) > 0 {
			return
		}
		other := b.k.look(b.k.w.cfg.WorkerGroup)
		if slices.ContainsFunc(other.Members, func(m messages.GroupMember) bool { return slices.Contains(m.Topics, topic) }) {
			out = other
		}
	})
	return out, err
}

// Committed implements Groups.
func (b simBus) Committed(ctx context.Context, group, topic string) (out []int64, err error) {
	b.call(ctx, "committed", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		if b.k.size[topic] == 0 {
			err = errSimNoTopic
		}
		for p := range b.k.size[topic] {
			offset, ok := b.k.kept[group][place{topic, int32(p)}]
			if !ok {
				offset = messages.UnknownOffset
			}
			out = append(out, offset)
		}
	})
	return out, err
}

// Evict implements Groups.
func (b simBus) Evict(ctx context.Context, _, member string) (err error) {
	b.call(ctx, "evict", func(cause error) {
		if err = b.k.up(cause); err != nil {
			return
		}
		g := &b.k.group
		if n := slices.IndexFunc(g.members, func(m *simMember) bool { return m.id == member }); n >= 0 {
			g.w.sometimes("a group member is evicted")
			g.remove(g.members[n])
		}
	})
	return err
}
