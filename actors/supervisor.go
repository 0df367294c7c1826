package actors

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// supervisor knows whether one worker is alive: registration, heartbeats,
// silence, suspect, lost, back. Its child, the free-worker, hands chunks over.
type supervisor struct {
	workerDeps
	log   *slog.Logger
	known messages.Worker
	held  []holding // when restored

	alive      liveness
	freeWorker *actor.PID // the free-worker
	load       load
	gate       groupView
	watch      alarm
	asked      time.Time // when ingress was asked whether everything was read
	reason     string    // of a silence that is to be judged
	status     messages.WorkerStatus
	// trouble is the kind of problem that the status tells of.
	trouble messages.ProblemKind
	ended   bool // its child ends because this actor does

	worked     bool   // it was given a chunk
	unfit      string // why a native worker takes no chunks, as it says itself
	paused     paused // why the dispatcher gives it none
	double     double // whether another process runs under its id
	partitions int    // of the chunk topic
	revoked    bool   // a classic worker whose partitions another one announced
	// unwritten are partitions that cannot be written now, with the reason.
	unwritten map[int32]string
	done      uint64 // messages "done"; counted, and nothing else
}

type (
	// heard is a message of the worker.
	heard struct {
		signal messages.Signal
		ack    receipt
	}
	// groupView is what the classic workers' group looks like.
	groupView struct {
		stable    bool
		settled   bool      // Stable, or without members
		own       []int64   // what the master committed while there were no members
		lists     [][]int32 // assigned partitions of each member, ascending
		committed []int64   // committed offset of each partition
		note      string    // why nothing can be dispatched, when that is so
	}
	// partitionCount says how many partitions the chunk topic has.
	partitionCount struct{ n int }
	// revoke says that another worker announced some of this one's partitions.
	revoke struct{ partitions []int32 }
	// refused is a message that is not of the worker's running process.
	refused struct{ signal messages.Signal }
	// dismiss forgets a worker that nothing speaks for.
	dismiss struct{}
	// workerStatus tells the fleet what the worker is now.
	workerStatus struct {
		messages.WorkerStatus
		trouble messages.ProblemKind // what sort of problem its note is, if it is one
		from    *actor.PID
	}
)

// maxListed is how many partitions of an announcement are logged.
const maxListed = 20

func newSupervisor(deps workerDeps, log *slog.Logger, w messages.Worker, held []holding) actor.Actor {
	x := &supervisor{workerDeps: deps, log: log.With("worker_id", w.ID), known: w, held: held}
	x.alive = liveness{kind: w.Kind, state: messages.WorkerAnnounced, last: time.Now()}
	x.double.since = time.Now()
	if w.Lost {
		x.alive.state, x.alive.last = messages.WorkerLost, w.Seen
	}
	return x
}

// Receive implements actor.Actor.
func (s *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		held, deps, w := s.held, s.workerDeps, s.known
		s.held = nil
		s.freeWorker = spawn(ctx, s.log, "free-worker", func() actor.Actor { return newFreeWorker(deps, w, held) })
		s.instruct(ctx)
	case *actor.Stopping:
		s.ended = true
		s.watch.stop()
		s.double.watch.stop()
		return
	case *heard:
		// The acknowledgement goes out even if the message makes us panic: it
		// must not stop the reading of all others.
		ack := &m.ack
		defer func() { ack.give(ctx) }()
		if s.onHeard(ctx, m) {
			ack = &receipt{}
		}
	case *actor.Terminated:
		if !s.ended {
			ctx.Stop(ctx.Self()) // its free-worker failed: the fleet begins anew
		}
		return
	case *load:
		s.load = *m
		s.worked = s.worked || len(m.held) > 0
	case *groupView:
		s.gate = *m
		ctx.Send(s.freeWorker, m)
		s.instruct(ctx)
	case *vanished:
		if s.alive.state != messages.WorkerLost {
			s.lose(ctx, m.reason)
		}
	case *revoke:
		s.onRevoke(ctx, m)
	case *dismiss:
		s.leave(ctx)
	case *returned:
		s.onReturned(ctx, m)
	case *paused:
		s.paused = *m
	case *blocked:
		s.onBlocked(ctx, m)
	case *partitionCount:
		s.partitions = m.n
		s.instruct(ctx)
	case *readsResumed:
		s.alive.excuse(time.Now())
		ctx.Send(s.freeWorker, m)
	case *silent:
		s.askCaughtUp(ctx, m.reason)
	case *caughtUp:
		if m.forFreeWorker {
			ctx.Send(s.freeWorker, m)
			return
		}
		s.judge(ctx)
	case *rang:
		switch {
		case s.watch.is(m):
			s.watch.stop()
			s.askCaughtUp(ctx, "no heartbeat")
		case s.double.watch.is(m):
			s.double.watch.stop()
		}
	default:
		return
	}
	s.rearm(ctx)
	s.double.rearm(ctx)
	s.reportStatus(ctx)
}

