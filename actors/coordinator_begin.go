package actors

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// loadTimeout bounds the reading of the whole state: a million records take some
// 30 s. Its single calls are bounded by the store.
const loadTimeout = 5 * time.Minute

// load reads the state that the term begins with.
func (c *coordinator) load(ctx actor.Context) {
	parent, store, term := c.ctx, c.parts.Store, c.term
	run(ctx, func() any {
		out := &loadedState{}
		out.err = within(parent, loadTimeout, func(x context.Context) (err error) {
			out.snap, err = store.Load(x, term)
			return err
		})
		return out
	})
}

func (c *coordinator) onLoaded(ctx actor.Context, m *loadedState) {
	if errors.Is(m.err, messages.ErrFenced) {
		ctx.Send(ctx.Parent(), &fenced{term: c.term})
		return
	}
	ctx.Send(ctx.Parent(), &storeState{err: m.err})
	if m.err != nil {
		c.log.Warn("state cannot be loaded, trying again", "err", m.err)
		c.retry.set(ctx, c.pause.next())
		return
	}
	c.snap = m.snap
	ctx.Send(c.persistence, &beginTerm{term: c.term, snap: m.snap})
	ctx.Send(c.egress, &useTerm{term: c.term})
	c.settings(ctx)
	c.deployment = c.snap.Values[messages.ValueDeployment]
	if c.deployment == "" {
		c.deployment = rand.Text()
		c.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueDeployment, Value: c.deployment}}})
	}
	c.identify(ctx)
	if c.cfg.OnDeployment != nil {
		c.cfg.OnDeployment(c.deployment)
	}
	next, _ := strconv.ParseUint(c.snap.Values[messages.ValueNextFile], 10, 64)
	c.catalog = catalog.New(c.cfg.Settle, c.snap.Files, messages.FileID(next))
	self := ctx.Self()
	c.topics = spawn(ctx, c.log, "topics", func() actor.Actor {
		return newTopics(topics{cfg: c.cfg, bus: c.parts.Topics, in: c.parts.Consumer, log: c.log, owner: self})
	})
}

// settings decides between the stored batch size and the variable: a value set
// through the API wins until the variable itself changes between two starts.
func (c *coordinator) settings(ctx actor.Context) {
	c.batch = c.cfg.BatchSize
	stored, err := strconv.Atoi(c.snap.Values[messages.ValueBatchSize])
	origin := c.snap.Values[messages.ValueBatchSizeOrigin]
	if err == nil && stored > 0 && origin == c.cfg.BatchSizeText {
		c.batch = stored
		return
	}
	if err == nil && stored != c.batch {
		c.log.Info("BATCH_SIZE was changed since the last start: it wins over the stored value", "batch_size", c.batch, "was", stored)
	}
	c.write(ctx, messages.Batch{Values: []messages.Value{
		{Name: messages.ValueBatchSize, Value: strconv.Itoa(c.batch)},
		{Name: messages.ValueBatchSizeOrigin, Value: c.cfg.BatchSizeText},
	}})
}

// readTail looks at what former leaders sent last.
func (c *coordinator) readTail(ctx actor.Context) {
	r, parent := tailReader{cfg: c.cfg, in: c.parts.Consumer, groups: c.parts.Groups, snap: c.snap}, c.ctx
	run(ctx, func() any {
		x, cancel := context.WithTimeout(parent, 20*time.Second)
		defer cancel()
		out := &tailRead{}
		out.tail, out.err = r.read(x)
		return out
	})
}

func (c *coordinator) onTail(ctx actor.Context, m *tailRead) {
	c.problem("topics", messages.ProblemKafka, "kafka", m.err)
	if m.err != nil {
		c.log.Warn("the end of the chunk topic cannot be read, trying again", "err", m.err)
		c.retry.set(ctx, c.pause.next())
		return
	}
	c.open(ctx, c.ready, m.tail)
}

