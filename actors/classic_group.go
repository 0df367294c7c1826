package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// classicGroup watches the consumer group of the classic workers. While the group has no
// members it commits the ends of all partitions, so that a joining worker does not begin
// behind a chunk that was already sent to it. It evicts members that would hold up
// everybody's rebalance until their session ends, and probes partitions that have no
// committed offset.
type classicGroup struct {
	classicGroupDeps

	fleet *actor.PID // nil until the fleet is there
	// partitions is how many the chunk topic has.
	partitions int

	ctx        context.Context
	cancel     context.CancelFunc
	tick       alarm
	workers    classicWorkers // as the fleet reported them last
	requesting bool
	memory     groupMemory
	last       slots.Group
	away       transitionLog
}

// classicGroupDeps is what the term gives to the actor of the group.
type classicGroupDeps struct {
	cfg    Config
	bus    Groups
	in     Consumer
	log    *slog.Logger
	term   messages.Term
	egress *actor.PID
}

type (
	// watchFor starts the observation of the group: its states go to the fleet.
	watchFor struct{ fleet *actor.PID }
	// classicWorkers reports how many classic workers there are, how many of them show
	// progress, and the partitions of those that seem alive.
	classicWorkers struct {
		count, working int
		lists          [][]int32
	}
	// evict asks for the group member of a lost classic worker to be removed.
	evict struct{ partitions []int32 }
)

// groupMemory is what one request to the group leaves for the next.
type groupMemory struct {
	state     string
	own       []int64   // ends that were committed for the group without members
	ownOf     int       // number of partitions that were known then
	renewedAt time.Time // time of that commit
	partial   bool      // the ends of some partitions were not known then
	rebalance slots.Rebalance
	probedAt  time.Time // when partitions without an offset were last probed
	evict     [][]int32 // lists of lost workers, whose members have to go
}

// groupSeen is the answer of the group.
type groupSeen struct {
	view   slots.Group
	memory groupMemory
	probe  []int32 // partitions to be probed
	err    error
}

const (
	idleGroupEvery = 5 * time.Second // while no classic worker is known
	groupTimeout   = 5 * time.Second
	// renewEnds keeps the committed ends of an empty group alive: brokers drop
	// them after offsets.retention.minutes, a week by default.
	renewEnds = 24 * time.Hour
)

func newClassicGroup(deps classicGroupDeps, partitions int) actor.Actor {
	return &classicGroup{
		classicGroupDeps: deps, partitions: partitions,
		away: transitionLog{failed: "classic workers get no chunks until their group can be read", recovered: "the classic workers' group can be read again"},
	}
}

// Receive implements actor.Actor.
func (g *classicGroup) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.ctx, g.cancel = context.WithCancel(context.Background())
	case *watchFor:
		g.fleet = m.fleet
		g.request(ctx)
	case *actor.Stopping:
		g.cancel()
		g.tick.stop()
	case *classicWorkers:
		g.workers = *m
		g.tick.set(ctx, 0)
	case *topicsGrown:
		g.partitions = m.partitions
		g.tick.set(ctx, 0)
	case *evict:
		if len(m.partitions) > 0 {
			g.memory.evict = append(g.memory.evict, m.partitions)
		}
	case *groupSeen:
		g.onSeen(ctx, m)
	case *rang:
		if g.tick.rings(m) {
			g.request(ctx)
		}
	default:
		unknown(ctx)
	}
}

func (g *classicGroup) request(ctx actor.Context) {
	if g.requesting || g.fleet == nil {
		return
	}
	g.requesting = true
	memory, workers, partitions := g.memory, g.workers, g.partitions
	g.memory.evict = nil // passed on; what could not be done comes back
	call(ctx, g.ctx, groupTimeout, func(c context.Context) any {
		out := &groupSeen{memory: memory}
		out.err = g.read(c, out, workers, partitions)
		return out
	})
}