// onHeard takes a message of the worker. passed is true when somebody else
// acknowledges it.
func (s *supervisor) onHeard(ctx actor.Context, m *heard) (passed bool) {
	x := m.signal
	if s.alive.state == messages.WorkerGone { // it said bye: this is for its next supervisor
		ctx.Send(ctx.Parent(), m)
		return true
	}
	switch sentBy(s.known, s.alive.state, x) {
	case byFormer:
		s.onFormer(x)
		if x.Final() { // its work still counts; it frees nobody
			ctx.Send(s.dispatcher, &judge{signal: x, ack: m.ack})
			return true
		}
		return false
	case byStranger:
		ctx.Send(ctx.Parent(), &refused{signal: x})
		return false
	}
	switch x.Kind {
	case messages.SignalAnnounce:
		s.announce(ctx, x)
	case messages.SignalHeartbeat:
		if x.Incarnation != s.known.Incarnation || s.known.Kind != messages.Native {
			s.announce(ctx, x)
		} else {
			s.sign(ctx)
		}
		s.onNote(ctx, x.Note)
		ctx.Send(s.freeWorker, &beat{signal: x, draining: s.alive.draining})
	case messages.SignalProgress:
		s.sign(ctx)
		ctx.Send(s.freeWorker, &work{signal: x})
		if x.Final() {
			ctx.Send(s.dispatcher, &judge{signal: x, reply: s.freeWorker, unfit: s.unfit != "", ack: m.ack})
			return true
		}
	case messages.SignalDone:
		s.done++
		s.sign(ctx)
	case messages.SignalDraining:
		s.sign(ctx)
		s.alive.drain()
		s.instruct(ctx)
	case messages.SignalBye:
		s.leave(ctx)
	}
	return false
}

// sign notes a sign of life.
func (s *supervisor) sign(ctx actor.Context) {
	wasLost := s.alive.state == messages.WorkerLost
	if !s.alive.sign(time.Now()) {
		return
	}
	if wasLost {
		s.log.Info("worker is back")
		s.store(ctx, false)
	}
	s.instruct(ctx)
}

func (s *supervisor) announce(ctx actor.Context, x messages.Signal) {
	w := messages.Worker{
		ID: s.known.ID, Partitions: slices.Clone(x.Partitions), Capacity: max(1, x.Capacity), Incarnation: x.Incarnation,
	}
	slices.Sort(w.Partitions)
	if x.Native() {
		w.Kind = messages.Native
	}
	first := s.known.Seen.IsZero()
	restarted := !first && (w.Kind != s.known.Kind || w.Incarnation != s.known.Incarnation)
	s.known, s.revoked = w, false
	s.unfit = ""
	if restarted {
		s.paused = paused{}
	}
	s.alive = liveness{kind: w.Kind, state: messages.WorkerAnnounced, last: time.Now()}
	if restarted {
		s.double = double{since: time.Now()}
	}
	s.log.Debug("worker announced", "kind", w.Kind.String(), "partitions", w.Partitions[:min(len(w.Partitions), maxListed)], "count", len(w.Partitions))
	s.store(ctx, false)
	if restarted {
		s.reclaim(ctx, endLost, "the worker was started anew")
	} else {
		s.instruct(ctx)
	}
	if w.Kind == messages.Classic {
		ctx.Send(s.freeWorker, &reannounced{partitions: w.Partitions})
	}
}

