package actors

import (
	"context"
	"fmt"
	"testing"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// wholeBus adds what the suite asks for beside the ports.
type wholeBus struct{ *memBus }

func (wholeBus) Brokers() []string          { return nil }
func (wholeBus) Ping(context.Context) error { return nil }

func (b wholeBus) Refresh(_ context.Context, topics ...string) error {
	for _, name := range topics {
		if b.Leader(name, 0) == messages.NoLeader {
			return fmt.Errorf("topic %s: %w", name, messages.ErrNotWritten)
		}
	}
	return nil
}

// The bus of the actors' tests keeps the rules of the real one.
func TestMemBusKeepsTheRules(t *testing.T) {
	t.Parallel()
	infratest.ExerciseBusInMemory(t, func(*testing.T) infratest.Bus { return wholeBus{newMemBus()} })
}
