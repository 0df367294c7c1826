package actors

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// letters are the dead chunks that the API would list.
func (w *world) letters() []*messages.Letter {
	w.t.Helper()
	return w.ask(messages.QueryLetters{Fresh: true}).([]*messages.Letter)
}

// retry has dead chunks run again.
func (w *world) retry(list []*messages.Letter) messages.LettersChanged {
	w.t.Helper()
	return w.ask(messages.RetryLetters{Letters: list}).(messages.LettersChanged)
}

// withDead drops a file of three chunks, of which the worker fails the middle one.
func (w *world) withDead(path string) *playedWorker {
	w.t.Helper()
	h := w.startWorker("w", 1)
	w.drop(path, 6)
	h.failing(path, path+"-2")
	f := w.file(path)
	require.Equal(w.t, messages.FileDoneWithRejects, f.State)
	require.EqualValues(w.t, 2, f.DeadItems)
	return h
}

// failing lets the worker do everything until the file ends, but fail the chunk with this
// first item.
func (h *playedWorker) failing(path, item string) {
	h.w.t.Helper()
	for range 10_000 {
		if h.w.file(path).State.Terminal() {
			return
		}
		if list := h.read(); len(list) == 0 {
			time.Sleep(time.Second)
		} else if list[0].Data[0] == item {
			h.finish(messages.OutcomeFailed)
		} else {
			h.finish(messages.OutcomeOK)
		}
	}
	h.w.t.Fatalf("%s did not end: %+v", path, h.w.file(path))
}

// A dead chunk is listed with all that people need to know of it, is run again when it is
// retried, and the file ends as done. That is so although the master is killed at any time.
func TestDeadChunkIsRetried(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]func(w *world, at string){
		"no restart":          func(*world, string) {},
		"before the retry":    func(w *world, at string) { w.restartAt(at, "dead") },
		"while it waits":      func(w *world, at string) { w.restartAt(at, "retried") },
		"while it is in work": func(w *world, at string) { w.restartAt(at, "at its worker") },
		"another batch size": func(w *world, at string) {
			if at == "dead" {
				w.ask(messages.SetBatchSize{Items: 1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.withDead("a.txt")
				restart(w, "dead")
				list := w.letters()
				require.Len(t, list, 1)
				x := list[0]
				require.Equal(t, "a.txt", x.Path)
				require.Equal(t, "a_chunk_1", x.Name)
				require.Equal(t, "a.txt-2", x.FirstItem)
				require.Equal(t, []messages.WorkerID{"w"}, x.Workers())
				require.Equal(t, 3, x.Attempt)
				require.False(t, x.EndedAt.IsZero())
				before := w.file("a.txt")
				h.kill()

				done := w.retry(list)
				require.Equal(t, messages.LettersChanged{Reached: 1, Accepted: 1, Items: 2}, done)
				restart(w, "retried")
				f := w.file("a.txt")
				require.Equal(t, messages.FileRunning, f.State)
				require.Equal(t, before.ID, f.ID, "the same version")
				require.Zero(t, f.DeadItems)
				require.Empty(t, w.letters())
				h = w.startWorker("v", 2)
				for len(h.read()) == 0 {
					time.Sleep(time.Second)
				}
				require.Equal(t, []string{"a.txt-2", "a.txt-3"}, h.queue[0].Data, "its range does not change")
				restart(w, "at its worker")
				h.work("a.txt")
				f = w.file("a.txt")
				require.Equal(t, messages.FileDone, f.State)
				require.True(t, f.AddsUp())
				require.EqualValues(t, 6, f.DoneItems)
			})
		})
	}
}

// restartAt starts the master again when the test is where it shall happen.
func (w *world) restartAt(at, wanted string) {
	if at != wanted {
		return
	}
	require.NoError(w.t, w.sys.Stop(w.t.Context()))
	w.start()
	time.Sleep(emptyWait + watchEvery)
}

// A chunk whose file left the folder, or does not hold the same bytes, is refused with the
// reason, and nothing changes.
func TestRetryOfOtherBytesIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world)
		reason string
	}{
		"the file left the folder":   {func(w *world) { w.files.remove("a.txt"); time.Sleep(2 * scanEvery) }, "left the folder"},
		"it has just been deleted":   {func(w *world) { w.files.remove("a.txt") }, "changed"},
		"other content of that size": {func(w *world) { w.rewrite("a.txt", "a.txt-2", "a.txt-x", false) }, "bytes are not those"},
		"it has just been rewritten": {func(w *world) { w.rewrite("a.txt", "a.txt-2", "a.txt-x", true) }, "changed"},
		"it cannot be read":          {func(w *world) { w.files.setBad(errors.New("disk error"), "a.txt") }, "disk error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.withDead("a.txt").kill()
				list := w.letters()
				c.change(w)
				before := w.memory.Number()
				done := w.retry(list)
				require.Equal(t, 1, done.Reached)
				require.Zero(t, done.Accepted)
				require.Len(t, done.Refused, 1)
				require.Contains(t, done.Refused[0].Reason, c.reason)
				require.Equal(t, messages.FileDoneWithRejects, w.oldest("a.txt").State)
				require.Equal(t, before, w.memory.Number())
			})
		})
	}
}

