package actors

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// held lets a test stop an actor's mailbox, as a scheduler may.
type held struct{ open chan struct{} }

func holdable(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(c actor.ReceiverContext, env *actor.MessageEnvelope) {
		if h, ok := env.Message.(*held); ok {
			<-h.open
			return
		}
		next(c, env)
	}
}

// creditBundle is a dispatcher with one free-worker: both are real, and the mailbox
// of the free-worker can be held up.
type creditBundle struct {
	*stage
	dispatcher, freeWorker *actor.PID
	egress, ingress        *probe
	at                     []*send // chunks at the worker, oldest first
}

func stageCredit(t *testing.T, prefetch, chunks int, f func(b *creditBundle)) {
	onStage(t, func(s *stage) {
		b := &creditBundle{stage: s, egress: s.probe("egress"), ingress: s.probe("ingress")}
		persistence, owner, planner := s.probe("persistence"), s.probe("owner"), s.probe("planner")
		persistence.answer = func(ctx actor.Context, msg any) {
			if w, ok := msg.(*write); ok {
				for _, n := range w.after {
					ctx.Send(n.to, n.msg)
				}
			}
		}
		b.dispatcher, _ = s.spawn("dispatcher", func() actor.Actor {
			return newDispatcher(dispatcherDeps{log: s.log, persistence: persistence.pid, owner: owner.pid, rules: ledger.Rules{MaxAttempts: 3}}, 2, messages.Snapshot{}, tail{})
		})
		deps := &workerDeps{cfg: Config{ChunkTopic: "c", WorkerTimeout: time.Minute, Prefetch: prefetch}, files: &memFiles{},
			dispatcher: b.dispatcher, persistence: persistence.pid, egress: b.egress.pid, ingress: b.ingress.pid, intake: owner.pid}
		w := messages.Worker{ID: "w", Kind: messages.Native, Partitions: []int32{0}, Capacity: 1}
		parent := &probe{s: s, child: func(ctx actor.Context) *actor.PID {
			p := props(s.log, func() actor.Actor { return newFreeWorker(deps, w, nil) }).Configure(actor.WithReceiverMiddleware(holdable))
			pid, err := ctx.SpawnNamed(p, "free-worker")
			require.NoError(t, err)
			return pid
		}}
		parent.pid = s.actor("supervisor", parent)
		synctest.Wait()
		b.freeWorker = parent.childPID
		s.tell(b.dispatcher, &adopt{file: testFile(1, chunks), planner: planner.pid})
		p := expect[*planFrom](planner)
		for i := range chunks {
			s.tell(b.dispatcher, &planned{file: 1, epoch: p.epoch, cuts: []cutter.Cut{testCut(1, i)}})
		}
		s.tell(b.freeWorker, &setWorker{worker: w, takes: true})
		f(b)
	})
}

// hold stops the free-worker's mailbox until the returned function is called.
func (b *creditBundle) hold() (release func()) {
	open := make(chan struct{})
	b.tell(b.freeWorker, &held{open})
	return func() { close(open); synctest.Wait() }
}

// take adds what was sent to the worker.
func (b *creditBundle) take() {
	synctest.Wait()
	b.egress.mu.Lock()
	defer b.egress.mu.Unlock()
	for _, m := range b.egress.got {
		if x, ok := m.(*send); ok {
			b.at = append(b.at, x)
		}
	}
	b.egress.got = nil
}

// finish reports the oldest chunk as done.
func (b *creditBundle) finish() {
	x := b.at[0]
	b.at = b.at[1:]
	b.tell(b.dispatcher, &judge{signal: progress("w", x.tag, 2, 2), reply: b.freeWorker, ack: receipt{ingress: b.ingress.pid, batch: 1}})
}

func (b *creditBundle) beat() {
	s := messages.Signal{Kind: messages.SignalHeartbeat, Worker: "w", Running: []string{b.at[0].tag}, Next: 1000}
	for _, x := range b.at[1:] {
		s.Queued = append(s.Queued, x.tag)
	}
	b.tell(b.freeWorker, &spoken{signal: s})
}

// Two results that are judged before the free-worker runs do not cost the worker its
// queue ahead: an offer that knows of one verdict leaves the credit of the other.
func TestTwoResultsAtOnceKeepTheQueueAhead(t *testing.T) {
	t.Parallel()
	for _, prefetch := range []int{1, 8} {
		t.Run(fmt.Sprint(prefetch), func(t *testing.T) {
			t.Parallel()
			stageCredit(t, prefetch, 200, func(b *creditBundle) {
				for range 12 {
					b.take()
					require.Len(t, b.at, 1+prefetch)
					b.beat()
					release := b.hold()
					b.finish()
					b.finish()
					release()
				}
				for range 20 {
					b.take()
					b.finish()
				}
				b.take()
				require.Len(t, b.at, 1+prefetch)
			})
		})
	}
}

// A verdict and a refused send at the same time do not cost the worker its queue either.
func TestRefusedSendAndResultAtOnceKeepTheQueueAhead(t *testing.T) {
	t.Parallel()
	stageCredit(t, 1, 60, func(b *creditBundle) {
		for range 4 {
			b.take()
			require.Len(t, b.at, 2)
			release := b.hold()
			b.root.Send(b.freeWorker, &sent{tag: b.at[1].tag, offset: messages.UnknownOffset, err: messages.ErrRefused})
			b.at = b.at[:1]
			b.finish()
			release()
			time.Sleep(time.Second)
		}
		b.take()
		require.Len(t, b.at, 2)
	})
}

// A verdict that crosses the end of an epoch does not cost the worker a slot of the next
// one.
func TestVerdictOfAFormerEpochTakesNoSlot(t *testing.T) {
	t.Parallel()
	stageCredit(t, 0, 60, func(b *creditBundle) {
		for range 4 {
			b.take()
			require.Len(t, b.at, 1)
			w := messages.Worker{ID: "w", Kind: messages.Native, Partitions: []int32{0}, Capacity: 1}
			release := b.hold()
			b.root.Send(b.freeWorker, &setWorker{worker: w})
			b.finish()
			release()
			b.tell(b.freeWorker, &setWorker{worker: w, takes: true})
			time.Sleep(time.Minute)
		}
	})
}
