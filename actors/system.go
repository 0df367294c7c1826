package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"

	"kafka-master/messages"
)

// The actor library registers actors in 1,024 maps of this type, each of which has 32 parts
// with a lock of their own by default. These take 4 MB, before there is any actor. The number
// has to be set before the first map is made, and applies to all of them.
func init() { cmap.SHARD_COUNT = 1 }

// Parts are the outside systems that the actors work with.
type Parts struct {
	Store    Store
	Lease    Lease
	Files    Files
	Producer Producer
	Consumer Consumer
	Topics   Topics
	Groups   Groups
	Merger   Merger // nil when results are not merged
}

// System is the running actors of one master.
type System struct {
	sys    *actor.ActorSystem
	master *actor.PID
	ended  context.Context // its cause is why the actors gave up
}

// Start starts the actors. They run until Stop, or until they give up. Then Done is
// closed.
func Start(cfg Config, parts Parts, log *slog.Logger) *System { return start(cfg, parts, log) }

// start is Start with more properties of the root actor.
func start(cfg Config, parts Parts, log *slog.Logger, root ...actor.PropsOption) *System {
	quiet := slog.New(warnOnly{log.Handler()})
	sys := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }),
		actor.WithDeadLetterThrottleInterval(throttled),
	)
	ended, end := context.WithCancelCause(context.Background())
	s := &System{sys: sys, ended: ended}
	goroutines := newPool(s.Done(), cfg.Counters)
	if cfg.Counters != nil {
		sys.Extensions.Register(cfg.Counters)
	}
	sys.Extensions.Register(goroutines)
	sys.Extensions.Register(&buffers{spoil: cfg.spoil})
	sys.Extensions.Register(&unknownMessages{log: log})
	p := props(log, func() actor.Actor {
		return newMaster(masterDeps{cfg: cfg, parts: parts, log: log, end: end})
	}).
		Configure(actor.WithGuardian(stopOnPanic()), actor.WithDispatcher(goroutines), cfg.Counters.counted()).Configure(root...)
	pid, err := sys.Root.SpawnNamed(p, "master")
	if err != nil {
		panic(fmt.Sprintf("spawn master: %v", err)) // the name is free in a new system
	}
	s.master = pid
	return s
}

// Done is closed when the actors have ended.
func (s *System) Done() <-chan struct{} { return s.ended.Done() }

// Err returns why the actors gave up. It is nil when they were stopped, and until Done is
// closed.
func (s *System) Err() error {
	if err := context.Cause(s.ended); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// throttled is how long dead letters are counted together. The library's timer for it
// outlives a stop.
const throttled = 100 * time.Millisecond

// Ask sends a question to the actors and returns the answer, of the type that the comment
// of the question names. Errors wrap messages.ErrUnavailable when a retry helps, or one of
// the other errors that the comment names.
func (s *System) Ask(ctx context.Context, q messages.Query) (any, error) {
	d := messages.AskTimeout
	if at, ok := ctx.Deadline(); ok {
		d = min(d, max(time.Millisecond, time.Until(at)))
	}
	answer, err := s.sys.Root.RequestFuture(s.master, &ask{query: q}, d).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: no answer within %s", messages.ErrUnavailable, d)
	}
	switch a := answer.(type) {
	case error:
		return nil, a
	case *actor.DeadLetterResponse:
		return nil, fmt.Errorf("%w: the master is stopping", messages.ErrUnavailable)
	}
	return answer, nil
}

// Stop drains and ends the actors: nothing new is read, planned or dispatched, what is in
// flight is produced and stored, and the lease is released. It returns an error when ctx
// ended before that; the actors have ended all the same then, as after a crash.
func (s *System) Stop(ctx context.Context) error {
	d := 10 * time.Second
	if at, ok := ctx.Deadline(); ok {
		d = max(time.Millisecond, time.Until(at))
	}
	_, err := s.sys.Root.RequestFuture(s.master, &shutdown{}, d).Result()
	s.sys.Root.Stop(s.master)
	select {
	case <-s.Done():
	case <-time.After(2 * time.Second):
		err = errors.Join(err, errors.New("the actors did not end"))
	}
	s.sys.Shutdown()
	if err != nil {
		return fmt.Errorf("stop the actors: %w", err)
	}
	return nil
}

// ask carries a question.
type ask struct{ query messages.Query }

// warnOnly hides what the actor library logs below the level of warnings.
type warnOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h warnOnly) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (h warnOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnOnly{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h warnOnly) WithGroup(name string) slog.Handler { return warnOnly{h.Handler.WithGroup(name)} }