// read reads the state of the group, and commits and evicts what is due. It runs off the
// mailbox: of the actor it uses only fields that never change.
func (g *classicGroup) read(ctx context.Context, out *groupSeen, workers classicWorkers, partitions int) error {
	group, err := g.bus.Find(ctx, g.cfg.ChunkTopic, g.cfg.WorkerGroup)
	if err != nil {
		return fmt.Errorf("read the workers' group: %w", err)
	}
	out.memory.rebalance, group = out.memory.rebalance.Observe(group, time.Now())
	out.view.Stable = group.State == messages.GroupStable
	out.view.Settled = out.view.Stable || len(group.Members) == 0
	if !out.view.Stable {
		out.view.Note = "its consumer group " + group.Name + " is " + group.State
	}
	for _, m := range group.Members {
		out.view.Lists = append(out.view.Lists, slices.Sorted(slices.Values(m.Partitions)))
	}
	if err := g.commitEmpty(ctx, group, &out.memory, partitions); err != nil {
		return err
	}
	out.view.Own = out.memory.own
	if err := g.evictFrom(ctx, group, &out.memory, workers); err != nil {
		return err
	}
	out.memory.state = group.State
	if workers.count == 0 {
		return nil
	}
	if out.view.Committed, err = g.bus.Committed(ctx, group.Name, g.cfg.ChunkTopic); err != nil {
		return fmt.Errorf("read committed offsets: %w", err)
	}
	if out.view.Stable && time.Since(out.memory.probedAt) >= slots.ProbeEvery {
		if out.probe = out.view.Uncommitted(); len(out.probe) > 0 {
			out.memory.probedAt = time.Now()
		}
	}
	return nil
}

// evictFrom removes the members that would hold up everybody's rebalance.
func (g *classicGroup) evictFrom(ctx context.Context, group messages.GroupState, m *groupMemory, workers classicWorkers) error {
	now := time.Now()
	for _, x := range m.rebalance.Evict(group, m.evict, workers.lists, workers.working, now) {
		if err := g.bus.Evict(ctx, group.Name, x.ID); err != nil {
			return fmt.Errorf("evict a member of %s: %w", group.Name, err)
		}
		g.log.Info("group member evicted", "group", group.Name, "member", x.ID, "partitions", x.Partitions)
		m.rebalance = m.rebalance.Evicted(now)
	}
	m.evict = nil
	return nil
}

// commitEmpty commits the ends of all partitions for a group without members, when it
// became empty, the topic has other partitions than before, or a day has passed.
func (g *classicGroup) commitEmpty(ctx context.Context, group messages.GroupState, m *groupMemory, partitions int) error {
	if len(group.Members) > 0 || group.State != messages.GroupDead && group.State != messages.GroupEmpty {
		return nil
	}
	valid := renewEnds
	if m.partial {
		valid = idleGroupEvery
	}
	if m.state == group.State && partitions == m.ownOf && time.Since(m.renewedAt) <= valid {
		return nil
	}
	_, end, err := g.in.Offsets(ctx, g.cfg.ChunkTopic)
	var failed messages.PartitionErrors
	if err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("read the ends of %s: %w", g.cfg.ChunkTopic, err)
	}
	if err := g.commitEnds(ctx, group.Name, end); err != nil {
		return err
	}
	for p := range failed { // what was committed there before stays, whoever did it
		if int(p) < len(m.own) {
			end[p] = m.own[p]
		}
	}
	m.own, m.ownOf, m.renewedAt, m.partial = end, partitions, time.Now(), len(failed) > 0
	return nil
}

func (g *classicGroup) commitEnds(ctx context.Context, group string, end []int64) error {
	at := make([]messages.Position, 0, len(end))
	for p, offset := range end {
		if offset >= 0 {
			at = append(at, messages.Position{Topic: g.cfg.ChunkTopic, Partition: int32(p), Offset: offset})
		}
	}
	if err := g.bus.CommitOffsets(ctx, group, at); err != nil {
		return fmt.Errorf("commit the ends for the empty workers' group: %w", err)
	}
	return nil
}

func (g *classicGroup) onSeen(ctx actor.Context, m *groupSeen) {
	g.requesting = false
	every := idleGroupEvery
	if g.workers.count > 0 {
		every = groupEvery
	}
	g.tick.set(ctx, every)
	if g.workers.count > 0 || m.err == nil { // without classic workers nobody waits for it
		g.away.record(g.log, m.err)
	}
	waiting := g.memory.evict
	g.memory = m.memory
	g.memory.evict = append(g.memory.evict, waiting...)
	if m.err != nil {
		m.view = slots.Group{Note: "its consumer group cannot be read"}
	}
	for _, p := range m.probe {
		ctx.Send(g.egress, probeRecord(g.term, g.cfg.ChunkTopic, p))
	}
	if !g.last.Equal(m.view) {
		g.last = m.view
		view := m.view
		ctx.Send(g.fleet, &view)
	}
}
