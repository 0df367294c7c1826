package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A chunk that hangs is taken back from its worker by a person, and runs at another one. It is
// no failure of the chunk.
func TestPersonTakesAChunkBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		hung, other := w.startWorker("hung", 0), w.startWorker("other", 1)
		w.drop("a.txt", 40)
		m := hung.read()[0]
		require.ErrorIs(t, w.refusal(messages.RecallChunks{Worker: "nobody", By: "api"}), messages.ErrNotFound)
		require.ErrorIs(t, w.refusal(messages.RecallChunks{Worker: "hung", BatchID: m.BatchID, By: "api"}), messages.ErrConflict, "it did not announce that it can")
		w.bus.mu.Lock()
		hung.strict = true
		w.bus.mu.Unlock()
		hung.announce()
		time.Sleep(time.Second)
		require.ErrorIs(t, w.refusal(messages.RecallChunks{Worker: "hung", BatchID: "a_chunk_99", By: "api"}), messages.ErrNotFound)
		require.Equal(t, messages.ChunksRecalled{BatchIDs: []string{m.BatchID}}, w.ask(messages.RecallChunks{Worker: "hung", BatchID: m.BatchID, By: "api"}))
		audit := w.ask(messages.QueryAudit{}).(messages.Audit)
		last := audit[len(audit)-1]
		require.Equal(t, []string{"api", messages.ActionRecall, "hung", m.BatchID}, []string{last.By, last.Action, last.Target, last.Old})
		sent := hung.read()
		asked := sent[len(sent)-1]
		require.True(t, asked.Stop)
		require.Equal(t, []string{m.BatchID}, asked.Recall)
		hung.report(m, messages.OutcomeRetry)
		name, _, _ := messages.ParseBatchID(m.BatchID)
		require.Eventually(t, func() bool {
			again := other.finish(messages.OutcomeOK)
			got, attempt, _ := messages.ParseBatchID(again.BatchID)
			return got == name && attempt == 2
		}, time.Minute, 100*time.Millisecond)
		require.Zero(t, w.file("a.txt").DeadItems)
	})
}
