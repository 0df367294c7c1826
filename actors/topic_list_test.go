package actors

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// listBus counts calls for the list, and can hold them up.
type listBus struct {
	Topics
	calls atomic.Int64
	fails atomic.Bool
	gate  chan struct{} // nil: does not wait
}

func (b *listBus) List(ctx context.Context) ([]messages.Topic, error) {
	b.calls.Add(1)
	if b.gate != nil {
		<-b.gate
	}
	if b.fails.Load() {
		return nil, errors.New("away")
	}
	return b.Topics.List(ctx)
}

func TestManyQuestionsForTheTopicsAreOneCall(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		bus := &listBus{Topics: w.bus, gate: make(chan struct{})}
		w.stop()
		w.sys = Start(w.cfg, Parts{Store: w.store, Lease: w.store, Files: w.files, Producer: w.bus, Consumer: w.bus, Topics: bus, Groups: w.bus}, w.log)
		time.Sleep(time.Second)
		answers := make(chan any, 200)
		for range 200 {
			go func() {
				a, err := w.sys.Ask(t.Context(), messages.QueryTopics{})
				if err != nil {
					a = err
				}
				answers <- a
			}()
		}
		time.Sleep(time.Millisecond)
		close(bus.gate)
		for range 200 {
			require.IsType(t, []messages.Topic{}, <-answers)
		}
		require.Equal(t, int64(1), bus.calls.Load())
		w.ask(messages.GrowPartitions{Partitions: 9})
		calls := bus.calls.Load()
		require.Contains(t, w.ask(messages.QueryTopics{}), messages.Topic{Name: "chunks", Partitions: 9})
		require.Equal(t, calls+1, bus.calls.Load(), "the list of before is void")
		bus.fails.Store(true)
		w.ask(messages.QueryTopics{})
		time.Sleep(viewEvery)
		_, err := w.sys.Ask(t.Context(), messages.QueryTopics{})
		require.ErrorIs(t, err, messages.ErrUnavailable)
	})
}
