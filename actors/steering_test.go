package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func (w *world) setDispatch(s messages.SetDispatch) messages.DispatchChanged {
	w.t.Helper()
	s.By = "api"
	return w.ask(s).(messages.DispatchChanged)
}

func (w *world) setFile(s messages.SetFile) messages.FileSteered {
	w.t.Helper()
	s.By = "api"
	return w.ask(s).(messages.FileSteered)
}

// While everything is paused nothing reaches a worker, whoever leads; what a worker has ends
// and counts; and it is no standstill.
func TestAllHandOutsArePaused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w", 1)
		w.drop("a.txt", 20)
		for len(h.read()) == 0 {
			time.Sleep(time.Second)
		}
		yes, no := true, false
		began := time.Now()
		out := w.setDispatch(messages.SetDispatch{Paused: &yes})
		require.Equal(t, messages.Dispatch{}, out.Old)
		require.True(t, out.New.Paused)
		require.Equal(t, "api", out.New.By)
		require.WithinDuration(t, began, out.New.Since, time.Second)
		had := len(h.read())
		for range had {
			h.finish(messages.OutcomeOK)
		}
		time.Sleep(5 * time.Minute)
		require.Empty(t, h.read())
		require.EqualValues(t, 2*had, w.file("a.txt").DoneItems)
		o := w.overview()
		require.Equal(t, out.New, o.Dispatch)
		require.Len(t, o.Problems, 1, "%v", o.Problems)
		p := w.trouble(messages.ProblemDispatch)
		require.Contains(t, p.Text, "paused by api since "+out.New.Since.Format(time.RFC3339))
		require.Equal(t, out.New.Since, p.Since)

		w.stop()
		w.start()
		time.Sleep(time.Minute)
		require.Empty(t, h.read())
		require.Equal(t, out.New, w.overview().Dispatch)
		require.Equal(t, out.New, w.setDispatch(messages.SetDispatch{Paused: &yes}).New, "who paused first is still who paused")

		end := time.Now().Add(10 * time.Minute)
		w.setDispatch(messages.SetDispatch{Until: &end})
		time.Sleep(time.Until(end) - time.Second)
		require.Empty(t, h.read())
		time.Sleep(2 * time.Second)
		require.NotEmpty(t, h.read(), "it goes on by itself")
		require.Zero(t, w.overview().Dispatch)
		require.Empty(t, w.overview().Problems)
		w.setDispatch(messages.SetDispatch{Paused: &yes})
		require.Equal(t, messages.Dispatch{}, w.setDispatch(messages.SetDispatch{Paused: &no}).New)
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.Equal(t, []string{
			"dispatch : not paused -> paused",
			"dispatch : paused -> paused until " + end.UTC().Format(time.RFC3339),
			"dispatch : not paused -> paused",
			"dispatch : paused -> not paused",
		}, w.changes())
	})
}

func TestWrongDispatchChangesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		yes, past, future, negative := true, time.Now().Add(-time.Second), time.Now().Add(time.Hour), -1.0
		for _, s := range []messages.SetDispatch{
			{Until: &future}, {Paused: &yes, Until: &past}, {MaxItemsPerS: &negative}, {Paused: &yes, MaxItemsPerS: &negative},
		} {
			_, err := w.sys.Ask(t.Context(), s)
			require.ErrorIs(t, err, messages.ErrRange)
		}
		require.Zero(t, w.overview().Dispatch)
		require.Empty(t, w.changes())
	})
}

// Hand-outs keep to the rate, and use it.
func TestRateOfHandOutsIsBounded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		rate := 4.0
		require.Equal(t, messages.Dispatch{MaxItemsPerS: rate}, w.setDispatch(messages.SetDispatch{MaxItemsPerS: &rate}).New)
		w.employ("w", 1, func(messages.ChunkMessage) (messages.Outcome, time.Duration) {
			return messages.OutcomeOK, time.Millisecond
		})
		w.drop("a.txt", 2000)
		before := w.file("a.txt").DoneItems
		time.Sleep(time.Minute)
		require.InDelta(t, 60*rate, w.file("a.txt").DoneItems-before, 8)
		require.Empty(t, w.overview().Problems)
		none := 0.0
		w.setDispatch(messages.SetDispatch{MaxItemsPerS: &none})
		require.Equal(t, messages.FileDone, w.until("a.txt", time.Minute).State)
	})
}

