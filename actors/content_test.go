package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// TestUnfitFileIsRefused shows that nothing of the file reaches a worker, and that the same
// name with other content is worked on.
func TestUnfitFileIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.startWorker("w1", 0)
		w.files.put("a.txt", "\xff\xfe2\x000\x003\x00\n\x00", time.Now().Add(-time.Hour))
		time.Sleep(4 * scanEvery)
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, "iconv")
		require.True(t, f.HasEnded())
		require.Empty(t, h.read())
		w.drop("a.txt", 4)
		time.Sleep(2 * scanEvery)
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.Equal(t, 2, w.file("a.txt").Generation)
	})
}

// TestGrowingFileOfASlowClock has a machine whose clock is 15 s behind copy a file line by
// line.
func TestGrowingFileOfASlowClock(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.startWorker("w1", 0)
		text := ""
		for i := range 40 {
			text += fmt.Sprintf("line-%d\n", i)
			w.files.put("a.txt", text, time.Now().Add(-15*time.Second))
			time.Sleep(time.Second)
			require.Empty(t, h.read())
		}
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, 1, f.Generation)
		require.EqualValues(t, 40, f.DoneItems)
	})
}

// TestCopyThatStalls has a copy set the full size first, and its data arrive late.
func TestCopyThatStalls(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Settle = 3 * time.Second
		w.start()
		h := w.startWorker("w1", 0)
		data := strings.Repeat("abc\n", 2000)
		w.files.put("a.txt", data[:2000]+strings.Repeat("\x00", 6000), time.Now())
		time.Sleep(time.Minute)
		require.Empty(t, h.read())
		require.Equal(t, messages.ProblemUnfinished, w.overview().Problems[0].Kind)
		w.files.put("a.txt", data, time.Now())
		h.work("a.txt")
		require.EqualValues(t, 2000, w.file("a.txt").DoneItems)
		require.Equal(t, 1, w.file("a.txt").Generation)
		require.Empty(t, w.overview().Problems)
	})
}
