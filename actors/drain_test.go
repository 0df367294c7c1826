package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// strictWorker is a worker that begins one chunk after the other and obeys recalls.
func (w *world) strictWorker(id string, partition int32) *playedWorker {
	h := w.startWorker(id, partition)
	w.bus.mu.Lock()
	h.strict = true
	w.bus.mu.Unlock()
	h.announce()
	time.Sleep(100 * time.Millisecond)
	return h
}

func (w *world) drain(id string) messages.WorkerChanged {
	w.t.Helper()
	return w.ask(messages.DrainWorker{ID: messages.WorkerID(id), By: "api"}).(messages.WorkerChanged)
}

func (w *world) refusal(q messages.Query) error {
	w.t.Helper()
	_, err := w.sys.Ask(w.t.Context(), q)
	require.Error(w.t, err)
	return err
}

// A drained worker gets nothing new, gives back what it has queued and ends what it began.
func TestDrainedWorkerGetsNothingNew(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.strictWorker("w1", 0)
		w.drop("a.txt", 40)
		require.Len(t, h.read(), 2, "one in work, one queued")
		c := w.drain("w1")
		require.Equal(t, messages.WorkerBusy, c.Old.State)
		require.Nil(t, c.Old.Drain)
		require.Equal(t, messages.WorkerDraining, c.New.State)
		require.Equal(t, "api", c.New.Drain.By)
		time.Sleep(time.Second)
		h.first()
		require.Len(t, h.queue, 1, "the queued chunk was recalled")
		time.Sleep(10 * time.Second)
		st := w.worker("w1")
		require.Equal(t, messages.WorkerDraining, st.State)
		require.Equal(t, c.New.Drain, st.Drain)
		require.Contains(t, st.Note, "drained by api")
		require.Len(t, st.Held, 1)
		h.finish(messages.OutcomeOK)
		time.Sleep(5 * time.Second)
		require.Empty(t, h.read(), "nothing new comes")
		require.Equal(t, c.New, w.drain("w1").Old, "once is enough")

		other := w.startWorker("w2", 1)
		other.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(40), f.DoneItems)
		require.Zero(t, f.Repeats)
		for _, b := range w.store.Committed() {
			for _, a := range b.Journal {
				require.Contains(t, []string{"done", "recalled"}, a.Outcome, "chunk %v", a.Chunk)
			}
		}
	})
}

// A leader may die between the commit of a drain and the recall of what is queued: the next
// one recalls it.
func TestDrainOfAFormerLeaderIsObeyed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.strictWorker("w1", 0)
		w.drop("a.txt", 40)
		require.Len(t, h.read(), 2, "one in work, one queued")
		time.Sleep(2 * time.Second)
		term := w.overview().Term
		w.store.LoseNextAnswer(messages.ErrFenced) // the drain is stored, and nobody hears of it
		w.refusal(messages.DrainWorker{ID: "w1", By: "api"})
		time.Sleep(10 * time.Second)
		require.Greater(t, w.overview().Term, term)
		require.NotNil(t, w.worker("w1").Drain)
		h.first()
		require.Len(t, h.queue, 1, "the queued chunk was recalled")
		time.Sleep(time.Second)
		require.Len(t, w.worker("w1").Held, 1)
	})
}

// What waits at a drained worker is recalled until it was given back, or has begun: a recall
// may be lost, and so may its answer.
func TestDrainedWorkerIsAskedAgain(t *testing.T) {
	t.Parallel()
	worker := messages.Worker{ID: "w", Kind: messages.Native, Partitions: []int32{3}, Capacity: 1, Seen: time.Unix(1, 0), Incarnation: messages.Incarnation{StartMS: 1, Random: "r"}}
	held := map[messages.WorkerID][]holding{"w": {
		{Assignment: ledger.Assignment{Worker: "w", BatchID: "f1_chunk_0"}, partition: 3, offset: 0},
		{Assignment: ledger.Assignment{Worker: "w", BatchID: "f1_chunk_1"}, partition: 3, offset: 1},
	}}
	drained := messages.Drained{"w": {Kind: messages.Native, By: "api", Since: time.Unix(1, 0)}}
	for _, recalls := range []bool{true, false} {
		worker.Recalls = recalls
		stageDrainedFleet(t, drained, []messages.Worker{worker}, held, func(b *fleetBundle) {
			beat := beatOf("w", 1, 2, "f1_chunk_0")
			beat.Queued, beat.Recalls = []string{"f1_chunk_1"}, true
			if !recalls { // an older master did not store what the worker obeys
				expectNone[*recallAll](b.dispatcher)
			}
			b.hear(beat)
			for range 3 {
				m := expect[*recallAll](b.dispatcher)
				require.Equal(t, messages.WorkerID("w"), m.worker)
				b.tell(m.to, &recall{batchIDs: []string{"f1_chunk_0", "f1_chunk_1"}})
				sent, err := messages.DecodeChunk(expect[*send](b.egress).record.Value)
				require.NoError(t, err)
				require.Equal(t, []string{"f1_chunk_1"}, sent.Recall)
				expectNone[*recallAll](b.dispatcher)
				for range 4 {
					time.Sleep(ledger.RecallTimeout / 4)
					b.hear(beat)
				}
			}
			m := expect[*recallAll](b.dispatcher)
			b.tell(m.to, &judged{batchID: "f1_chunk_1", verdict: ledger.VerdictRecalled})
			beat.Queued = nil
			for range 12 {
				time.Sleep(ledger.RecallTimeout / 4)
				b.hear(beat)
			}
			expectNone[*recallAll](b.dispatcher)
		})
	}
}

