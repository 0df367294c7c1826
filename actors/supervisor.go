package actors

import (
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// supervisor knows whether one worker is alive: registration, heartbeats, silence,
// suspect, lost, back. Its child, the free-worker, hands chunks over.
type supervisor struct {
	*workerDeps
	log        *slog.Logger // without the worker's id: see logger
	freeWorker *actor.PID
	known      messages.Worker
	held       []holding       // of the stored state, until the free-worker has them
	drain      *messages.Drain // why it gets nothing until a person resumes it, nil while it is not drained

	alive      slots.Liveness
	heard      uint64    // messages of the worker that were handled
	handed     bool      // the fleet watches the worker
	watch      alarm     // for the next judgement of a silence
	askedAt    time.Time // when ingress was asked whether everything was read, zero when it was not
	reason     string    // of the silence that is judged then
	former     slots.FormerProcess
	formerEnds alarm // for the time when the former process counts as ended
	ended      bool  // its child ends because this actor does

	load       load
	worked     bool             // it was given a chunk
	unfit      string           // why a native worker takes no chunks, by its own heartbeat
	paused     *paused          // why the dispatcher gives it none, nil while it does
	pauseEnds  alarm            // for the time when its pause is over
	quiet      quietBeat        // the last heartbeat, if it listed no chunks
	rested     bool             // its pause is over, and there was no work to try it with
	view       *slots.Group     // of the classic workers, nil until it is known
	partitions int              // of the chunk topic
	unwritten  map[int32]string // partitions that cannot be written now, with the reason
	revoked    bool             // another classic worker announced its partitions
	done       uint64           // number of "done" messages, which have no other effect
	reported   *workerStatus    // the last one
}

// quietBeat is a heartbeat without chunks.
type quietBeat struct {
	known bool
	next  int64 // offset that the worker reads next
}

type (
	// heard is a message of the worker.
	heard struct {
		signal messages.Signal
		ack    receipt
	}
	// partitionCount is how many partitions the chunk topic has.
	partitionCount struct{ n int }
	// revoke reports that another worker announced some of this one's partitions.
	revoke struct{ partitions []int32 }
	// load is what the worker holds.
	load struct {
		slots.Load
		free   bool
		proven bool // a native worker ended a chunk that it was given
	}
	// vanished reports that a classic worker left its group.
	vanished struct{ reason string }
	// silent reports that a classic worker owes a sign of life.
	silent struct{ reason string }
	// blocked reports that a partition of the worker cannot be written, or can be again
	// when the reason is empty.
	blocked struct {
		partition int32
		reason    string
	}
	// returned reports that no other worker claims the partitions of a classic worker's
	// last announcement any more.
	returned struct{ partitions []int32 }
	// dismiss forgets a worker that nothing speaks for, or that a person wants forgotten.
	dismiss struct{}
	// setDrain has the worker drained, or resumed without a drain.
	setDrain struct{ drain *messages.Drain }
)

// maxListed is how many partitions of an announcement are logged.
const maxListed = 20

func newSupervisor(deps *workerDeps, log *slog.Logger, w messages.Worker, held []holding, drain *messages.Drain) actor.Actor {
	x := &supervisor{workerDeps: deps, log: log, known: w, held: held, drain: drain}
	x.alive = slots.NewLiveness(w, time.Now())
	x.former.Replaced(time.Now())
	return x
}

// Receive implements actor.Actor.
func (s *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		x := newFreeWorker(s.workerDeps, s.known, s.held)
		s.held = nil
		s.freeWorker = s.crowd.spawn(ctx, "free-worker", x)
		s.instruct(ctx, setWorker{})
	case *actor.Stopping:
		s.ended = true
		s.watch.stop()
		s.formerEnds.stop()
		s.pauseEnds.stop()
		return
	case *heard:
		// The acknowledgement is deferred, so that a message which makes this actor panic
		// does not stop the reading of all others.
		passed := false
		s.heard++
		s.handed = false
		defer func() {
			if !passed {
				m.ack.give(ctx)
			}
		}()
		passed = s.onHeard(ctx, m)
	case *handBack:
		s.handed = false
		s.alive.Sign(m.last)
	case *actor.Terminated:
		if !s.ended {
			ctx.Stop(ctx.Self()) // its free-worker failed: the fleet makes a new supervisor
		}
		return
	case *load:
		s.load = *m
		s.worked = s.worked || len(m.Held) > 0 || m.proven
	case *slots.Group:
		s.view = m
		ctx.Send(s.freeWorker, m)
		s.instruct(ctx, setWorker{})
	case *vanished:
		if s.alive.State() != messages.WorkerLost {
			s.lose(ctx, m.reason)
		}
	case *revoke:
		s.onRevoke(ctx, m)
	case *dismiss:
		s.leave(ctx)
	case *setDrain:
		s.drain = m.drain
		s.instruct(ctx, setWorker{})
	case *returned:
		s.onReturned(ctx, m)
	case *paused:
		s.pause(ctx, m)
	case *blocked:
		s.onBlocked(ctx, m)
	case *partitionCount:
		s.partitions = m.n
		s.instruct(ctx, setWorker{})
	case *readsResumed:
		s.alive.Excuse(time.Now())
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
		s.onRang(ctx, m)
	case messages.RecallChunks:
		s.onRecallChunks(ctx, m)
	default:
		unknown(ctx)
		return
	}
	s.rearm(ctx)
	s.reportStatus(ctx)
}

