package actors

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// loadTimeout bounds the reading of the whole state: a million records take some
// 30 s. Its single calls are bounded by the store.
const loadTimeout = 5 * time.Minute

// load reads the state that the term begins with.
func (t *term) load(ctx actor.Context) {
	store, term := t.parts.Store, t.term
	call(ctx, t.ctx, loadTimeout, func(c context.Context) any {
		snap, err := store.Load(c, term)
		return &loadedState{snap: snap, err: err}
	})
}

func (t *term) onLoaded(ctx actor.Context, m *loadedState) {
	if errors.Is(m.err, messages.ErrFenced) {
		ctx.Send(ctx.Parent(), &fenced{term: t.term})
		return
	}
	ctx.Send(ctx.Parent(), &storeState{err: m.err})
	if m.err != nil {
		t.log.Warn("state cannot be loaded, trying again", "err", m.err)
		t.retry.set(ctx, t.pause.next())
		return
	}
	t.snap = m.snap
	ctx.Send(t.persistence, &beginTerm{term: t.term, snap: m.snap})
	ctx.Send(t.egress, &useTerm{term: t.term})
	t.chooseBatchSize(ctx)
	t.loadLogLevel()
	t.deployment = t.snap.Values[messages.ValueDeployment]
	if t.deployment == "" {
		t.deployment = rand.Text()
		t.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueDeployment, Value: t.deployment}}})
	}
	t.identify(ctx)
	if t.cfg.OnDeployment != nil {
		t.cfg.OnDeployment(t.deployment)
	}
	self := ctx.Self()
	t.topics = spawn(ctx, t.log, "topics", func() actor.Actor {
		return newTopics(topicsDeps{cfg: t.cfg, bus: t.parts.Topics, in: t.parts.Consumer, groups: t.parts.Groups, log: t.log, owner: self})
	})
}

// open starts the actors that work, once Kafka is ready.
func (t *term) open(ctx actor.Context, ready *topicsReady, past tail) {
	if t.dispatcher != nil {
		return
	}
	self, snap := ctx.Self(), t.snap
	t.snap = messages.Snapshot{Workers: snap.Workers, Offsets: snap.Offsets} // for tails that could not be read
	if snap.Number == 0 && slices.Max(ready.ends[t.cfg.SignalTopic].end) > 0 {
		t.log.Warn("the state is empty, although workers have reported before: it is lost, or this is another state store; all files of the folder are taken as new")
	}
	from := t.positions(ctx, snap, ready)
	t.intake = spawn(ctx, t.log, "intake", func() actor.Actor {
		return newIntake(intakeDeps{cfg: t.cfg, files: t.parts.Files, merger: t.parts.Merger, log: t.log, term: t.term, persistence: t.persistence, view: t.view}, snap)
	})
	t.dispatcher = spawn(ctx, t.log, "dispatcher", func() actor.Actor {
		return newDispatcher(dispatcherDeps{
			log: t.log, term: t.term, deployment: t.deployment, persistence: t.persistence, owner: t.intake, view: t.view,
			files: t.parts.Files, rules: t.cfg.rules(),
		}, t.batch, snap, past)
	})
	ctx.Send(t.intake, &planFor{dispatcher: t.dispatcher}) // before the dispatcher sends it anything
	if len(past.unmarked) > 0 {
		t.write(ctx, messages.Batch{Offsets: past.unmarked})
	}
	t.group = spawn(ctx, t.log, "classic-group", func() actor.Actor {
		return newClassicGroup(classicGroupDeps{
			cfg: t.cfg, bus: t.parts.Groups, in: t.parts.Consumer, log: t.log, term: t.term, egress: t.egress,
		}, ready.chunks.Partitions)
	})
	t.ingress = spawn(ctx, t.log, "ingress", func() actor.Actor {
		return newIngress(ingressDeps{bus: t.parts.Consumer, log: t.log, term: t.term, group: t.cfg.Group, ends: ready.ends, persistence: t.persistence, owner: self}, from)
	})
	t.openFleet(ctx, snap, ready, past.holdings(snap))
	ctx.Send(t.group, &watchFor{fleet: t.fleet})
	ctx.Send(t.ingress, &readFor{fleet: t.fleet})
}

// openFleet starts the fleet with the stored workers and what they hold. What a worker
// holds that is not stored goes back at once.
func (t *term) openFleet(ctx actor.Context, snap messages.Snapshot, ready *topicsReady, held map[messages.WorkerID][]holding) {
	known := map[messages.WorkerID]bool{}
	for _, w := range snap.Workers {
		known[w.ID] = true
	}
	for id := range held {
		if !known[id] {
			ctx.Send(t.dispatcher, &workerLost{worker: id, how: ledger.EndReturned, reason: "its worker is not known any more"})
		}
	}
	deps := workerDeps{
		term: t.term, deployment: t.deployment, cfg: t.cfg, files: t.parts.Files, dispatcher: t.dispatcher,
		persistence: t.persistence, egress: t.egress, ingress: t.ingress, group: t.group, intake: t.intake,
	}
	drained, err := messages.DecodeDrained(snap.Values[messages.ValueDrained])
	if err != nil {
		t.log.Warn("the list of drained workers cannot be read, and is dropped", "err", err)
	}
	t.fleet = spawn(ctx, t.log, "fleet", func() actor.Actor {
		return newFleet(fleetDeps{workerDeps: deps, log: t.log, publishTo: t.view}, ready.chunks.Partitions, snap.Workers, drained, held)
	})
}

// heldBy returns what each worker holds in a stored state.
func heldBy(snap messages.Snapshot) map[messages.WorkerID][]ledger.Assignment {
	files := map[messages.FileID]*messages.File{}
	for _, f := range snap.Files {
		files[f.ID] = f
	}
	out := map[messages.WorkerID][]ledger.Assignment{}
	for _, x := range snap.Chunks {
		f := files[x.ID.File]
		if f == nil || x.State != messages.ChunkAssigned && x.State != messages.ChunkRunning {
			continue
		}
		out[x.Worker] = append(out[x.Worker], ledger.Assignment{
			Chunk: x.Chunk, Worker: x.Worker, Attempt: x.Attempt, File: f.Info, Generation: f.Generation, Positions: x.Positions(),
			BatchID: f.BatchID(x.ID, x.Attempt),
		})
	}
	return out
}

// positions returns the offsets from which the worker topics are read: the stored ones,
// and where there is none the first retained announcement and the end of the progress.
// The latter are stored at once, so that a leader that ends before its first message
// leaves them to the next one.
func (t *term) positions(ctx actor.Context, snap messages.Snapshot, ready *topicsReady) []messages.Position {
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
				if topic == t.cfg.ConnectionTopic {
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
		t.write(ctx, messages.Batch{Offsets: fresh})
	}
	return out
}

// identify stores what this master works on, and warns when that changed.
func (t *term) identify(ctx actor.Context) {
	own, stored := encoded(t.cfg.identity()), t.snap.Values[messages.ValueIdentity]
	ctx.Send(ctx.Parent(), &knownDeployment{id: t.deployment})
	if own == stored {
		return
	}
	var former identity
	if json.Unmarshal([]byte(stored), &former) == nil {
		t.log.Warn("the state was made with other settings: if it belongs to another deployment, stop this master and set REDIS_PREFIX",
			"was", former.String(), "now", t.cfg.identity().String())
	}
	t.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueIdentity, Value: own}}})
}
