package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// cancel cancels the newest version of a file.
func (w *world) cancel(path string) messages.FileChange {
	w.t.Helper()
	return w.ask(messages.CancelFile{ID: w.file(path).ID, By: "api"}).(messages.FileChange)
}

// A cancelled file ends with what workers have of it. That is so although the master is
// killed meanwhile, and the file is not taken again as it is.
func TestCancelledFileEnds(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]func(*world){"no restart": func(*world) {}, "a restart": func(w *world) { w.stop(); w.start() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.startWorker("w", 0)
				w.drop("a.txt", 40)
				h.finish(messages.OutcomeOK)
				require.Len(t, h.read(), 2)
				done := w.cancel("a.txt")
				require.Equal(t, messages.FileRunning, done.Old.State)
				require.Equal(t, messages.FileCancelled, done.New.State)
				restart(w)
				audit := w.ask(messages.QueryAudit{}).(messages.Audit)
				require.Len(t, audit, 1)
				require.Equal(t, []string{"api", "cancel", "a.txt", "running"}, []string{audit[0].By, audit[0].Action, audit[0].Target, audit[0].Old})
				f := w.file("a.txt")
				require.Equal(t, messages.FileCancelled, f.State)
				require.False(t, f.HasEnded())
				require.Zero(t, f.Ready)
				h.finish(messages.OutcomeOK)
				h.finish(messages.OutcomeRetry)
				require.Empty(t, h.read(), "nothing more of it is handed out")
				f = w.file("a.txt")
				require.True(t, f.HasEnded())
				require.Equal(t, "cancelled by api", f.Reason)
				require.Equal(t, []int64{6, 4, 0, 2}, []int64{f.Items, f.DoneItems, f.DeadItems, f.CancelledItems})
				require.Equal(t, f.Info.Size-f.Cursor.Offset, f.CancelledBytes)
				require.True(t, f.AddsUp())
				o := w.overview()
				require.Equal(t, 1, o.Files.States[messages.FileCancelled])
				require.EqualValues(t, 2, o.Files.CancelledItems)
				require.Empty(t, o.Problems)
				time.Sleep(time.Minute)
				require.Equal(t, f.ID, w.file("a.txt").ID, "it is not taken again as it is")

				w.drop("b.txt", 2)
				h.work("b.txt")
				w.drop("a.txt", 2) // other content
				h.work("a.txt")
				require.Equal(t, 2, w.file("a.txt").Generation)
				require.Equal(t, messages.FileDone, w.file("a.txt").State)
			})
		})
	}
}

// A cancelled file that was removed and put back is a new version.
func TestCancelledFileThatIsPutBackIsDone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 4)
		w.cancel("a.txt")
		require.True(t, w.file("a.txt").HasEnded())
		f := w.files.get("a.txt")
		w.files.remove("a.txt")
		time.Sleep(2 * scanEvery)
		w.files.put("a.txt", string(f.data), f.at)
		time.Sleep(2 * scanEvery)
		w.startWorker("w", 0).work("a.txt")
		require.Equal(t, 2, w.file("a.txt").Generation)
		require.EqualValues(t, 4, w.file("a.txt").DoneItems)
	})
}

// Only a file in work is cancelled, and its dead chunks are not retried any more.
func TestWhatCannotBeCancelled(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		refused := func(id messages.FileID, want error) {
			t.Helper()
			_, err := w.sys.Ask(t.Context(), messages.CancelFile{ID: id, By: "api"})
			require.ErrorIs(t, err, want)
		}
		h := w.withDead("a.txt")
		refused(w.file("a.txt").ID, messages.ErrEnded)
		refused(99, messages.ErrNoFile)
		require.Equal(t, 1, w.retry(w.letters()).Accepted)
		w.cancel("a.txt")
		h.finish(messages.OutcomeFailed)
		f := w.file("a.txt")
		require.True(t, f.HasEnded())
		require.Equal(t, []int64{6, 4, 0, 2}, []int64{f.Items, f.DoneItems, f.DeadItems, f.CancelledItems})
		require.Empty(t, w.letters(), "what was cancelled waits for nobody")
		refused(f.ID, messages.ErrEnded)
	})
}

// A request lists the folder at once, and is answered with what the folder holds.
func TestRescan(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.startWorker("w", 0)
		began := time.Now()
		w.files.put("a.txt", "1\n", began.Add(-time.Hour))
		require.Equal(t, messages.Rescanned{Files: 1, Settling: 1}, w.ask(messages.Rescan{By: "api"}))
		require.Less(t, time.Since(began), time.Second)
		w.files.setGone(errors.New("the folder is away"))
		_, err := w.sys.Ask(t.Context(), messages.Rescan{By: "api"})
		require.ErrorIs(t, err, messages.ErrUnavailable)
		w.files.setGone(nil)
	})
}
