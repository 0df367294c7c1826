package actors

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// classicGroup watches the consumer group of the classic workers. While it has
// no members it commits the ends of all partitions, so that a joining worker
// does not begin behind a chunk that was already sent to it.
type classicGroup struct {
	cfg   Config
	bus   Groups
	in    Consumer
	log   *slog.Logger
	fleet *actor.PID

	ctx       context.Context
	cancel    context.CancelFunc
	tick      alarm
	watched   bool // classic workers are known: look often
	looking   bool
	state     string
	committed int       // partitions whose ends were committed
	renewed   time.Time // when
	last      groupView
	failing   bool
}

// groupLook is what a look at the group found.
type groupLook struct {
	view    groupView
	state   string
	parts   int
	renewed bool
	err     error
}

const (
	idleGroupEvery = 5 * time.Second // while no classic worker is known
	groupTimeout   = 5 * time.Second
	// renewEnds keeps the committed ends of an empty group alive: brokers drop
	// them after offsets.retention.minutes, a week by default.
	renewEnds = 24 * time.Hour
)

func newClassicGroup(g classicGroup) actor.Actor { return &g }

// Receive implements actor.Actor.
func (g *classicGroup) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.ctx, g.cancel = context.WithCancel(context.Background())
		g.look(ctx)
	case *actor.Stopping:
		g.cancel()
		g.tick.stop()
	case *classicWorkers:
		g.watched = m.count > 0
		g.tick.set(ctx, 0)
	case *topicsGrown:
		g.tick.set(ctx, 0)
	case *groupLook:
		g.onLook(ctx, m)
	case *rang:
		if g.tick.is(m) {
			g.look(ctx)
		}
	}
}

func (g *classicGroup) look(ctx actor.Context) {
	if g.looking {
		return
	}
	g.looking = true
	parent, watched, state, parts, renewed := g.ctx, g.watched, g.state, g.committed, g.renewed
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, groupTimeout)
		defer cancel()
		return g.see(c, watched, state, parts, renewed)
	})
}

// see looks at the group. It runs off the mailbox and reads only fields that
// never change.
func (g *classicGroup) see(ctx context.Context, watched bool, state string, parts int, renewed time.Time) *groupLook {
	group, err := g.bus.Find(ctx, g.cfg.ChunkTopic, g.cfg.WorkerGroup)
	if err != nil {
		return &groupLook{err: fmt.Errorf("look at the workers' group: %w", err)}
	}
	out := &groupLook{state: group.State, parts: parts}
	out.view.stable = group.State == messages.GroupStable
	if !out.view.stable {
		out.view.note = "its consumer group " + group.Name + " is " + group.State
	}
	for _, m := range group.Members {
		list := slices.Clone(m.Partitions)
		slices.Sort(list)
		out.view.lists = append(out.view.lists, list)
	}
	if len(group.Members) == 0 && (group.State == messages.GroupDead || group.State == messages.GroupEmpty) {
		_, end, err := g.in.Offsets(ctx, g.cfg.ChunkTopic)
		if err != nil {
			return &groupLook{err: fmt.Errorf("look up the ends of %s: %w", g.cfg.ChunkTopic, err)}
		}
		if state != group.State || len(end) != parts || time.Since(renewed) > renewEnds {
			if err := g.commitEnds(ctx, group.Name, end); err != nil {
				return &groupLook{err: err}
			}
			out.parts, out.renewed = len(end), true
		}
	}
	if watched {
		if out.view.committed, err = g.bus.Committed(ctx, group.Name, g.cfg.ChunkTopic); err != nil {
			return &groupLook{err: fmt.Errorf("look up committed offsets: %w", err)}
		}
	}
	return out
}

func (g *classicGroup) commitEnds(ctx context.Context, group string, end []int64) error {
	at := make([]messages.Position, len(end))
	for p, offset := range end {
		at[p] = messages.Position{Topic: g.cfg.ChunkTopic, Partition: int32(p), Offset: offset}
	}
	if err := g.bus.CommitOffsets(ctx, group, at); err != nil {
		return fmt.Errorf("commit the ends for the empty workers' group: %w", err)
	}
	return nil
}

func (g *classicGroup) onLook(ctx actor.Context, m *groupLook) {
	g.looking = false
	every := idleGroupEvery
	if g.watched {
		every = groupEvery
	}
	g.tick.set(ctx, every)
	if (m.err != nil) != g.failing {
		g.failing = m.err != nil
		if m.err != nil {
			g.log.Warn("classic workers get no chunks until their group can be looked at", "err", m.err)
		}
	}
	if m.err != nil {
		m.view = groupView{note: "its consumer group cannot be looked at"}
	} else {
		g.state, g.committed = m.state, m.parts
		if m.renewed {
			g.renewed = time.Now()
		}
	}
	if !g.last.equal(m.view) {
		g.last = m.view
		view := m.view
		ctx.Send(g.fleet, &view)
	}
}

func (v groupView) equal(w groupView) bool {
	return v.stable == w.stable && v.note == w.note && slices.Equal(v.committed, w.committed) &&
		slices.EqualFunc(v.lists, w.lists, slices.Equal[[]int32])
}
