package actors

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A file of which too much is dead is paused and named, other files go on, and it goes on
// when the limit is raised.
func TestPausedFileIsShownUntilItGoesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.MaxDead, w.cfg.MaxAttempts = messages.DeadLimit{Items: 6}, 1
		w.start()
		w.employ("w1", 0, func(m messages.ChunkMessage) (messages.Outcome, time.Duration) {
			if strings.HasPrefix(m.Data[0], "bad") {
				return messages.OutcomeFailed, 50 * time.Millisecond
			}
			return messages.OutcomeOK, 50 * time.Millisecond
		})
		w.drop("well.txt", 2)
		w.until("well.txt", time.Minute) // its worker is known to be well
		w.drop("bad.txt", 40)
		time.Sleep(time.Minute)
		f := w.file("bad.txt")
		require.Equal(t, messages.FileRunning, f.State)
		require.Equal(t, w.cfg.MaxDead.Explain(f.File), f.Paused)
		require.Less(t, f.DeadItems, int64(16), "what was begun is brought to its end")
		require.Less(t, f.Cursor.Offset, f.Info.Size)
		require.Contains(t, w.pauseProblem().Text, "bad.txt: "+f.Paused)
		require.Equal(t, 1, w.pauseProblem().Count)
		w.drop("next.txt", 4)
		require.Equal(t, messages.FileDone, w.until("next.txt", time.Minute).State, "nothing else stops")

		w.stop()
		w.start()
		time.Sleep(time.Minute)
		require.Equal(t, f.DeadItems, w.file("bad.txt").DeadItems)
		require.NotEmpty(t, w.file("bad.txt").Paused, "it is paused after a restart as well")

		w.stop()
		w.cfg.MaxDead = messages.DeadLimit{}
		w.start()
		f = w.until("bad.txt", 5*time.Minute)
		require.Equal(t, messages.FileDoneWithRejects, f.State)
		require.EqualValues(t, 40, f.DeadItems)
		require.Empty(t, f.Paused)
		require.Empty(t, w.pauseProblem().Kind)
	})
}

// pauseProblem returns the problem of paused files, if there is one.
func (w *world) pauseProblem() messages.Problem {
	list := w.overview().Problems
	n := slices.IndexFunc(list, func(p messages.Problem) bool { return p.Kind == messages.ProblemPaused })
	if n < 0 {
		return messages.Problem{}
	}
	return list[n]
}
