package actors

import (
	"cmp"
	linked "container/list"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// fleet routes the worker messages to the supervisors, one for each worker, and is the
// parent of these.
type fleet struct {
	fleetDeps
	restore []messages.Worker // of the stored state, until they are members
	held    map[messages.WorkerID][]holding

	members    map[messages.WorkerID]*member
	classic    map[messages.WorkerID]*member // those of them that are classic workers
	byPID      map[string]messages.WorkerID
	serial     int // number of the last supervisor
	gate       gatekeeper
	partitions int // of the chunk topic
	ended      bool

	quiet quietWorkers

	view           *slots.Group
	owners         map[int32]messages.WorkerID // classic workers by the partitions that they announced
	duplicates     slots.DuplicateIDs
	duplicateCheck alarm                      // for the next comparison of duplicate ids
	warned         map[messages.WorkerID]bool // ids whose duplicate was logged
	reported       classicWorkers             // what the group's actor knows
	reportDue      alarm                      // for the next classicWorkers

	drained  messages.Drained      // workers that people drained, also those that are not here
	holding  int                   // members that have chunks
	told     nobody                // why no worker takes chunks, as the dispatcher knows
	counts   messages.WorkerCounts // of the members that are not leaving
	dropped  uint64                // messages of workers that are not known
	troubles troubles              // of single workers
	problems problems              // of no single worker
	pub      publisher
}

// fleetDeps is what the term gives to the fleet.
type fleetDeps struct {
	workerDeps
	log       *slog.Logger
	publishTo *actor.PID // the view
}

// member is the fleet's side of one worker.
type member struct {
	pid        *actor.PID
	status     *messages.WorkerStatus // part of the last workerStatus; it does not change
	trouble    messages.ProblemKind   // kind of the problem that its status names
	registered time.Time
	// replacement reports that its supervisor replaced one that failed.
	replacement bool
	seen        time.Time
	heard       uint64          // messages of the worker that its supervisor was sent
	quiet       *linked.Element // of quietWorkers, nil while its supervisor watches it
	announced   []int32         // partitions of a classic worker's last announcement
	proven      bool            // it was seen working on a chunk that it was given
	leaving     bool            // its supervisor ends
	waiting     []*heard        // messages for its next supervisor
}

type (
	// askWorkers asks for workerList.
	askWorkers struct{}
	// signals are the messages of one fetch, in order.
	signals struct {
		from  *actor.PID
		batch uint64
		list  []messages.Signal
	}
	// caughtUp reports that everything was read that was there when a supervisor asked.
	caughtUp struct {
		supervisor    *actor.PID
		forFreeWorker bool
	}
	// workerStatus is the present state of a worker.
	workerStatus struct {
		messages.WorkerStatus
		trouble messages.ProblemKind // kind of the problem that its note names, if it is one
		proven  bool                 // a native worker ended a chunk that it was given
		from    *actor.PID
	}
	// refused is a message that is not of the worker's running process.
	refused struct{ signal messages.Signal }
	// readsResumed reports that worker messages are read again after a time in which
	// no silence meant anything: every worker needs the time to speak.
	readsResumed struct{}
)

func newFleet(deps fleetDeps, partitions int, stored []messages.Worker, drained messages.Drained, held map[messages.WorkerID][]holding) actor.Actor {
	return &fleet{
		fleetDeps: deps, restore: stored, held: held, partitions: partitions, drained: drained,
		members: map[messages.WorkerID]*member{}, classic: map[messages.WorkerID]*member{}, byPID: map[string]messages.WorkerID{},
		owners: map[int32]messages.WorkerID{}, duplicates: slots.NewDuplicateIDs(), warned: map[messages.WorkerID]bool{},
		gate: newGatekeeper(), troubles: troubles{}, problems: problems{},
		pub: publisher{view: deps.publishTo, source: sourceFleet, term: deps.term},
	}
}

// Receive implements actor.Actor.
func (f *fleet) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		f.crowd = newCrowd(ctx.ActorSystem(), f.log)
		f.restoreMembers(ctx)
		f.restore, f.held = nil, nil
		f.publish(ctx)
	case *actor.Stopping:
		f.ended = true
		f.pub.due.stop()
		f.reportDue.stop()
		f.duplicateCheck.stop()
		f.gate.sweep.stop()
		f.quiet.watch.stop()
	case *rang:
		f.onRang(ctx, m)
	case *signals:
		if f.ended { // a supervisor that began now would not end
			return
		}
		f.onSignals(ctx, m)
	case *heard: // from a supervisor that ends
		if !f.ended {
			f.route(ctx, m)
		}
	case *caughtUp:
		ctx.Send(m.supervisor, m)
	case *slots.Group:
		f.onView(ctx, m)
	case *readsResumed:
		f.excuseQuiet()
		f.sendAll(ctx, m)
	case *handOver:
		f.onHandOver(ctx, m)
	case *partitionCount:
		f.partitions = m.n
		f.sendAll(ctx, m)
	case *workerStatus:
		f.onStatus(ctx, m)
	case *refused:
		f.onRefused(ctx, m)
	case *actor.Terminated:
		f.onTerminated(ctx, m)
	case messages.QueryWorker:
		f.onQueryWorker(ctx, m.ID)
	case messages.DrainWorker:
		f.onDrainWorker(ctx, m)
	case messages.ResumeWorker:
		f.onResumeWorker(ctx, m)
	case messages.ForgetWorker:
		f.onForgetWorker(ctx, m)
	case messages.RecallChunks:
		f.onRecallChunks(ctx, m)
	case *drainStored:
		f.onDrainStored(ctx, m)
	case *askWorkers:
		ctx.Respond(&workerList{term: f.term, list: f.list()})
	case *glance:
		f.pub.glance = m.number
		f.publish(ctx)
	default:
		unknown(ctx)
	}
}

