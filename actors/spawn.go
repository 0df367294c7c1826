package actors

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"path"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/cespare/xxhash/v2"
)

// props returns the properties of every actor: its panics are logged, and its children
// stop when they panic. Nothing restarts in place, because a restart would lose the message
// and keep the old state of the children. The parent receives Terminated and decides.
func props(log *slog.Logger, produce func() actor.Actor) *actor.Props {
	return actor.PropsFromProducer(
		produce,
		actor.WithReceiverMiddleware(logPanics(log)),
		actor.WithSupervisor(stopOnPanic()),
	)
}

func stopOnPanic() actor.SupervisorStrategy {
	return actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })
}

// logPanics logs a panic with its stack, and passes it on. A panic while the actor stops is
// not passed on: it would leave an actor that never ends, and its parent would wait for it.
func logPanics(log *slog.Logger) actor.ReceiverMiddleware {
	return func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, env *actor.MessageEnvelope) {
			defer func() {
				r := recover()
				if r == nil {
					return
				}
				stack := debug.Stack()
				if c, ok := env.Message.(*crashed); ok {
					stack = c.stack
				}
				name := path.Base(c.Self().Id)
				log.Error("actor panicked", "actor", name, "message", fmt.Sprintf("%T", env.Message), "err", r, "stack", string(stack))
				switch env.Message.(type) {
				case *actor.Stopping, *actor.Stopped, *actor.Restarting:
				default:
					panic(fmt.Sprintf("%s: %v", name, r))
				}
			}()
			if c, ok := env.Message.(*crashed); ok {
				panic(c.cause)
			}
			next(c, env)
		}
	}
}

// spawn starts a child. Names are unique by construction; a clash is a bug.
func spawn(ctx actor.Context, log *slog.Logger, name string, produce func() actor.Actor) *actor.PID {
	return mustSpawn(ctx, childProps(ctx.ActorSystem(), log, produce), name)
}

func mustSpawn(ctx actor.Context, p *actor.Props, name string) *actor.PID {
	pid, err := ctx.SpawnNamed(p, name)
	if err != nil {
		panic(fmt.Sprintf("spawn %s: %v", name, err))
	}
	return pid
}

// childProps returns the properties of every actor but the first one.
func childProps(sys *actor.ActorSystem, log *slog.Logger, produce func() actor.Actor) *actor.Props {
	return props(log, produce).Configure(actor.WithDispatcher(dispatcherOf(sys)), countersOf(sys).counted())
}

// alarm is one timer of an actor. It arrives as a message.
type alarm struct {
	timer *time.Timer // nil while the alarm is not set
	at    time.Time
	gen   uint64 // raised by each set and stop
}

// rang is the message of an alarm that went off.
type rang struct {
	alarm *alarm
	gen   uint64
}

// set sets the alarm. A d of 0 or less counts as a nanosecond: in the virtual time of tests
// a timer of 0 runs in the goroutine that sets it, and under the race detector two of these
// at once end the process (Go 1.26, runtime.timer.modify).
func (a *alarm) set(ctx actor.Context, d time.Duration) {
	a.stop()
	d = max(1, d)
	a.at = time.Now().Add(d)
	msg := &rang{alarm: a, gen: a.gen}
	self, root := ctx.Self(), ctx.ActorSystem().Root
	a.timer = time.AfterFunc(d, func() { root.Send(self, msg) })
	countersOf(ctx.ActorSystem()).timerStarted()
}

// by sets the alarm, unless it rings by then anyway, so that a time that only moves later
// starts no timer. When the alarm rings, the actor has to check whether its time has come, and
// call by again if it has not.
func (a *alarm) by(ctx actor.Context, at time.Time) {
	if a.timer == nil || at.Before(a.at) {
		a.set(ctx, time.Until(at))
		a.at = at // set is a little later, and the same time again would start another timer
	}
}

// stop cancels the alarm.
func (a *alarm) stop() {
	a.gen++
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// rings reports whether msg ends the wait for this alarm, and stops the alarm. The message
// of an earlier setting counts, too, once the time is over: an actor that sets its alarm
// after each message would otherwise replace a time that has passed by another one for
// ever, and each message would come too late for the setting after it.
func (a *alarm) rings(msg *rang) bool {
	if msg.alarm != a || a.timer == nil || msg.gen != a.gen && time.Now().Before(a.at) {
		return false
	}
	a.stop()
	return true
}

// backoff is a capped exponential pause with jitter. The jitter comes from the
// clock: calls within one process never share a nanosecond for long. It is own code,
// since cenkalti/backoff takes its jitter from the global source of math/rand, and a
// simulated world could then not be repeated from its seed.
type backoff struct {
	min, max time.Duration
	tries    int
}

// next returns the next pause.
func (b *backoff) next() time.Duration {
	d := min(b.max, b.min<<min(b.tries, 20))
	b.tries++
	now := binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
	return d - time.Duration(xxhash.Sum64(now)%(uint64(d)/5+1))
}

func (b *backoff) reset() { b.tries = 0 }

// run does work in a goroutine beside the actor; its result comes back as a message.
func run(ctx actor.Context, work func() any) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	beside(ctx, func() { root.Send(self, work()) })
}

// call is run for calls of an outside system, with a deadline for all of them together.
func call(ctx actor.Context, parent context.Context, d time.Duration, work func(context.Context) any) {
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, d)
		defer cancel()
		return work(c)
	})
}

// crashed makes an actor panic because a goroutine beside it did.
type crashed struct {
	cause any
	stack []byte
}

// beside does work in a goroutine that belongs to the actor: when it panics, the actor
// fails as if it had panicked itself, and the process continues.
func beside(ctx actor.Context, work func()) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	dispatcherOf(ctx.ActorSystem()).Schedule(func() {
		defer func() {
			if r := recover(); r != nil {
				root.Send(self, &crashed{cause: r, stack: debug.Stack()})
			}
		}()
		work()
	})
}
