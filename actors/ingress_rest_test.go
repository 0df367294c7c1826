package actors

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// countedBus counts fetches.
type countedBus struct {
	*memBus
	fetches atomic.Int32
}

func (b *countedBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	b.fetches.Add(1)
	return b.memBus.Fetch(ctx, from, wait)
}

// While nothing but heartbeats of idle workers is read, a fetch is made for many of them; it is
// not put off any more as soon as a worker has a chunk, something else is read or a silence is
// judged.
func TestIngressRestsWhileAllIsQuiet(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		bus := &countedBus{memBus: newMemBus()}
		_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "s", Partitions: 1}})
		require.NoError(t, err)
		var busy atomic.Bool
		fleet, persistence, owner := s.probe("fleet"), s.probe("persistence"), s.probe("owner")
		fleet.answer = func(ctx actor.Context, msg any) {
			if m, ok := msg.(*signals); ok {
				ctx.Send(m.from, &acked{batch: m.batch, n: len(m.list), quiet: !busy.Load()})
			}
		}
		pid, _ := s.spawn("ingress", func() actor.Actor {
			return newIngress(ingressDeps{bus: bus, log: s.log, persistence: persistence.pid, owner: owner.pid}, []messages.Position{{Topic: "s"}})
		})
		s.tell(pid, &readFor{fleet: fleet.pid})
		speak := func() (fetches int32) {
			before := bus.fetches.Load()
			for range 100 {
				bus.say("s", beatOf("w", 1, 5))
				time.Sleep(time.Millisecond)
			}
			return bus.fetches.Load() - before
		}
		speak()
		require.LessOrEqual(t, speak(), int32(3))
		for _, ends := range []any{&attend{}, &acked{n: 1}, &askCaughtUp{}} {
			time.Sleep(2 * fetchWait)
			bus.say("s", beatOf("w", 1, 5))
			time.Sleep(time.Millisecond)
			fleet.clear()
			bus.say("s", beatOf("w", 1, 5))
			time.Sleep(time.Millisecond)
			expectNone[*signals](fleet)
			s.tell(pid, ends)
			expect[*signals](fleet)
		}
		busy.Store(true)
		speak()
		require.GreaterOrEqual(t, speak(), int32(100))
	})
}
