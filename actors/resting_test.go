package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Whatever people did so that nothing runs is named, with what ends it.
func TestHeldUpIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		named := func(command string, at messages.Place) {
			t.Helper()
			for len(h.read()) > 0 {
				h.finish(messages.OutcomeOK)
			}
			require.Zero(t, w.trouble(messages.ProblemHeldUp))
			time.Sleep(restingAfter + 2*time.Second)
			p := w.trouble(messages.ProblemHeldUp)
			require.Equal(t, at, p.Place, p.Text)
			require.Equal(t, command, p.Cures[0].Command)
			require.NotNil(t, p.Cures[0].Call)
			require.Zero(t, w.trouble(messages.ProblemNothingRuns))
		}
		over := func() {
			t.Helper()
			time.Sleep(2 * time.Second)
			require.NotEmpty(t, h.read())
			require.Zero(t, w.trouble(messages.ProblemHeldUp))
		}
		w.drain("w1")
		w.drop("a.txt", 400)
		time.Sleep(restingAfter)
		p := w.trouble(messages.ProblemHeldUp)
		require.Equal(t, messages.Place{Worker: "w1"}, p.Place)
		require.Equal(t, "kafka-master undrain w1", p.Cures[0].Command)
		w.ask(messages.ResumeWorker{ID: "w1", By: "api"})
		over()

		id, yes, no := w.file("a.txt").ID, true, false
		w.ask(messages.SetFile{ID: id, Paused: &yes, By: "api"})
		named("kafka-master resume a.txt", messages.Place{File: id, Path: "a.txt"})
		w.ask(messages.SetFile{ID: id, Paused: &no, By: "api"})
		over()

		w.ask(messages.SetDispatch{MaxItemsPerS: new(0.01), By: "api"})
		named("kafka-master rate off", messages.Place{})
		w.ask(messages.SetDispatch{MaxItemsPerS: new(0.0), By: "api"})
		over()
	})
}

// Where nothing runs for a reason that is nobody's wish, that reason is named.
func TestNothingRunsIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 2)
		for range 4 { // each pause is longer than the one before
			h.finish(messages.OutcomeRetry)
			require.Eventually(t, func() bool { return len(h.read()) > 0 }, time.Minute, 100*time.Millisecond)
		}
		h.finish(messages.OutcomeRetry)
		time.Sleep(restingAfter + 2*time.Second)
		p := w.trouble(messages.ProblemNothingRuns)
		require.Contains(t, p.Text, "back-off until")
		require.Equal(t, "a.txt", p.Path)
		require.Eventually(t, func() bool { return len(h.read()) > 0 }, time.Minute, 100*time.Millisecond)
		time.Sleep(2 * time.Second)
		require.Zero(t, w.trouble(messages.ProblemNothingRuns))
	})
}

// A file that grows all the time is not taken, which is said; one that cannot be processed is
// named until somebody takes note of it.
func TestFilesThatAreNotDoneAreNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		text := ""
		for range 10 {
			text += "more\n"
			w.files.put("grow.txt", text, time.Now())
			time.Sleep(2 * time.Second)
		}
		p := w.trouble(messages.ProblemSettling)
		require.Equal(t, "grow.txt", p.Path)
		time.Sleep(8 * time.Second)
		require.Zero(t, w.trouble(messages.ProblemSettling))

		w.files.put("utf16.txt", "\xff\xfea\x00\n\x00b\x00\n", time.Now())
		time.Sleep(10 * time.Second)
		p = w.trouble(messages.ProblemFailedFile)
		require.Equal(t, "utf16.txt", p.Path, "%v", w.overview().Problems)
		w.ask(messages.AcknowledgeFile{ID: p.File, By: "api"})
		time.Sleep(time.Second)
		require.Zero(t, w.trouble(messages.ProblemFailedFile))
	})
}

// A worker that lives and does not read its chunks is named; one that begins them late is not
// any more.
func TestWorkerThatDoesNotBeginIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.strictWorker("w1", 0)
		w.drop("a.txt", 40) // nobody reads it
		require.Zero(t, w.trouble(messages.ProblemUnbegun))
		time.Sleep(8 * time.Second)
		p := w.trouble(messages.ProblemUnbegun)
		require.Equal(t, messages.WorkerID("w1"), p.Worker)
		require.Equal(t, "kafka-master drain w1", p.Cures[0].Command)
		h.read()
		time.Sleep(5 * time.Second)
		require.Zero(t, w.trouble(messages.ProblemUnbegun), "its heartbeat lists them")
		for len(h.read()) > 0 {
			h.finish(messages.OutcomeOK)
		}
	})
}