func (s *supervisor) onRang(ctx actor.Context, m *rang) {
	switch {
	case s.watch.rings(m):
		if at, ok := s.judgedAt(); ok && s.askedAt.IsZero() && !time.Now().Before(at) {
			s.askCaughtUp(ctx, "no heartbeat")
		}
	case s.formerEnds.rings(m): // the status changes
	case s.pauseEnds.rings(m):
		s.onPauseEnds(ctx)
	}
}

// logger returns the log with the worker's id. Most supervisors never write a line, so it is
// made when it is needed.
func (s *supervisor) logger() *slog.Logger { return s.log.With("worker_id", s.known.ID) }

// onHeard takes a message of the worker. passed is true when another actor acknowledges
// it.
func (s *supervisor) onHeard(ctx actor.Context, m *heard) (passed bool) {
	x := m.signal
	if s.alive.State() == messages.WorkerGone { // it left: this is for its next supervisor
		ctx.Send(ctx.Parent(), m)
		return true
	}
	switch slots.ProcessOf(s.known, s.alive.State(), x) {
	case slots.Former:
		s.former.Hear(x, time.Now())
		if x.Final() { // its work still counts; it frees nobody
			ctx.Send(s.dispatcher, &judge{signal: x, ack: m.ack})
			return true
		}
		return false
	case slots.Stranger:
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
			if s.known.Recalls != x.Recalls { // The record of an older master lacks it.
				s.known.Recalls = x.Recalls
				s.instruct(ctx, setWorker{})
			}
		}
		s.onNote(ctx, x.Note)
		if s.eventful(x) {
			ctx.Send(s.freeWorker, &spoken{signal: x})
		}
		s.handOver(ctx, x)
	case messages.SignalProgress:
		s.sign(ctx)
		if !x.Final() || s.known.Kind == messages.Classic { // the free-worker learns of the result by its verdict
			ctx.Send(s.freeWorker, &spoken{signal: x})
		}
		if x.Final() {
			ctx.Send(s.dispatcher, &judge{signal: x, reply: s.freeWorker, unfit: s.unfit != "", ack: m.ack})
			return true
		}
	case messages.SignalDone:
		s.done++
		s.sign(ctx)
	case messages.SignalDraining:
		s.sign(ctx)
		s.alive.Become(messages.WorkerDraining)
		s.instruct(ctx, setWorker{})
	case messages.SignalBye:
		s.leave(ctx)
	}
	return false
}