// oldest is the first version of a path.
func (w *world) oldest(path string) messages.FileStatus {
	w.t.Helper()
	for _, f := range w.ask(messages.QueryFiles{Fresh: true}).([]*messages.FileStatus) {
		if f.Info.Path == path {
			return *f
		}
	}
	return messages.FileStatus{}
}

// rewrite changes the bytes of a file, in place or so that its time shows it.
func (w *world) rewrite(path, from, to string, later bool) {
	f := w.files.get(path)
	at := f.at
	if later {
		at = at.Add(time.Second)
	}
	w.files.put(path, strings.Replace(string(f.data), from, to, 1), at)
}

// A file that changes while its retry is under way ends as changed.
func TestFileThatChangesAfterARetry(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.withDead("a.txt").kill()
		require.Equal(t, 1, w.retry(w.letters()).Accepted)
		w.files.remove("a.txt")
		time.Sleep(catalog.EmptyFor + 2*scanEvery) // An empty folder is not believed at once.
		f := w.oldest("a.txt")
		require.Equal(t, messages.FileChanged, f.State)
		require.True(t, f.AddsUp())
		require.EqualValues(t, 2, f.DeadItems)
		require.Len(t, w.letters(), 1)
		require.Contains(t, w.retry(w.letters()).Refused[0].Reason, "left the folder")
		require.Equal(t, 1, w.ask(messages.DiscardLetters{Letters: w.letters()}).(messages.LettersChanged).Accepted)
		require.Empty(t, w.letters())
		require.EqualValues(t, 2, w.oldest("a.txt").DiscardedItems)
	})
}

// A request is answered only when it is committed: a master that cannot reach its store
// answers nothing, and the next term knows nothing of the request.
func TestRetryIsAnsweredOnceItIsCommitted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.withDead("a.txt").kill()
		list := w.letters()
		w.store.SetDown(messages.ErrUnavailable)
		_, err := w.sys.Ask(t.Context(), messages.RetryLetters{Letters: list})
		require.ErrorIs(t, err, messages.ErrUnavailable)
		w.store.SetDown(nil)
		time.Sleep(10 * time.Second)
		require.Equal(t, messages.FileDoneWithRejects, w.file("a.txt").State)
		require.Len(t, w.letters(), 1)
		require.Equal(t, 1, w.retry(w.letters()).Accepted)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
	})
}

// With ARCHIVE a file that waits to be moved away is not moved while it is in work again.
func TestRetriedFileIsNotArchived(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Archive = true
		w.files.setKept(errors.New("read-only"))
		w.start()
		time.Sleep(emptyWait + watchEvery)
		h := w.withDead("a.txt")
		h.kill()
		require.Equal(t, 1, w.retry(w.letters()).Accepted)
		w.files.setKept(nil)
		time.Sleep(3 * archiveEvery)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		require.NotEmpty(t, w.files.get("a.txt").data)
		w.startWorker("v", 2).work("a.txt")
		time.Sleep(time.Second)
		require.Empty(t, w.files.get("a.txt").data, "it is archived when it has ended")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
	})
}

// partly reports that the worker did the oldest chunk that it holds, except for some items.
func (h *playedWorker) partly(failed ...int) {
	h.w.t.Helper()
	for len(h.read()) == 0 {
		time.Sleep(time.Second)
	}
	m := h.queue[0]
	h.queue = h.queue[1:]
	n := int64(len(m.Data))
	h.w.bus.say("signals", messages.Signal{
		Kind: messages.SignalProgress, Worker: h.id, Protocol: 2, Incarnation: h.inc, BatchID: m.BatchID, Processing: n, Total: n,
		Outcome: messages.OutcomeOK, FailedItems: int64(len(failed)), FailedRanges: messages.ItemRanges(failed), Offset: m.Offset, Hash: m.Hash,
	})
	time.Sleep(50 * time.Millisecond)
}

