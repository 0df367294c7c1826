package actors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// What is counted begins at nothing with each leadership, while the totals of the
// files stay: that is what makes it a counter.
func TestOverviewCountsSinceTheLeadBegan(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 6)
		h.work("a.txt")
		o := w.overview()
		require.Equal(t, messages.Totals{DoneChunks: 3, DoneItems: 6}, o.Counted)
		require.Equal(t, messages.Leader{MasterID: w.cfg.MasterID, API: w.cfg.API}, o.Leader)

		w.stop()
		w.start()
		o = w.overview()
		require.Zero(t, o.Counted)
		require.Equal(t, int64(6), o.Files.DoneItems)
	})
}

// A worker's "done" is counted and shown and decides nothing.
func TestDoneIsCounted(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(classicNew("c", 1))
		b.tell(b.fleet, gateOpen([]int32{1}))
		o := expect[*offer](b.dispatcher)
		b.give(o, 0)
		for range 2 {
			b.hear(messages.Signal{Kind: messages.SignalDone, Worker: "c"})
		}
		got := b.status("c")
		require.Equal(t, uint64(2), got.Done)
		require.Equal(t, messages.WorkerBusy, got.State)
		expectNone[*judge](b.dispatcher)
	})
}