func (f *fleet) onRang(ctx actor.Context, m *rang) {
	switch {
	case f.gate.sweep.rings(m):
		f.sweep(ctx)
	case f.reportDue.rings(m):
		f.reportClassic(ctx)
	case f.duplicateCheck.rings(m):
		f.findDuplicates(ctx)
	case f.quiet.watch.rings(m):
		f.judgeQuiet(ctx)
	case f.pub.due.rings(m):
		f.publish(ctx)
	}
}

// sendAll sends a message to every supervisor.
func (f *fleet) sendAll(ctx actor.Context, m any) {
	for _, w := range f.members {
		ctx.Send(w.pid, m)
	}
}

// route sends a worker's message to its supervisor, and registers an unknown worker that
// announces itself.
func (f *fleet) route(ctx actor.Context, m *heard) {
	s := m.signal
	w := f.members[s.Worker]
	if f.tooLong(ctx, s) {
		f.drop(ctx, m)
		return
	}
	if w == nil {
		if w = f.admit(ctx, m); w == nil {
			return
		}
	}
	w.seen = time.Now()
	if w.leaving {
		w.waiting = append(w.waiting, m)
		return
	}
	if s.Kind == messages.SignalAnnounce && !s.Native() {
		f.duplicates.Announced(s.Worker, w.announced, s.Partitions)
		w.announced = s.Partitions
		f.claim(ctx, s)
		f.release(ctx, s)
		if f.view != nil {
			ctx.Send(w.pid, f.view)
		}
	}
	f.rouse(ctx, w)
	w.heard++
	ctx.Send(w.pid, m)
}

// admit registers an unknown worker that announces itself. It returns nil when the message
// is another one, which it acknowledges or passes on.
func (f *fleet) admit(ctx actor.Context, m *heard) *member {
	s := m.signal
	announces := s.Kind == messages.SignalAnnounce || s.Kind == messages.SignalHeartbeat && s.Native()
	switch {
	case announces && f.admits(ctx, s):
		w := messages.Worker{ID: s.Worker}
		if s.Native() {
			w.Kind = messages.Native
		}
		return f.register(ctx, w, nil)
	case s.Final(): // the worker was forgotten; its work still counts
		ctx.Send(f.dispatcher, &judge{signal: s, ack: m.ack})
	default:
		f.drop(ctx, m)
	}
	return nil
}

// drop acknowledges a message and ignores it.
func (f *fleet) drop(ctx actor.Context, m *heard) {
	f.dropped++
	f.pub.soon(ctx)
	m.ack.give(ctx)
}