// leave ends a worker that said bye, or is forgotten. The fleet takes back what it
// holds when this actor has ended: a message to the free-worker might be overtaken
// by its end.
func (s *supervisor) leave(ctx actor.Context) {
	s.alive.state = messages.WorkerGone
	ctx.Send(s.persistence, &write{term: s.term, batch: messages.Batch{DropWorkers: []messages.WorkerID{s.known.ID}}})
}

func (s *supervisor) store(ctx actor.Context, lost bool) {
	s.known.Lost, s.known.Seen = lost, time.Now()
	ctx.Send(s.persistence, &write{term: s.term, batch: messages.Batch{Workers: []messages.Worker{s.known}}})
}

// ask lets ingress say when everything was read that is there now: a silence is
// judged only then.
func (s *supervisor) askCaughtUp(ctx actor.Context, reason string) {
	s.reason = reason
	s.asked = time.Now()
	ctx.Send(s.ingress, &askCaughtUp{supervisor: ctx.Self()})
}

// superseded reports whether nothing speaks for a classic worker any more: another
// one has its partitions, and it holds nothing.
func (s *supervisor) superseded() bool {
	return s.revoked && len(s.load.held) == 0 && s.alive.state == messages.WorkerAnnounced
}

// judge decides about a silence after everything was read.
func (s *supervisor) judge(ctx actor.Context) {
	reason := s.reason
	s.reason, s.asked = "", time.Time{}
	if s.superseded() && time.Since(s.alive.last) >= forgetAfter {
		s.leave(ctx)
		return
	}
	if s.known.Kind == messages.Classic && s.alive.state != messages.WorkerLost {
		if len(s.load.held) > 0 && time.Since(s.alive.last) >= s.cfg.WorkerTimeout {
			s.lose(ctx, reason)
		}
		return
	}
	if !s.alive.look(time.Now()) {
		return
	}
	switch s.alive.state {
	case messages.WorkerLost:
		s.lose(ctx, reason)
	case messages.WorkerGone:
		s.leave(ctx)
	default:
		s.instruct(ctx)
	}
}

func (s *supervisor) lose(ctx actor.Context, reason string) {
	s.paused = paused{}
	s.alive.lose()
	level := slog.LevelInfo
	if !s.worked { // it may never have been there
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, "worker is lost", "reason", reason, "silence_s", int(time.Since(s.alive.last).Seconds()))
	s.store(ctx, true)
	s.reclaim(ctx, endLost, reason)
	if s.known.Kind == messages.Classic {
		ctx.Send(s.group, &evict{partitions: s.known.Partitions})
	}
}

// onRevoke takes partitions away that another worker announced: a worker
// without a list is not dispatchable.
func (s *supervisor) onRevoke(ctx actor.Context, m *revoke) {
	for _, p := range m.partitions {
		if _, its := slices.BinarySearch(s.known.Partitions, p); its {
			s.known.Partitions, s.revoked = nil, true
			s.store(ctx, s.known.Lost)
			s.instruct(ctx)
			return
		}
	}
}

// tell lets the free-worker know what changed.
func (s *supervisor) instruct(ctx actor.Context) {
	takes, _, _ := s.takes()
	ctx.Send(s.freeWorker, &setWorker{worker: s.known, takes: takes})
}

// reclaim takes everything back that the worker holds. It goes by way of the
// free-worker, whose former offers must be void before chunks are ready again.
func (s *supervisor) reclaim(ctx actor.Context, how ending, reason string) {
	takes, _, _ := s.takes()
	ctx.Send(s.freeWorker, &setWorker{worker: s.known, takes: takes, fresh: true,
		lost: &workerLost{worker: s.known.ID, how: how, reason: reason}})
}

func (s *supervisor) rearm(ctx actor.Context) {
	at, ok := s.alive.due()
	if s.superseded() {
		at, ok = s.alive.last.Add(forgetAfter), true
	}
	if !ok || !s.asked.IsZero() {
		s.watch.stop()
		return
	}
	s.watch.set(ctx, time.Until(at))
}
