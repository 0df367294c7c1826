package actors

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// changes are the changes of people, each as action, target, old and new value.
func (w *world) changes() (out []string) {
	w.t.Helper()
	for _, e := range w.ask(messages.QueryAudit{}).(messages.Audit) {
		require.NotZero(w.t, e.At)
		require.Equal(w.t, "api", e.By)
		out = append(out, e.Action+" "+e.Target+": "+e.Old+" -> "+e.New)
	}
	return out
}

func TestChangesOfPeopleAreRecorded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		require.Empty(t, w.changes())
		h := w.withDead("a.txt")
		w.ask(messages.SetBatchSize{Items: 7, By: "api"})
		w.ask(messages.SetBatchSize{Items: 9, By: "api"})
		w.ask(messages.GrowPartitions{Partitions: 4, By: "api"}) // changes nothing
		w.ask(messages.GrowPartitions{Partitions: 6, By: "api"})
		list := w.letters()
		w.ask(messages.RetryLetters{Letters: list, By: "api"})
		w.ask(messages.RetryLetters{Letters: list, By: "api"}) // refused: it is not dead any more
		h.failing("a.txt", "a.txt-2")
		w.ask(messages.DiscardLetters{Letters: list, By: "api"})
		want := []string{
			"batch_size : 2 -> 7", "batch_size : 7 -> 9", "partitions chunks: 4 -> 6",
			"retry a.txt:  -> 1 chunk, 2 items", "discard a.txt:  -> 1 chunk, 2 items",
		}
		require.Equal(t, want, w.changes())
		w.stop()
		w.start()
		require.Equal(t, want, w.changes(), "the next leader knows them")
	})
}

// A change and its entry are one commit, and nobody sees either before that.
func TestChangeAndItsEntryAreOneCommit(t *testing.T) {
	t.Parallel()
	stagePersistence(t, func(b *persistenceBundle) {
		ask := func() messages.Audit {
			b.root.RequestWithCustomSender(b.pid, messages.QueryAudit{}, b.asker.pid)
			return expect[messages.Audit](b.asker)
		}
		release := b.store.BlockNext()
		for n := range 3 { // the first one is in flight while the others wait
			w := b.value("n", strconv.Itoa(n), "committed")
			w.audit = &messages.AuditEntry{Action: "n", New: strconv.Itoa(n)}
			b.tell(b.pid, w)
		}
		require.Empty(t, ask())
		release()
		for range 3 {
			expect[string](b.asker)
		}
		require.Len(t, ask(), 3)
		for i, batch := range b.store.Committed() {
			require.Len(t, batch.Values, 2, "commit %d", i)
		}
		snap, err := b.store.Load(t.Context(), b.term)
		require.NoError(t, err)
		require.Len(t, messages.DecodeAudit(snap.Values[messages.ValueAudit]), 3)

		require.NoError(t, b.store.Release(t.Context(), b.term))
		next := b.lead("other")
		b.tell(b.pid, &beginTerm{term: next, snap: snap})
		require.Len(t, ask(), 3)
		b.store.FenceNext()
		b.tell(b.pid, &write{term: next, audit: &messages.AuditEntry{Action: "lost"}})
		expect[*fenced](b.owner)
		b.root.RequestWithCustomSender(b.pid, messages.QueryAudit{}, b.asker.pid)
		require.ErrorIs(t, expect[error](b.asker), messages.ErrUnavailable)
	})
}
