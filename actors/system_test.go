package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

func TestFileIsWorkedToItsEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 7)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Equal(t, int64(7), f.DoneItems)
		require.Equal(t, int64(4), f.DoneChunks)
		require.Zero(t, f.Missing())
		require.Zero(t, f.Duplicates)
	})
}

func TestEmptyAndBlankFilesAreDoneAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.files.put("empty.txt", "", time.Now().Add(-time.Hour))
		w.files.put("blank.txt", "\n \n", time.Now().Add(-time.Hour))
		time.Sleep(2 * scanEvery)
		require.Equal(t, messages.FileDone, w.file("empty.txt").State)
		require.Equal(t, messages.FileDone, w.file("blank.txt").State)
	})
}

func TestPrefetchKeepsOneChunkAhead(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		require.Len(t, h.read(), 2, "one in work and one ahead")
		other := w.startWorker("w2", 1)
		require.Len(t, other.read(), 2)
	})
}

func TestSilentWorkerIsLostAndItsChunksRunElsewhere(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 4)
		held := h.read()
		require.Len(t, held, 2)
		h.kill()
		time.Sleep(7 * time.Second)
		require.Equal(t, messages.WorkerSuspect, w.worker("w1").State)
		time.Sleep(3 * time.Second)
		require.Equal(t, messages.WorkerLost, w.worker("w1").State)
		other := w.startWorker("w2", 1)
		again := other.read()
		require.Len(t, again, 2)
		require.Equal(t, held[0].BatchID+"_a2", again[0].BatchID)
		require.Equal(t, held[0].Data, again[0].Data)
		other.work("a.txt")
		require.Equal(t, int64(4), w.file("a.txt").DoneItems)
	})
}

func TestLateResultOfALostWorkerCountsOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2)
		first := h.read()[0]
		h.kill()
		time.Sleep(11 * time.Second)
		other := w.startWorker("w2", 1)
		second := other.read()[0]
		h.report(first, messages.OutcomeOK)
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		other.report(second, messages.OutcomeOK)
		f := w.file("a.txt")
		require.Equal(t, int64(2), f.DoneItems)
		require.Equal(t, int64(1), f.Repeats)
		require.Zero(t, f.Duplicates)
	})
}

func TestNewIncarnationTakesItsChunksBackAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2)
		require.Len(t, h.read(), 1)
		h.kill()
		anew := w.startWorker("w1", 0)
		got := anew.read()
		require.Len(t, got, 1)
		require.Equal(t, 2, got[0].Attempt)
	})
}

func TestFailingChunkDiesAfterMaxAttemptsOnTwoWorkers(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a, b := w.startWorker("w1", 0), w.startWorker("w2", 1)
		w.drop("a.txt", 2)
		for range 60 {
			if w.file("a.txt").State.Terminal() {
				break
			}
			for _, h := range []*playedWorker{a, b} {
				if len(h.read()) > 0 {
					h.finish(messages.OutcomeFailed)
				}
			}
			time.Sleep(time.Second)
		}
		f := w.file("a.txt")
		require.Equal(t, messages.FileDoneWithRejects, f.State)
		require.Equal(t, int64(2), f.DeadItems)
		require.Zero(t, f.Missing())
	})
}

func TestRetryBacksOff(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2)
		for n := range 4 {
			sentAt := time.Now()
			m := h.finish(messages.OutcomeRetry)
			require.Equal(t, n+1, m.Attempt)
			for len(h.read()) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			require.GreaterOrEqual(t, time.Since(sentAt), time.Second<<n)
		}
		h.work("a.txt")
		require.Equal(t, int64(2), w.file("a.txt").DoneItems)
	})
}

func TestBatchSizeChangeLeavesAssignedChunks(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 100)
		before := h.read()
		require.Equal(t, 10, w.ask(messages.SetBatchSize{Items: 10}))
		require.Equal(t, 10, w.ask(messages.QueryBatchSize{}))
		h.finish(messages.OutcomeFailed)
		h.finish(messages.OutcomeOK)
		for _, m := range h.read() {
			if m.BatchID == before[0].BatchID+"_a2" {
				require.Equal(t, before[0].Data, m.Data, "an assigned chunk keeps its range")
			} else {
				require.Len(t, m.Data, 10)
			}
		}
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(100), f.DoneItems)
		require.Zero(t, f.Missing())
	})
}

func TestRestartGoesOnFromTheStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 30)
		h.finish(messages.OutcomeOK)
		w.ask(messages.SetBatchSize{Items: 3})
		w.stop()
		w.start()
		require.Equal(t, 3, w.ask(messages.QueryBatchSize{}), "the API's value is kept")
		time.Sleep(4 * time.Second)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(30), f.DoneItems)
		require.Zero(t, f.Missing())
		require.Zero(t, f.Repeats, "nothing ran twice")
	})
}

func TestChangedVariableWinsOverTheStoredBatchSize(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.ask(messages.SetBatchSize{Items: 3})
		w.stop()
		w.cfg.BatchSize, w.cfg.BatchSizeText = 7, "7"
		w.start()
		require.Equal(t, 7, w.ask(messages.QueryBatchSize{}))
	})
}

func TestDeletedFileInWorkIsChanged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 100)
		h.finish(messages.OutcomeOK)
		w.drop("other.txt", 0)
		w.files.remove("a.txt")
		time.Sleep(2 * scanEvery)
		for len(h.read()) > 0 {
			h.finish(messages.OutcomeOK)
		}
		f := w.file("a.txt")
		require.Equal(t, messages.FileChanged, f.State)
		require.False(t, f.Ended.IsZero())
		require.Positive(t, f.DeadBytes)
		require.Zero(t, f.Missing())
	})
}

func TestTouchedFileGoesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 3000)
		h.finish(messages.OutcomeOK)
		data := w.files.get("a.txt").data
		w.files.put("a.txt", string(data), time.Now())
		time.Sleep(2 * scanEvery)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Equal(t, int64(3000), f.DoneItems)
	})
}

func TestKafkaAwayPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		w.bus.mu.Lock()
		w.bus.down = messages.ErrNotWritten
		w.bus.mu.Unlock()
		time.Sleep(30 * time.Second)
		require.NotEmpty(t, w.overview().Problems)
		require.NotEqual(t, messages.WorkerLost, w.worker("w1").State, "a silence that we cannot hear says nothing")
		w.bus.mu.Lock()
		w.bus.down = nil
		w.bus.mu.Unlock()
		time.Sleep(5 * time.Second)
		require.Empty(t, w.overview().Problems)
		h.work("a.txt")
		require.Equal(t, int64(20), w.file("a.txt").DoneItems)
	})
}

func TestStoreAwayDispatchesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		held := len(h.read())
		w.store.SetDown(messages.ErrUnavailable)
		h.finish(messages.OutcomeOK)
		time.Sleep(2 * time.Second)
		require.Len(t, h.read(), held-1, "no chunk without a committed record")
		w.store.SetDown(nil)
		time.Sleep(10 * time.Second)
		h.work("a.txt")
		require.Equal(t, int64(20), w.file("a.txt").DoneItems)
	})
}

func TestFencedMasterBeginsAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		h.read()
		w.store.FenceNext()
		h.finish(messages.OutcomeOK)
		time.Sleep(15 * time.Second)
		require.Equal(t, uint64(2), w.overview().Term)
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, int64(20), f.DoneItems)
		require.Zero(t, f.Duplicates)
	})
}

func TestGarbageFromWorkersIsCounted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, s := range []string{"", "{", "null", `{"id":""}`, `{"id":"x","status":"?"}`, `{"id":"x","batchId":"a","processing":3,"total":2}`, "\xff", `[]`} {
			w.bus.Produce(t.Context(), []messages.Record{{Topic: "signals", Value: []byte(s)}, {Topic: "connections", Value: []byte(s)}})
		}
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 4)
		h.work("a.txt")
		require.Equal(t, uint64(16), w.overview().Ignored)
	})
}

func TestEmptyFolderIsNotBelievedAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 4000)
		data := w.files.get("a.txt")
		w.files.remove("a.txt") // its share is not mounted any more
		time.Sleep(catalog.EmptyFor / 2)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		require.Contains(t, w.overview().Problems[0].Text, "is it mounted?")
		w.files.put("a.txt", string(data.data), data.at)
		time.Sleep(2 * scanEvery)
		require.Empty(t, w.overview().Problems)
		h.work("a.txt")
		require.Equal(t, int64(4000), w.file("a.txt").DoneItems)
	})
}

func TestFileThatWasAwayForAMomentIsPlannedAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("other.txt", 0)
		w.files.mu.Lock()
		w.files.away = 3
		w.files.mu.Unlock()
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 40)
		time.Sleep(10 * scanEvery)
		h.work("a.txt")
		require.Equal(t, int64(40), w.file("a.txt").DoneItems)
	})
}

func TestResultOfAnotherWorkerChangesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		other := w.startWorker("w2", 1)
		w.drop("a.txt", 4)
		mine := h.read()[0]
		other.report(mine, messages.OutcomeOK)
		forged := messages.Signal{Kind: messages.SignalProgress, Worker: "nobody", BatchID: mine.BatchID, Processing: 2, Total: 2}
		w.bus.say("signals", forged)
		time.Sleep(time.Second)
		require.Zero(t, w.file("a.txt").DoneItems, "an attempt is one worker's")
		other.finish(messages.OutcomeOK)
		h.finish(messages.OutcomeOK)
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Equal(t, int64(4), f.DoneItems)
	})
}

// A worker that says new and bye over and over, as both kinds, silences nobody.
func TestFlappingIdStopsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 20)
		for round := range 300 {
			for _, s := range []messages.Signal{classicNew("flap", 1), announce("flap", 1, int64(round)), beatOf("flap", int64(round), 0), {Kind: messages.SignalBye, Worker: "flap", Protocol: 2, Incarnation: messages.Incarnation{StartMS: int64(round), Random: "r"}}} {
				w.bus.say("connections", s)
			}
			if round%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Equal(t, int64(20), f.DoneItems)
		require.Equal(t, messages.WorkerGone, w.worker("flap").State)
	})
}

// What a worker was sent between its bye and its next new is taken back, although
// it goes on sending heartbeats.
func TestByeAndNewInOneBreathStrandNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 40)
		for round := range int64(10) {
			w.bus.say("connections", messages.Signal{Kind: messages.SignalBye, Worker: "ghost"})
			w.bus.say("connections", announce("ghost", 1, 100+round))
		}
		h := w.startWorker("w1", 0)
		stop := time.Now().Add(3 * time.Minute)
		for !w.file("a.txt").State.Terminal() && time.Now().Before(stop) {
			w.bus.mu.Lock()
			next := int64(len(w.bus.logs[place{"chunks", 1}]))
			w.bus.mu.Unlock()
			w.bus.say("connections", beatOf("ghost", 109, next)) // alive, and holds nothing
			for range 5 {
				if len(h.read()) > 0 {
					h.finish(messages.OutcomeOK)
				}
			}
			time.Sleep(3 * time.Second)
		}
		f := w.file("a.txt")
		require.Equal(t, messages.FileDone, f.State)
		require.Equal(t, int64(40), f.DoneItems)
	})
}
