package actors

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// snapStore is a store from which a term loads a snapshot.
type snapStore struct {
	Store
	snap messages.Snapshot
}

// Load implements Store.
func (s snapStore) Load(context.Context, messages.Term) (messages.Snapshot, error) {
	return s.snap, nil
}

type termBundle struct {
	*stage
	pid         *actor.PID
	persistence *probe
}

func stageTerm(t *testing.T, values map[string]string, f func(b *termBundle)) {
	onStage(t, func(s *stage) {
		b := &termBundle{stage: s, persistence: s.probe("persistence")}
		bus, egress, view := newMemBus(), s.probe("egress"), s.probe("view")
		deps := termDeps{
			cfg:   Config{ChunkTopic: "chunks", SignalTopic: "signals", ConnectionTopic: "connections", HeartbeatTopic: "masters", Partitions: 1, BatchSize: 500},
			parts: Parts{Store: snapStore{snap: messages.Snapshot{Values: values}}, Files: &memFiles{}, Consumer: bus, Topics: bus, Groups: bus},
			log:   s.log, term: messages.Term{Number: 1}, trusted: time.Now().Add(time.Hour),
			persistence: b.persistence.pid, egress: egress.pid, view: view.pid,
		}
		b.pid, _ = s.spawn("term", func() actor.Actor { return newTerm(deps) })
		time.Sleep(time.Second)
		f(b)
	})
}

// query asks for the batch size.
func (b *termBundle) query() any {
	b.t.Helper()
	answer, err := b.root.RequestFuture(b.pid, &ask{query: messages.QueryBatchSize{}}, time.Second).Result()
	require.NoError(b.t, err)
	return answer
}

// stored returns the write of a batch size.
func (b *termBundle) stored() *write {
	b.t.Helper()
	for {
		w := expect[*write](b.persistence)
		if slices.ContainsFunc(w.batch.Values, func(v messages.Value) bool { return v.Name == messages.ValueBatchSize }) {
			return w
		}
	}
}

// commit has the notices of a write sent.
func (b *termBundle) commit(w *write) {
	for _, n := range w.after {
		b.tell(n.to, n.msg)
	}
}

func TestBatchSizeIsShownOnceItIsCommitted(t *testing.T) {
	t.Parallel()
	stageTerm(t, nil, func(b *termBundle) {
		require.ErrorIs(t, b.query().(error), messages.ErrUnavailable, "the one of the start is not committed yet")
		b.commit(b.stored())
		require.Equal(t, 500, b.query())
		asker := b.probe("asker")
		b.root.RequestWithCustomSender(b.pid, &ask{query: messages.SetBatchSize{Items: 7}}, asker.pid)
		w := b.stored()
		require.Len(t, w.batch.Values, 2, "value and origin are one write")
		require.Equal(t, 500, b.query())
		require.Empty(t, asker.names())
		b.commit(w)
		require.Equal(t, 7, b.query())
		require.Equal(t, 7, expect[int](asker))
	})
	stageTerm(t, map[string]string{messages.ValueBatchSize: "9"}, func(b *termBundle) {
		require.Equal(t, 9, b.query(), "a stored value is committed")
	})
}