// register starts the supervisor of a worker.
func (f *fleet) register(ctx actor.Context, w messages.Worker, held []holding) *member {
	f.serial++
	x := newSupervisor(&f.workerDeps, f.log, w, held, f.drained[w.ID])
	pid := f.crowd.spawn(ctx, fmt.Sprintf("supervisor-%s-%d", actorName(string(w.ID)), f.serial), x)
	m := &member{pid: pid, registered: time.Now(), seen: time.Now(), announced: w.Partitions, proven: len(held) > 0, status: &messages.WorkerStatus{ID: w.ID, Kind: w.Kind, Partitions: w.Partitions}}
	f.members[w.ID] = m
	f.byPID[pid.Id] = w.ID
	f.tally(m, +1)
	f.pub.soon(ctx)
	if !m.proven {
		f.gate.enter(ctx, w.ID)
	}
	ctx.Send(pid, &partitionCount{n: f.partitions})
	if f.view != nil && w.Kind == messages.Classic {
		ctx.Send(pid, f.view)
	}
	f.reportClassicSoon(ctx)
	return m
}

func (f *fleet) onStatus(ctx actor.Context, m *workerStatus) {
	w := f.members[m.ID]
	if w == nil || !w.pid.Equal(m.from) {
		return
	}
	classic := w.status.Kind == messages.Classic || m.Kind == messages.Classic
	idle := f.holding == 0
	f.tally(w, -1)
	f.setTrouble(w, m)
	w.status = &m.WorkerStatus
	w.leaving = w.leaving || m.State == messages.WorkerGone
	if len(m.Held) > 0 || w.leaving {
		f.rouse(ctx, w)
	}
	f.tally(w, +1)
	if idle && f.holding > 0 {
		ctx.Send(f.ingress, &attend{})
	}
	f.pub.soon(ctx)
	if (m.proven || m.Working && len(m.Held) > 0) && !w.proven {
		w.proven = true
		f.gate.strangers--
	}
	if m.State == messages.WorkerGone {
		// Poison lets it process what it was sent before: each of these messages has to
		// be acknowledged.
		ctx.Poison(w.pid)
	}
	if classic {
		f.reportClassicSoon(ctx)
		if f.view != nil && len(m.Held) > 0 && len(m.Partitions) == 0 {
			ctx.Send(w.pid, f.view) // it was sent none while it was not known to hold anything
		}
	}
}

// forget drops a worker from the lists.
func (f *fleet) forget(id messages.WorkerID) {
	w := f.members[id]
	f.tally(w, -1)
	if !w.proven {
		f.gate.strangers--
	}
	f.troubles.clear(w.trouble, id)
	f.unwatch(w)
	delete(f.members, id)
	delete(f.byPID, w.pid.Id)
	f.duplicates.Forget(id)
	delete(f.warned, id)
}

// tally counts a worker in, or out with n = -1.
func (f *fleet) tally(w *member, n int) {
	st := w.status
	if st.Kind == messages.Classic {
		if n > 0 {
			f.classic[st.ID] = w
		} else {
			delete(f.classic, st.ID)
		}
	}
	if !w.leaving {
		f.counts[st.Kind][st.State] += n
	}
	if len(st.Held) > 0 {
		f.holding += n
	}
}

// onTerminated takes back what a worker held that left, or whose supervisor panicked. Its
// next message makes a new supervisor.
func (f *fleet) onTerminated(ctx actor.Context, m *actor.Terminated) {
	if f.ended {
		return
	}
	id, ok := f.byPID[m.Who.Id]
	if !ok {
		return
	}
	w, reason := f.members[id], "the worker left"
	if !w.leaving {
		reason = "its supervisor failed"
	}
	f.forget(id)
	ctx.Send(f.dispatcher, &withdraw{worker: id, epoch: ^uint64(0), under: m.Who.Id + "/"})
	ctx.Send(f.dispatcher, &workerLost{worker: id, how: ledger.EndReturned, reason: reason, left: w.leaving})
	// Its messages meanwhile are for its next supervisor, in the order of reading.
	slices.SortStableFunc(w.waiting, func(a, b *heard) int { return cmp.Compare(a.ack.batch, b.ack.batch) })
	for _, h := range w.waiting {
		f.route(ctx, h)
	}
	f.replaceClassic(ctx, id, w)
	f.reportClassicSoon(ctx)
}

// actorName makes an actor's name out of an id: short, and of plain characters only.
func actorName(id string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, id)
	return clean[:min(len(clean), 40)]
}
