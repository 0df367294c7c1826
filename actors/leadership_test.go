package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// second starts another master on the same store, Kafka and folder.
func (w *world) second() *System {
	cfg := w.cfg
	cfg.MasterID, cfg.API = "n", "n:1"
	s := Start(cfg, Parts{Store: w.store, Lease: w.store, Files: w.files, Producer: w.bus, Consumer: w.bus, Topics: w.bus, Groups: w.bus}, w.log)
	time.Sleep(time.Second)
	return s
}

func TestStandbyNamesTheLeader(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		other := w.second()
		_, err := other.Ask(t.Context(), messages.QueryWorkers{})
		var not *messages.NotLeader
		require.ErrorAs(t, err, &not)
		require.Equal(t, messages.Leader{MasterID: "m", API: w.cfg.API}, not.Leader)
		require.ErrorIs(t, err, messages.ErrUnavailable)
		o, err := other.Ask(t.Context(), messages.QueryOverview{})
		require.NoError(t, err)
		require.Equal(t, "standby", o.(messages.Overview).Role)
		require.Equal(t, uint64(1), o.(messages.Overview).Term)
		require.NoError(t, other.Stop(t.Context()))
	})
}

// What a worker does while nobody leads is read before its heartbeats are
// believed: nothing is done twice.
func TestHandOverRepeatsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		other := w.second()
		for range 3 {
			h.finish(messages.OutcomeOK)
		}
		h.read()
		require.NoError(t, w.sys.Stop(t.Context()))
		h.finish(messages.OutcomeOK)
		time.Sleep(10 * time.Second)
		h.finish(messages.OutcomeOK)
		w.sys = other
		require.Equal(t, "leader", w.overview().Role)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(40), f.DoneItems)
		require.Zero(t, f.Repeats+f.Duplicates)
		require.Equal(t, messages.FileDone, f.State)
		for _, b := range w.store.Committed() {
			for _, a := range b.Journal {
				require.Equal(t, "done", a.Outcome, "chunk %v", a.Chunk)
			}
		}
	})
}

// A store that loses everything under a living leader is filled again, and the
// work goes on where it was.
func TestLostStateIsPutBackAndWorkGoesOn(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]time.Duration{"at once": 0, "after it was away": 30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.startWorker("w1", 0)
				w.drop("a.txt", 40)
				other := w.second()
				for range 5 {
					h.finish(messages.OutcomeOK)
				}
				if down > 0 {
					w.store.SetDown(errors.New("away"))
					time.Sleep(down)
				}
				w.memory.Wipe()
				w.store.SetDown(nil)
				time.Sleep(10 * time.Second)
				if o := w.overview(); o.Role != "leader" {
					w.sys, other = other, w.sys
				}
				require.Equal(t, int64(10), w.file("a.txt").DoneItems)
				require.GreaterOrEqual(t, w.overview().Term, uint64(3))
				h.work("a.txt")
				f := w.file("a.txt")
				require.Equal(t, int64(40), f.DoneItems)
				require.Zero(t, f.Repeats+f.Duplicates)
				require.NoError(t, other.Stop(t.Context()))
			})
		})
	}
}

// A store that comes back without its last commits makes the leader load again;
// what was handed out meanwhile is not confused with what is handed out again.
func TestLostCommitsLoseNoLine(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		w.memory.KeepPast()
		number := w.memory.Snapshot().Number
		for range 2 {
			h.finish(messages.OutcomeOK)
		}
		w.memory.Rewind(number)
		time.Sleep(10 * time.Second)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(40), f.DoneItems)
		require.Zero(t, f.Duplicates)
		require.Equal(t, messages.FileDone, f.State)
	})
}

// While Kafka cannot be read, no worker can be heard: when it is back, workers get
// the time to speak before their silence counts.
func TestSilenceIsExcusedWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		require.Len(t, h.read(), 2)
		h.kill() // it speaks again 5 s after Kafka is back
		w.bus.setDown(errors.New("away"))
		time.Sleep(2 * time.Minute)
		w.bus.setDown(nil)
		time.Sleep(5 * time.Second)
		h.beat()
		time.Sleep(time.Second)
		require.Equal(t, messages.WorkerBusy, w.worker("w1").State)
		h.work("a.txt")
		for _, b := range w.store.Committed() {
			for _, a := range b.Journal {
				require.Equal(t, "done", a.Outcome, "chunk %v", a.Chunk)
			}
		}
	})
}

// A result that a former leader judged, and whose offset it could not store any
// more, is read again: that is no repeated run.
func TestResultsThatAreReadAgainAreNoRepeats(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		m := h.finish(messages.OutcomeOK)
		w.stop()
		h.report(m, messages.OutcomeOK) // as if its offset had not been stored
		w.start()
		time.Sleep(5 * time.Second)
		require.Zero(t, w.file("a.txt").Repeats)
		h.report(m, messages.OutcomeOK)
		require.Equal(t, int64(1), w.file("a.txt").Repeats)
		h.work("a.txt")
	})
}

// A partition without a leader holds up its own workers, and no term. Once its tail
// can be read they go on, and no attempt number that it may hold is given again.
func TestTermBeginsWithoutAPartition(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		away, there := w.startWorker("away", 0), w.startWorker("there", 1)
		w.drop("a.txt", 40)
		sent := away.read()
		require.NotEmpty(t, sent)
		w.stop()
		w.bus.setLed(place{"chunks", 0}, false)
		w.start()
		there.finish(messages.OutcomeOK)
		for range 5 {
			m := there.finish(messages.OutcomeOK)
			require.NotEqual(t, sent[0].BatchID, m.BatchID)
		}
		require.NotZero(t, w.trouble(messages.ProblemKafka))
		term := w.overview().Term
		w.bus.setLed(place{"chunks", 0}, true)
		for range 2 * unreadEvery / time.Second {
			time.Sleep(time.Second)
			if len(there.read()) > 0 {
				there.finish(messages.OutcomeOK)
			}
		}
		require.Greater(t, w.overview().Term, term)
		require.Zero(t, w.trouble(messages.ProblemKafka))
		require.Equal(t, messages.WorkerID("away"), w.trouble(messages.ProblemStalledChunk).Worker, "it has not begun yet")
		require.Equal(t, sent[0].BatchID, away.finish(messages.OutcomeOK).BatchID)
		away.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(40), f.DoneItems)
		require.Zero(t, f.Repeats+f.Duplicates)
	})
}