// open starts the actors that work, once Kafka is ready.
func (c *coordinator) open(ctx actor.Context, ready *topicsReady, past tail) {
	if c.dispatcher != nil {
		return
	}
	self, snap := ctx.Self(), c.snap
	c.snap = messages.Snapshot{}
	if snap.Number == 0 && slices.Max(ready.ends[c.cfg.SignalTopic].end) > 0 {
		c.log.Warn("the state is empty, although workers have reported before: it is lost, or this is another state store; all files of the folder are taken as new")
	}
	from := c.positions(ctx, snap, ready)
	c.dispatcher = spawn(ctx, c.log, "dispatcher", func() actor.Actor {
		return newDispatcher(dispatcher{log: c.log, term: c.term, deployment: c.deployment, persistence: c.persistence, owner: self, batch: c.batch, pub: publisher{view: c.view, source: sourceDispatcher, term: c.term}}, snap, past.sends, c.cfg.MaxAttempts)
	})
	if len(past.unmarked) > 0 {
		c.write(ctx, messages.Batch{Offsets: past.unmarked})
	}
	held := past.holdings(snap)
	c.group = spawn(ctx, c.log, "classic-group", func() actor.Actor {
		return newClassicGroup(classicGroup{
			cfg: c.cfg, bus: c.parts.Groups, in: c.parts.Consumer, log: c.log, term: c.term, egress: c.egress,
			partitions: ready.chunks.Partitions,
		})
	})
	c.ingress = spawn(ctx, c.log, "ingress", func() actor.Actor {
		return newIngress(ingress{bus: c.parts.Consumer, log: c.log, term: c.term, group: c.cfg.Group, ends: ready.ends, persistence: c.persistence, owner: self}, from)
	})
	deps := workerDeps{
		term: c.term, deployment: c.deployment, cfg: c.cfg, files: c.parts.Files, dispatcher: c.dispatcher,
		persistence: c.persistence, egress: c.egress, ingress: c.ingress, group: c.group, owner: self,
	}
	known := map[messages.WorkerID]bool{}
	for _, w := range snap.Workers {
		known[w.ID] = true
	}
	for id := range held {
		if !known[id] {
			ctx.Send(c.dispatcher, &workerLost{worker: id, how: endReturned, reason: "its worker is not known any more"})
		}
	}
	c.fleet = spawn(ctx, c.log, "fleet", func() actor.Actor {
		return newFleet(fleet{workerDeps: deps, log: c.log, restore: snap.Workers, held: held, partitions: ready.chunks.Partitions, pub: publisher{view: c.view, source: sourceFleet, term: c.term}})
	})
	ctx.Send(c.group, &watchFor{fleet: c.fleet})
	ctx.Send(c.ingress, &readFor{fleet: c.fleet})
	for _, f := range snap.Files {
		if f.Ended.IsZero() {
			c.running[f.ID] = f
			c.plan(ctx, f, true)
		} else {
			c.noteForArchive(f)
		}
	}
	c.scanner = spawn(ctx, c.log, "scanner", func() actor.Actor { return newScanner(c.parts.Files, c.log, self) })
	c.publish(ctx)
}

// heldBy lists what each worker holds in a stored state.
func heldBy(snap messages.Snapshot) map[messages.WorkerID][]assignment {
	files := map[messages.FileID]messages.File{}
	for _, f := range snap.Files {
		files[f.ID] = f
	}
	out := map[messages.WorkerID][]assignment{}
	for _, x := range snap.Chunks {
		f, ok := files[x.ID.File]
		if !ok || x.State != messages.ChunkAssigned && x.State != messages.ChunkRunning {
			continue
		}
		out[x.Worker] = append(out[x.Worker], assignment{
			chunk: x.Chunk, worker: x.Worker, attempt: x.Attempt, file: f.Info, generation: f.Generation,
			batchID: messages.BatchID(f.Base, x.ID.Index, f.Generation, x.Attempt),
		})
	}
	return out
}

// positions is where the worker topics are read from: the stored offsets, and
// without one the first retained announcement and the end of the progress. That
// is stored at once: a leader that ends before its first message leaves the place
// to the next one.
func (c *coordinator) positions(ctx actor.Context, snap messages.Snapshot, ready *topicsReady) []messages.Position {
	stored := map[place]int64{}
	for _, o := range snap.Offsets {
		stored[place{o.Topic, o.Partition}] = o.Offset
	}
	var out, fresh []messages.Position
	for topic, ends := range ready.ends {
		for p := range ends.start {
			at := place{topic, int32(p)}
			offset, ok := stored[at]
			if !ok {
				offset = ends.end[p]
				if topic == c.cfg.ConnectionTopic {
					offset = ends.start[p]
				}
			}
			out = append(out, messages.Position{Topic: topic, Partition: at.partition, Offset: offset})
			if !ok {
				fresh = append(fresh, out[len(out)-1])
			}
		}
	}
	if len(fresh) > 0 {
		c.write(ctx, messages.Batch{Offsets: fresh})
	}
	return out
}