// An urgent file goes first, a paused one waits, and the next leader knows both.
func TestFilesAreSteered(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 40)
		w.drop("b.txt", 40)
		w.drop("c.txt", 40)
		yes, no, high, share := true, false, 10, 7
		a, b, c := w.file("a.txt").ID, w.file("b.txt").ID, w.file("c.txt").ID
		out := w.setFile(messages.SetFile{ID: a, Paused: &yes})
		require.Empty(t, out.Old.Paused)
		require.Contains(t, out.New.Paused, "paused by api since ")
		w.setFile(messages.SetFile{ID: c, Priority: &high, Share: &share})
		w.stop()
		w.start()
		require.Equal(t, out.New.Paused, w.file("a.txt").Paused)
		require.Equal(t, [2]int{high, share}, [2]int{w.file("c.txt").Priority, w.file("c.txt").Share})
		h := w.startWorker("w", 1)
		for w.file("c.txt").State == messages.FileRunning {
			require.LessOrEqual(t, w.file("b.txt").DoneItems, int64(4), "what was queued behind while nothing of the urgent one was cut")
			if len(h.read()) > 0 {
				h.finish(messages.OutcomeOK)
			} else {
				time.Sleep(100 * time.Millisecond)
			}
		}
		h.work("b.txt")
		require.Zero(t, w.file("a.txt").Items)
		require.Empty(t, w.overview().Problems)
		w.setFile(messages.SetFile{ID: a, Paused: &no})
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		_, err := w.sys.Ask(t.Context(), messages.SetFile{ID: b, Paused: &yes})
		require.ErrorIs(t, err, messages.ErrEnded)
		_, err = w.sys.Ask(t.Context(), messages.SetFile{ID: 99, Paused: &yes})
		require.ErrorIs(t, err, messages.ErrNoFile)
		require.Equal(t, []string{
			"file a.txt: priority 0, share 1 -> priority 0, share 1, paused",
			"file c.txt: priority 0, share 1 -> priority 10, share 7",
			"file a.txt: priority 0, share 1, paused -> priority 0, share 1",
		}, w.changes())
	})
}

// A file that waits because all places are taken is made urgent: it is taken, cut and handed
// out before everything else, also by the next leader.
func TestWaitingFileIsPutFirst(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for n := range 70 {
			w.files.put(fmt.Sprintf("%02d.txt", n), "a\nb\nc\nd\ne\nf\n", time.Now().Add(time.Duration(n-1000)*time.Second))
		}
		time.Sleep(2 * scanEvery)
		list := w.ask(messages.QueryWaiting{}).([]messages.WaitingFile)
		require.Len(t, list, 6)
		require.Equal(t, "69.txt", list[5].Info.Path)
		w.setPriority("68.txt", -1)
		require.Equal(t, messages.WaitingChanged{Old: -1, New: -2}, w.setPriority("68.txt", -2))
		w.stop()
		w.start()
		time.Sleep(2 * scanEvery)
		require.Equal(t, -2, w.ask(messages.QueryWaiting{Part: "68"}).([]messages.WaitingFile)[0].Priority)
		require.Equal(t, messages.WaitingChanged{New: 5}, w.setPriority("69.txt", 5))
		require.Equal(t, 5, w.file("69.txt").Priority)
		h := w.startWorker("w", 1)
		for range 3 {
			for len(h.read()) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			h.finish(messages.OutcomeOK)
		}
		require.Equal(t, messages.FileDone, w.file("69.txt").State)
		require.Zero(t, w.file("00.txt").DoneItems)
		_, err := w.sys.Ask(t.Context(), messages.SetWaiting{Path: "69.txt", Priority: 1})
		require.ErrorIs(t, err, messages.ErrNotFound)
		_, err = w.sys.Ask(t.Context(), messages.SetWaiting{Path: "67.txt", Priority: 11})
		require.ErrorIs(t, err, messages.ErrRange)
		require.Equal(t, map[string]int{"68.txt": -2}, messages.DecodeWishes(w.memory.Snapshot().Values[messages.ValueWishes]))
		require.Equal(t, []string{
			"file 68.txt: priority 0 -> priority -1", "file 68.txt: priority -1 -> priority -2", "file 69.txt: priority 0 -> priority 5",
		}, w.changes())
	})
}

func (w *world) setPriority(path string, priority int) messages.WaitingChanged {
	w.t.Helper()
	return w.ask(messages.SetWaiting{Path: path, Priority: priority, By: "api"}).(messages.WaitingChanged)
}
