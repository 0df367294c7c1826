package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// coordinator leads one term: it loads the state, starts the actors that work,
// and owns the settings and the list of files. It ends when one of its children
// fails: everything begins again from the store, under a new term.
type coordinator struct {
	cfg         Config
	parts       Parts
	log         *slog.Logger
	term        messages.Term
	trusted     time.Time // the lease is believed until then
	persistence *actor.PID
	egress      *actor.PID
	view        *actor.PID

	ctx        context.Context
	cancel     context.CancelFunc
	retry      alarm
	pause      backoff
	snap       messages.Snapshot
	ready      *topicsReady
	batch      int
	deployment string // random id of what the state store holds
	sample     string // files of the input folder as stored for standbys
	catalog    *catalog.Catalog
	settling   int
	listed     int                      // files in the folder, -1 until known
	suspects   map[messages.FileID]bool // planned again after the next listing
	input      outage
	unread     map[string]error                      // files that cannot be looked at, by path
	unreadable *catalog.Unreadable                   // files in work that cannot be read
	unarchived map[messages.FileID]messages.FileInfo // finished files that are to be moved away
	archived   time.Time                             // when that was asked for last
	ended      bool                                  // children end because this actor does
	problems   problems
	ignored    uint64
	pub        publisher

	topics, dispatcher, fleet, ingress, scanner, group *actor.PID

	planners      map[messages.FileID]*actor.PID
	crashes       map[messages.FileID]int
	plannerSerial int
	running       map[messages.FileID]messages.File
	draining      *actor.PID
	drains        []*actor.PID // still to be drained
}

type (
	loadedState struct {
		snap messages.Snapshot
		err  error
	}
	tailRead struct {
		tail tail
		err  error
	}
)

func newCoordinator(c coordinator) actor.Actor {
	c.pause = backoff{min: 100 * time.Millisecond, max: 2 * time.Second}
	c.problems = problems{}
	c.planners = map[messages.FileID]*actor.PID{}
	c.crashes = map[messages.FileID]int{}
	c.suspects = map[messages.FileID]bool{}
	c.unread = map[string]error{}
	c.unreadable = catalog.NewUnreadable()
	c.unarchived = map[messages.FileID]messages.FileInfo{}
	c.input = outage{begins: "the input folder cannot be listed", ends: "the input folder can be listed again"}
	c.running = map[messages.FileID]messages.File{}
	c.listed = -1
	c.pub = publisher{view: c.view, source: sourceCoordinator, term: c.term}
	return &c
}

// Receive implements actor.Actor.
func (c *coordinator) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		c.ctx, c.cancel = context.WithCancel(context.Background())
		c.load(ctx)
	case *actor.Stopping:
		c.ended = true
		c.cancel()
		c.retry.stop()
		c.pub.due.stop()
		return
	case *actor.Stopped:
		return
	}
	if c.ended {
		// Its children end. One that was started now would not: this actor would
		// wait for it, and a part of the former term go on, for ever.
		if _, ok := ctx.Message().(*ask); ok {
			ctx.Respond(unavailable("the master is stopping"))
		}
		return
	}
	c.receive(ctx)
}

// receive takes a message of a coordinator that does not end.
func (c *coordinator) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
	case *glance:
		c.pub.glance = m.number
		c.publish(ctx)
		return
	case *rang:
		switch {
		case c.pub.due.is(m):
			c.publish(ctx)
			return
		case !c.retry.is(m):
		case c.ready != nil:
			c.readTail(ctx)
		default:
			c.load(ctx)
		}
	case *loadedState:
		if c.draining == nil {
			c.onLoaded(ctx, m)
		}
	case *topicsReady:
		ready := *m
		c.ready = &ready
		c.readTail(ctx)
	case *tailRead:
		if c.draining == nil {
			c.onTail(ctx, m)
		}
	case *busState:
		c.problem("topics", messages.ProblemKafka, "kafka", m.err)
	case *topicsGrown:
		c.sayPartitions(m.partitions)
		if c.ready != nil {
			c.markAdded(ctx, c.ready.chunks.Partitions, m.partitions)
			c.ready.chunks.Partitions = m.partitions // for actors that are not there yet
		}
		c.forward(ctx, c.group, m)
		c.forward(ctx, c.fleet, &partitionCount{n: m.partitions})
	case *workerTopics:
		c.forward(ctx, c.ingress, m)
	case *batchSizeKept:
		c.onBatchSizeKept(ctx, m)
	case *trustTerm:
		c.trusted = m.until
	case *ignoredSignals:
		c.ignored = m.total
	case *childProblem:
		c.onChildProblem(m)
	case *ask:
		c.onAsk(ctx, m)
	case *drain:
		c.onDrain(ctx)
	case *actor.Terminated:
		c.onTerminated(ctx, m)
	default:
		c.onFile(ctx, ctx.Message())
	}
	c.pub.soon(ctx)
}

// publish tells the view how far the term and the folder are.
func (c *coordinator) publish(ctx actor.Context) {
	c.pub.publish(ctx, c.problems.list(), &folderSeen{open: c.fleet != nil, settling: c.settling, listed: c.listed, ignored: c.ignored})
}

// sayPartitions logs that the chunk topic has another number of partitions.
func (c *coordinator) sayPartitions(n int) {
	if c.ready != nil && n < c.ready.chunks.Partitions {
		c.log.Warn("the chunk topic was made again with fewer partitions: workers that read one of the others get chunks when they announce another partition",
			"topic", c.cfg.ChunkTopic, "partitions", n, "was", c.ready.chunks.Partitions)
		return
	}
	c.log.Info("partitions grown", "partitions", n)
}