// The failed items of a chunk, and no others, are sent again, with their positions, by the
// same leader and by the next one. When they are done, so is the file.
func TestFailedItemsAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, restart := range []string{"never", "before the retry", "before it is handed out", "at its worker"} {
		t.Run(restart, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				require.Equal(t, 6, w.ask(messages.SetBatchSize{Items: 6}))
				h := w.startWorker("w", 1)
				w.files.put("a.txt", "a\n\nb\r\nc\nd\ne\nf", time.Now().Add(-time.Hour))
				time.Sleep(2 * scanEvery)
				h.partly(1, 2, 5)
				w.restartAt(restart, "before the retry")
				f := w.file("a.txt")
				require.Equal(t, messages.FileDoneWithRejects, f.State)
				require.EqualValues(t, 3, f.FailedItems)
				h.kill()
				require.Equal(t, messages.LettersChanged{Reached: 1, Accepted: 1, Items: 3}, w.retry(w.letters()))
				w.restartAt(restart, "before it is handed out")
				require.EqualValues(t, 3, w.file("a.txt").Missing())
				v := w.startWorker("v", 2)
				for len(v.read()) == 0 {
					time.Sleep(time.Second)
				}
				if restart == "at its worker" {
					w.restartAt(restart, restart)
					v.kill() // the chunk goes to another worker
					v = w.startWorker("u", 3)
					for len(v.read()) == 0 {
						time.Sleep(time.Second)
					}
				}
				m := v.queue[0]
				require.Equal(t, []string{"b", "c", "f"}, m.Data)
				require.Equal(t, [][2]int64{{1, 2}, {5, 5}}, m.Positions)
				require.Equal(t, []int64{3, 4, 7}, linesOf(m))
				require.Equal(t, 1, m.Retry)
				require.True(t, strings.HasPrefix(m.BatchID, "a_chunk_0_r1"), m.BatchID)
				require.Equal(t, [2]int64{0, 13}, [2]int64{m.Offset, m.Length}, "the range is that of the chunk")
				v.partly(1)
				require.EqualValues(t, 1, w.file("a.txt").FailedItems)
				require.Equal(t, 1, w.retry(w.letters()).Accepted)
				for len(v.read()) == 0 {
					time.Sleep(time.Second)
				}
				require.Equal(t, []string{"c"}, v.queue[0].Data)
				require.Equal(t, [][2]int64{{2, 2}}, v.queue[0].Positions)
				v.partly()
				f = w.file("a.txt")
				require.Equal(t, messages.FileDone, f.State)
				require.EqualValues(t, 6, f.DoneItems)
				require.True(t, f.AddsUp())
				require.Empty(t, w.letters())
			})
		})
	}
}

// An item that no message can hold is refused: it would die again.
func TestRetryOfATooLargeItem(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.files.put("a.txt", "first "+strings.Repeat("x", messages.MaxChunkBytes)+"\n\nsecond "+strings.Repeat("y", 3*messages.MaxChunkBytes), time.Now().Add(-time.Hour))
		time.Sleep(3 * scanEvery)
		require.Len(t, w.letters(), 2)
		for i, begin := range []string{"first xxx", "second yyy"} {
			item := w.letters()[i].FirstItem
			require.True(t, strings.HasPrefix(item, begin), item)
			require.LessOrEqual(t, len(item), messages.MaxFirstItem)
		}
		done := w.retry(w.letters())
		require.Zero(t, done.Accepted)
		require.Equal(t, errNoMessage.Error(), done.Refused[0].Reason)
		require.Equal(t, messages.FileDoneWithRejects, w.file("a.txt").State)
	})
}

// While ranges take long to be read, a request does as much as its time allows. One that
// cannot be read at all is refused, so that the next request comes further.
func TestRetryOfRangesThatAreReadSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var list []suspectChunk
		for n := range 5 {
			list = append(list, suspectChunk{Letter: &messages.Letter{OpenChunk: messages.OpenChunk{Chunk: messages.Chunk{
				ID: messages.ChunkID{File: 1, Index: n}, Offset: int64(n), Length: 1, Items: 1,
			}}}})
		}
		slow := slowFiles{memFiles: &memFiles{}, pause: 600 * time.Millisecond}
		read := func() (out rangesRead) {
			ctx, cancel := context.WithTimeout(t.Context(), retryReadTime)
			defer cancel()
			out.read(ctx, slow, list)
			return out
		}
		got := read()
		require.Equal(t, 2, got.reached)
		require.Len(t, got.refused, 2)
		slow.pause = 2 * retryReadTime
		got = read()
		require.Equal(t, 1, got.reached)
		require.Equal(t, errSlow.Error(), got.refused[0].Reason)
	})
}

// slowFiles is a folder that takes its time.
type slowFiles struct {
	*memFiles
	pause time.Duration
}

// Stream implements Files.
func (f slowFiles) Stream(ctx context.Context, info messages.FileInfo, off, length int64, feed func([]byte) error) error {
	select {
	case <-time.After(f.pause):
		return f.memFiles.Stream(ctx, info, off, length, feed)
	case <-ctx.Done():
		return ctx.Err()
	}
}