// A worker that does not know recalls ends what it has queued.
func TestDrainedWorkerWithoutRecallsEndsItsQueue(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		require.Len(t, h.read(), 2)
		w.drain("w1")
		h.finish(messages.OutcomeOK)
		h.finish(messages.OutcomeOK)
		time.Sleep(5 * time.Second)
		require.Empty(t, h.read())
		require.Equal(t, int64(2), w.file("a.txt").DoneChunks)
	})
}

// A drain is for the worker, whatever its process and whoever leads, until it is resumed.
func TestDrainLastsUntilTheWorkerIsResumed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		drain := w.drain("w1").New.Drain
		h.say(messages.Signal{Kind: messages.SignalBye, Protocol: 2})
		time.Sleep(time.Second)
		st := w.worker("w1")
		require.Equal(t, messages.WorkerGone, st.State)
		require.Equal(t, drain, st.Drain, "it is shown, so that it can be resumed")
		require.Equal(t, 1, w.overview().Workers[messages.Native][messages.WorkerGone])

		h.inc.StartMS++
		h.announce()
		time.Sleep(time.Second)
		require.Equal(t, messages.WorkerDraining, w.worker("w1").State, "its next process is drained, too")

		w.stop()
		w.start()
		time.Sleep(5 * time.Second)
		st = w.worker("w1")
		require.Equal(t, messages.WorkerDraining, st.State, "and so it is under the next leader")
		require.Equal(t, drain.By, st.Drain.By)
		require.True(t, drain.Since.Equal(st.Drain.Since))

		w.drop("a.txt", 4)
		require.Empty(t, h.read())
		c := w.ask(messages.ResumeWorker{ID: "w1", By: "api"}).(messages.WorkerChanged)
		require.Equal(t, messages.WorkerDraining, c.Old.State)
		require.Equal(t, messages.WorkerStanding{State: messages.WorkerAnnounced}, c.New)
		h.work("a.txt")
		require.Equal(t, []string{"drain w1: free -> draining", "resume w1: draining -> announced"}, w.changes())
		require.Equal(t, messages.WorkerFree, w.ask(messages.ResumeWorker{ID: "w1", By: "api"}).(messages.WorkerChanged).New.State)
	})
}

// A drained worker that ends by itself, or is lost, is shown as such.
func TestDrainedWorkerMayBeLostOrEndByItself(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a, b := w.startWorker("a", 0), w.startWorker("b", 1)
		w.drain("a")
		a.kill()
		b.say(messages.Signal{Kind: messages.SignalDraining, Protocol: 2})
		time.Sleep(12 * time.Second)
		require.Equal(t, messages.WorkerLost, w.worker("a").State)
		st := w.worker("b")
		require.Equal(t, messages.WorkerDraining, st.State)
		require.Nil(t, st.Drain)
		require.Equal(t, drainsItself, st.Note)
		a.beat()
		time.Sleep(time.Second)
		require.Equal(t, messages.WorkerDraining, w.worker("a").State)
	})
}

func TestLostWorkerIsForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		forget := messages.ForgetWorker{ID: "w1", By: "api"}
		require.ErrorIs(t, w.refusal(messages.ForgetWorker{ID: "nobody"}), messages.ErrNotFound)
		require.ErrorIs(t, w.refusal(messages.DrainWorker{ID: "nobody"}), messages.ErrNotFound)
		require.ErrorIs(t, w.refusal(messages.ResumeWorker{ID: "nobody"}), messages.ErrNotFound)
		require.ErrorIs(t, w.refusal(forget), messages.ErrConflict)
		w.drain("w1")
		h.kill()
		time.Sleep(7 * time.Second)
		require.ErrorIs(t, w.refusal(forget), messages.ErrConflict, "a suspect worker may come back")
		time.Sleep(5 * time.Second)
		c := w.ask(forget).(messages.WorkerChanged)
		require.Equal(t, messages.WorkerLost, c.Old.State)
		require.Equal(t, messages.WorkerStanding{State: messages.WorkerGone}, c.New)
		require.Empty(t, w.ask(messages.QueryWorkers{Fresh: true}))
		require.Zero(t, w.overview().Workers)
		require.ErrorIs(t, w.refusal(forget), messages.ErrNotFound)
		require.Empty(t, w.memory.Snapshot().Workers)
		h.beat()
		time.Sleep(time.Second)
		require.Equal(t, messages.WorkerFree, w.worker("w1").State, "one that comes back is new, and not drained")
	})
}

// The list of drained workers is one record, which may not grow without bound.
func TestNumberOfDrainedWorkersIsBounded(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		asker := b.probe("asker")
		for n := range messages.MaxDrained + 1 {
			id := messages.WorkerID(fmt.Sprint("w", n))
			b.hear(announce(string(id), 3, 1))
			b.root.RequestWithCustomSender(b.fleet, messages.DrainWorker{ID: id}, asker.pid)
		}
		require.ErrorIs(t, expect[error](asker), messages.ErrConflict)
		expectNone[error](asker)
	})
}