// markAdded marks partitions of the chunk topic that were added as empty, before
// anything is sent to them; see tail.unmarked.
func (c *coordinator) markAdded(ctx actor.Context, from, to int) {
	var marks []messages.Position
	for p := from; p < to; p++ {
		marks = append(marks, messages.Position{Topic: c.cfg.ChunkTopic, Partition: int32(p)})
	}
	if len(marks) > 0 {
		c.write(ctx, messages.Batch{Offsets: marks})
	}
}

func (c *coordinator) forward(ctx actor.Context, to *actor.PID, msg any) {
	if to != nil {
		ctx.Send(to, msg)
	}
}

func (c *coordinator) write(ctx actor.Context, b messages.Batch) {
	ctx.Send(c.persistence, &write{term: c.term, batch: b})
}

// onTerminated begins again when a child ended that must not end. A planner is
// simply made anew, unless its file makes it fail every time.
func (c *coordinator) onTerminated(ctx actor.Context, m *actor.Terminated) {
	if c.ended || c.draining != nil {
		return
	}
	for id, pid := range c.planners {
		if !pid.Equal(m.Who) {
			continue
		}
		delete(c.planners, id)
		f, ok := c.running[id]
		if !ok {
			return
		}
		if c.crashes[id]++; c.crashes[id] > 3 {
			ctx.Send(c.dispatcher, &fileChanged{id: id, state: messages.FileFailed, reason: "its planner failed again and again: see the log"})
			return
		}
		c.plan(ctx, f, true)
		return
	}
	for _, pid := range []*actor.PID{c.topics, c.dispatcher, c.fleet, c.ingress, c.scanner, c.group} {
		if pid != nil && pid.Equal(m.Who) {
			c.log.Error("an actor failed, beginning again from the stored state", "actor", m.Who.Id)
			ctx.Stop(ctx.Self())
			return
		}
	}
}

func (c *coordinator) problem(key string, kind messages.ProblemKind, part string, err error) {
	if err == nil {
		c.problems.clear(key)
	} else {
		c.problems.set(key, messages.Problem{Kind: kind, Part: part, Text: err.Error()}, time.Now())
	}
}

func (c *coordinator) onAsk(ctx actor.Context, m *ask) {
	switch q := m.query.(type) {
	case messages.QueryBatchSize:
		if c.catalog == nil {
			ctx.Respond(unavailable("the state is being loaded"))
			return
		}
		if time.Now().After(c.trusted) {
			ctx.Respond(unavailable("another master may lead by now"))
			return
		}
		ctx.Respond(c.batch)
	case messages.SetBatchSize:
		c.onSetBatchSize(ctx, q)
	case messages.QueryTopics, messages.GrowPartitions:
		c.pass(ctx, c.topics, q)
	}
}

func (c *coordinator) pass(ctx actor.Context, to *actor.PID, msg any) {
	if to == nil {
		ctx.Respond(unavailable("the master is starting: Kafka or the state store is not ready yet"))
		return
	}
	ctx.RequestWithCustomSender(to, msg, ctx.Sender())
}

func unavailable(why string) error { return fmt.Errorf("%w: %s", messages.ErrUnavailable, why) }

// MaxBatchSize is the largest batch size in items.
const MaxBatchSize = 1_000_000

func (c *coordinator) onSetBatchSize(ctx actor.Context, q messages.SetBatchSize) {
	if q.Items < 1 || q.Items > MaxBatchSize {
		ctx.Respond(fmt.Errorf("%w: batch size %d, allowed 1 to %d", messages.ErrRange, q.Items, MaxBatchSize))
		return
	}
	if c.dispatcher == nil {
		ctx.Respond(unavailable("the master is starting"))
		return
	}
	c.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueBatchSizeOrigin, Value: c.cfg.BatchSizeText}}})
	ctx.Send(c.dispatcher, &useBatchSize{items: q.Items, reply: ctx.Self(), msg: &batchSizeKept{items: q.Items, asker: ctx.Sender()}})
}

// batchSizeKept says that a batch size is committed. Nobody is told of one before:
// a leader that ends meanwhile may take it with it.
type batchSizeKept struct {
	items int
	asker *actor.PID
}

func (c *coordinator) onBatchSizeKept(ctx actor.Context, m *batchSizeKept) {
	if m.items != c.batch {
		c.log.Info("batch size changed", "batch_size", m.items, "was", c.batch)
	}
	c.batch = m.items
	if m.asker != nil {
		ctx.Send(m.asker, m.items)
	}
}

// onDrain stops what brings new work in, then lets the rest settle: planners and
// scanner, ingress, dispatcher, in this order. It is called once by the master
// and once by each of those that were asked to drain.
func (c *coordinator) onDrain(ctx actor.Context) {
	if c.draining == nil {
		c.draining = ctx.Sender()
		for _, pid := range c.planners {
			ctx.Stop(pid)
		}
		for _, pid := range []*actor.PID{c.scanner, c.group} {
			if pid != nil {
				ctx.Stop(pid)
			}
		}
		c.drains = []*actor.PID{c.ingress, c.dispatcher}
	}
	if len(c.drains) == 0 || c.drains[0] == nil {
		ctx.Send(c.draining, &drain{})
		return
	}
	next := c.drains[0]
	c.drains = c.drains[1:]
	ctx.Request(next, &drain{})
}