// eventful reports whether a heartbeat shows more than that the worker lives. Most workers of
// a large pool have nothing to do most of the time: one that has no chunks, lists none, as in
// its heartbeat before, and reads where it read then, costs the free-worker nothing.
func (s *supervisor) eventful(x messages.Signal) bool {
	before := s.quiet
	s.quiet = quietBeat{known: len(x.Running)+len(x.Queued) == 0, next: x.Next}
	return !s.quiet.known || s.quiet != before || len(s.load.Held) > 0
}

// sign notes a sign of life.
func (s *supervisor) sign(ctx actor.Context) {
	wasLost := s.alive.State() == messages.WorkerLost
	if !s.alive.Sign(time.Now()) {
		return
	}
	if wasLost {
		s.logger().Info("worker is back")
		s.store(ctx, false)
	}
	s.instruct(ctx, setWorker{})
}

// announce takes over what a worker announced.
func (s *supervisor) announce(ctx actor.Context, x messages.Signal) {
	w := messages.Worker{
		ID: s.known.ID, Partitions: slices.Clone(x.Partitions), Capacity: max(1, x.Capacity), Incarnation: x.Incarnation, Recalls: x.Recalls && x.Native(),
	}
	slices.Sort(w.Partitions)
	if x.Native() {
		w.Kind = messages.Native
	}
	first := s.known.Seen.IsZero()
	restarted := !first && (w.Kind != s.known.Kind || w.Incarnation != s.known.Incarnation)
	s.known, s.revoked, s.unfit, s.quiet = w, false, "", quietBeat{}
	s.alive = slots.NewLiveness(w, time.Now())
	if restarted {
		s.pause(ctx, nil)
		s.former.Replaced(time.Now())
	}
	s.logger().Debug("worker announced", "kind", w.Kind.String(), "partitions", w.Partitions[:min(len(w.Partitions), maxListed)], "count", len(w.Partitions))
	s.store(ctx, false)
	m := setWorker{change: slots.Change{Announced: true}}
	if restarted {
		s.reclaim(ctx, m, ledger.EndLost, "the worker was started again")
	} else {
		s.instruct(ctx, m)
	}
}

// leave ends a worker that said bye, or is forgotten. The fleet takes back what it holds
// when this actor has ended: a message to the free-worker might be overtaken by its end.
func (s *supervisor) leave(ctx actor.Context) {
	s.alive.Become(messages.WorkerGone)
	ctx.Send(s.persistence, &write{term: s.term, batch: messages.Batch{DropWorkers: []messages.WorkerID{s.known.ID}}})
}

// store writes the worker's record.
func (s *supervisor) store(ctx actor.Context, lost bool) {
	s.known.Lost, s.known.Seen = lost, time.Now()
	ctx.Send(s.persistence, &write{term: s.term, batch: messages.Batch{Workers: []messages.Worker{s.known}}})
}

// onRevoke takes away partitions that another worker announced: a worker without a list
// gets no chunks.
func (s *supervisor) onRevoke(ctx actor.Context, m *revoke) {
	for _, p := range m.partitions {
		if _, its := slices.BinarySearch(s.known.Partitions, p); its {
			s.known.Partitions, s.revoked = nil, true
			s.store(ctx, s.known.Lost)
			s.instruct(ctx, setWorker{})
			return
		}
	}
}

// instruct sends the free-worker what is known of the worker, and what changed.
func (s *supervisor) instruct(ctx actor.Context, m setWorker) {
	m.worker, m.drained, m.change.Draining = s.known, s.drain != nil, s.alive.Draining()
	m.takes, _, _ = s.takes()
	ctx.Send(s.freeWorker, &m)
}

// reclaim takes everything back that the worker holds. It goes by way of the
// free-worker, whose former offers must be void before chunks are ready again.
func (s *supervisor) reclaim(ctx actor.Context, m setWorker, how ledger.Ending, reason string) {
	m.change.Fresh = true
	s.quiet = quietBeat{} // the free-worker forgets where the worker reads
	m.lost = &workerLost{worker: s.known.ID, how: how, reason: reason}
	s.instruct(ctx, m)
}
