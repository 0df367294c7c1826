package actors

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// toil lets the worker do one chunk after the other, each in a given time, until the test
// ends. It obeys recalls if obeys is set.
func (h *playedWorker) toil(each time.Duration, obeys bool) {
	h.w.bus.mu.Lock()
	h.strict = obeys
	h.w.bus.mu.Unlock()
	h.announce()
	go func() {
		for {
			m, ok := h.first()
			for end := time.Now().Add(each); ok && time.Now().Before(end); {
				h.first()
				time.Sleep(10 * time.Millisecond)
			}
			select {
			case <-h.stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if ok {
				h.w.bus.mu.Lock()
				h.queue = h.queue[1:]
				h.w.bus.mu.Unlock()
				h.report(m, messages.OutcomeOK)
			}
		}
	}()
}

// first reads what was sent, gives back what is recalled, and returns the oldest chunk.
func (h *playedWorker) first() (m messages.ChunkMessage, ok bool) {
	h.w.bus.mu.Lock()
	var back []messages.ChunkMessage
	log := h.w.bus.logs[place{"chunks", h.partition}]
	for ; h.next < int64(len(log)); h.next++ {
		m, err := messages.DecodeChunk(log[h.next])
		switch {
		case err != nil || m.ID != string(h.id):
		case !m.IsRecall():
			h.queue = append(h.queue, m)
		case h.strict:
			for i := len(h.queue) - 1; i > 0; i-- {
				if slices.Contains(m.Recall, h.queue[i].BatchID) {
					back = append(back, h.queue[i])
					h.queue = slices.Delete(h.queue, i, i+1)
				}
			}
		}
	}
	if len(h.queue) > 0 {
		m, ok = h.queue[0], true
	}
	h.w.bus.mu.Unlock()
	for _, m := range back {
		h.w.bus.say("signals", messages.Signal{Kind: messages.SignalProgress, Worker: h.id, Protocol: 2, Incarnation: h.inc,
			BatchID: m.BatchID, Total: int64(len(m.Data)), Outcome: messages.OutcomeRetry, Error: messages.TextRecalled})
	}
	return m, ok
}

// The last chunk runs at a slow worker: with BACKUP an idle one gets it as well, and the
// first result counts.
func TestSlowChunkIsRunByAnIdleWorkerAsWell(t *testing.T) {
	t.Parallel()
	const slow = 36 * time.Second
	for _, mode := range []BackupMode{BackupNone, BackupNative} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.stop()
				w.cfg.Backup = mode
				w.start()
				w.startWorker("slow", 0).toil(slow, true)
				w.startWorker("fast", 1).toil(600*time.Millisecond, true)
				began := time.Now()
				w.drop("a.txt", 20)
				for !w.file("a.txt").State.Terminal() {
					time.Sleep(100 * time.Millisecond)
				}
				took := time.Since(began)
				time.Sleep(slow)
				f := w.file("a.txt")
				require.Equal(t, int64(10), f.DoneChunks)
				if mode == BackupNone {
					require.Greater(t, took, slow)
					require.Zero(t, f.Repeats)
				} else {
					require.Less(t, took, slow/2)
					require.Equal(t, int64(1), f.Repeats, "the slow worker ends it, too")
				}
				require.Equal(t, messages.WorkerFree, w.worker("slow").State)
				require.Equal(t, messages.WorkerFree, w.worker("fast").State)
			})
		})
	}
}

// One worker is slow: the chunks that are queued there go to the others once these are
// idle, so that the file takes as long as one chunk at the slow worker.
func TestChunkQueuedAtASlowWorkerGoesToAnIdleOne(t *testing.T) {
	t.Parallel()
	const slow = 36 * time.Second
	for _, prefetch := range []int{PrefetchAuto, 1, 4} {
		for obeys, most := range map[bool]time.Duration{true: slow + 3*time.Second, false: time.Duration(2+max(0, prefetch-1))*slow + 3*time.Second} {
			t.Run(fmt.Sprintf("prefetch %d, obeys %t", prefetch, obeys), func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(w *world) {
					w.stop()
					w.cfg.Prefetch = prefetch
					w.start()
					w.startWorker("slow", 0).toil(slow, obeys)
					for i := range 3 {
						w.startWorker(fmt.Sprint("fast", i), int32(1+i)).toil(600*time.Millisecond, true)
					}
					began := time.Now()
					w.drop("a.txt", 40)
					for !w.file("a.txt").State.Terminal() {
						time.Sleep(100 * time.Millisecond)
					}
					took := time.Since(began)
					f := w.file("a.txt")
					require.Equal(t, messages.FileDone, f.State)
					require.Equal(t, int64(20), f.DoneChunks)
					require.Zero(t, f.Repeats)
					require.Less(t, took, most)
					if !obeys {
						require.Greater(t, took, 2*slow, "without recalls the chunk waits")
					}
				})
			})
		}
	}
}
