package actors

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is an actor system in a bubble of virtual time, with probes in place of
// the actors around the one under test.
type stage struct {
	t       *testing.T
	sys     *actor.ActorSystem
	root    *actor.RootContext
	log     *slog.Logger
	mu      sync.Mutex
	dead    []string // dead letters
	started []*actor.PID
}

// onStage runs a test in a bubble and checks at its end that no actor is left
// and that no message went to nobody.
func onStage(t *testing.T, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, log: slog.New(slog.DiscardHandler)}
		s.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return s.log }))
		s.sys.Extensions.Register(&buffers{spoil: true})
		s.root = s.sys.Root
		sub := s.sys.EventStream.Subscribe(func(e any) {
			if d, ok := e.(*actor.DeadLetterEvent); ok {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.dead = append(s.dead, fmt.Sprintf("%T to %s", d.Message, d.PID.Id))
			}
		})
		f(s)
		synctest.Wait()
		s.mu.Lock()
		for _, d := range s.dead {
			t.Errorf("dead letter: %s", d)
		}
		s.mu.Unlock()
		s.sys.EventStream.Unsubscribe(sub)
		for _, pid := range slices.Backward(s.started) {
			s.root.Stop(pid)
			synctest.Wait()
		}
		time.Sleep(3 * time.Second) // the dead letter throttle and late timers
		synctest.Wait()
		s.checkRegistry()
		s.sys.Shutdown()
	})
}

// forgive drops the dead letters so far, which the test expects.
func (s *stage) forgive() {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = nil
}

func (s *stage) checkRegistry() {
	for i := range s.sys.ProcessRegistry.LocalPIDs.LocalPIDs {
		for _, key := range s.sys.ProcessRegistry.LocalPIDs.LocalPIDs[i].Keys() {
			if key != "deadletter" && key != "eventstream" {
				s.t.Errorf("left behind: %s", key)
			}
		}
	}
}

// spawn starts an actor under test, as a child of a parent that records what it
// is sent.
func (s *stage) spawn(name string, produce func() actor.Actor) (pid *actor.PID, parent *probe) {
	s.t.Helper()
	parent = &probe{s: s, child: func(ctx actor.Context) *actor.PID { return spawn(ctx, s.log, name, produce) }}
	parent.pid = s.actor("parent-of-"+name, parent)
	synctest.Wait()
	return parent.childPID, parent
}

func (s *stage) actor(name string, a actor.Actor) *actor.PID {
	p := props(s.log, func() actor.Actor { return a })
	pid, err := s.root.SpawnNamed(p, name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.started = append(s.started, pid)
	return pid
}

// probe starts an actor that records what it is sent.
func (s *stage) probe(name string) *probe {
	p := &probe{s: s}
	p.pid = s.actor(name, p)
	return p
}

// tell sends and waits until every mailbox is empty.
func (s *stage) tell(pid *actor.PID, msgs ...any) {
	for _, m := range msgs {
		s.root.Send(pid, m)
	}
	synctest.Wait()
}

// probe records the messages that it is sent.
type probe struct {
	s        *stage
	pid      *actor.PID
	child    func(actor.Context) *actor.PID
	childPID *actor.PID
	answer   func(ctx actor.Context, msg any) // may be nil

	mu  sync.Mutex
	got []any
}

// Receive implements actor.Actor.
func (p *probe) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		if p.child != nil {
			p.childPID = p.child(ctx)
		}
	case *actor.Stopping, *actor.Stopped:
	default:
		p.mu.Lock()
		p.got = append(p.got, m)
		p.mu.Unlock()
		if p.answer != nil {
			p.answer(ctx, m)
		}
	}
}

// expect waits until every mailbox is empty and takes the first message of the
// type out of what the probe was sent.
func expect[M any](p *probe) M {
	p.s.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range p.got {
		if x, ok := m.(M); ok {
			p.got = slices.Delete(p.got, i, i+1)
			return x
		}
	}
	var want M
	p.s.t.Fatalf("%s was not sent a %T but %s", p.pid.Id, want, p.names())
	return want
}

// expectNone fails if the probe was sent a message of the type.
func expectNone[M any](p *probe) {
	p.s.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		if _, ok := m.(M); ok {
			p.s.t.Fatalf("%s was sent a %T: %+v", p.pid.Id, m, m)
		}
	}
}

// clear forgets what the probe was sent so far.
func (p *probe) clear() {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

func (p *probe) names() []string {
	var out []string
	for _, m := range p.got {
		out = append(out, fmt.Sprintf("%T", m))
	}
	return out
}
