package actors

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// robot is a native worker that works by itself until the test ends.
type robot struct {
	w         *world
	id        string
	partition int32
	inc       messages.Incarnation
	do        func(m messages.ChunkMessage) (messages.Outcome, time.Duration)

	mu    sync.Mutex
	next  int64
	held  []messages.ChunkMessage
	runs  int
	until time.Time
}

// employ starts a robot. Its oldest chunk ends with the outcome and after the time that do
// returns.
func (w *world) employ(id string, partition int32, do func(m messages.ChunkMessage) (messages.Outcome, time.Duration)) *robot {
	r := &robot{w: w, id: id, partition: partition, do: do, inc: messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: "r"}}
	r.next = w.bus.length("chunks", partition)
	r.say(messages.SignalAnnounce)
	stop := make(chan struct{})
	w.t.Cleanup(func() { close(stop) })
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			r.step(time.Now())
			if n%150 == 0 {
				r.say(messages.SignalHeartbeat)
			}
		}
	}()
	time.Sleep(time.Second)
	return r
}

func (r *robot) say(kind messages.SignalKind) {
	r.mu.Lock()
	s := messages.Signal{Kind: kind, Worker: messages.WorkerID(r.id), Partitions: []int32{r.partition}, Protocol: 2, Incarnation: r.inc, Capacity: 1, Next: r.next}
	for _, m := range r.held {
		s.Running = append(s.Running, m.BatchID)
	}
	r.mu.Unlock()
	r.w.bus.say("connections", s)
}

func (r *robot) step(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.w.bus.mu.Lock()
	log := r.w.bus.logs[place{"chunks", r.partition}]
	r.w.bus.mu.Unlock()
	for ; r.next < int64(len(log)); r.next++ {
		if m, err := messages.DecodeChunk(log[r.next]); err == nil && m.ID == r.id {
			r.held = append(r.held, m)
		}
	}
	if len(r.held) == 0 {
		return
	}
	m := r.held[0]
	outcome, takes := r.do(m)
	if r.until.IsZero() {
		r.until = now.Add(takes)
	}
	if now.Before(r.until) {
		return
	}
	r.held, r.until = r.held[1:], time.Time{}
	r.runs++
	n := int64(len(m.Data))
	s := progressOf(r.id, r.inc.StartMS, m.BatchID, n, n)
	if s.Outcome = outcome; outcome != messages.OutcomeOK {
		s.Processing, s.Error = 0, "exit status 127"
	}
	r.w.bus.say("signals", s)
}

func (r *robot) ran() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs
}

func always(o messages.Outcome, d time.Duration) func(messages.ChunkMessage) (messages.Outcome, time.Duration) {
	return func(messages.ChunkMessage) (messages.Outcome, time.Duration) { return o, d }
}

// until waits until the file ended.
func (w *world) until(path string, atMost time.Duration) messages.FileStatus {
	w.t.Helper()
	for end := time.Now().Add(atMost); time.Now().Before(end); time.Sleep(time.Second) {
		if f := w.file(path); !f.Ended.IsZero() {
			return f
		}
	}
	w.t.Fatalf("%s did not end: %+v, %v", path, w.file(path), w.overview().Problems)
	return messages.FileStatus{File: &messages.File{}}
}

func (w *world) trouble(kind messages.ProblemKind) messages.Problem {
	p, _ := w.problem(kind)
	return p
}

// Workers that fail or give back whatever they get, fast, beside one that works and
// is slow: every item is done, and the broken ones are shown with the reason.
func TestBrokenWorkersBurnNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		maxAttempts, broken int
		outcome             messages.Outcome
	}{
		"one that fails":                  {5, 1, messages.OutcomeFailed},
		"one that fails, one attempt":     {1, 1, messages.OutcomeFailed},
		"three that fail":                 {3, 3, messages.OutcomeFailed},
		"three that fail, one attempt":    {1, 3, messages.OutcomeFailed},
		"one that gives everything back":  {3, 1, messages.OutcomeRetry},
		"three that give everything back": {1, 3, messages.OutcomeRetry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.stop()
				w.cfg.MaxAttempts = c.maxAttempts
				w.start()
				time.Sleep(5 * time.Second)
				good := w.employ("good", 0, always(messages.OutcomeOK, 15*time.Second))
				var broken []*robot
				for i := range c.broken {
					broken = append(broken, w.employ(fmt.Sprint("broken-", i), int32(1+i), always(c.outcome, 20*time.Millisecond)))
				}
				w.drop("a.txt", 40)
				time.Sleep(30 * time.Second)
				p := w.trouble(messages.ProblemUnfitWorker)
				require.Equal(t, c.broken, p.Count, "%v", w.overview().Problems)
				require.Contains(t, p.Text, "exit status 127")
				require.Contains(t, w.worker("broken-0").Note, "exit status 127")
				require.Equal(t, messages.WorkerAnnounced, w.worker("broken-0").State)
				f := w.until("a.txt", time.Hour)
				require.Equal(t, messages.FileDone, f.State)
				require.Equal(t, int64(40), f.DoneItems)
				require.GreaterOrEqual(t, good.ran(), 20)
				for _, r := range broken {
					require.Less(t, r.ran(), 80, "tried from time to time")
				}
			})
		})
	}
}

// A chunk that every worker fails is the cause, whatever else they have done.
func TestChunksThatEverybodyFailsDie(t *testing.T) {
	t.Parallel()
	for name, workers := range map[string]int{"one": 1, "two": 2, "four": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				for i := range workers {
					w.employ(fmt.Sprint("w", i), int32(i), always(messages.OutcomeFailed, 20*time.Millisecond))
				}
				w.drop("a.txt", 40)
				f := w.until("a.txt", 20*time.Minute)
				require.Equal(t, messages.FileDoneWithRejects, f.State)
				require.Equal(t, int64(40), f.DeadItems)
				require.Zero(t, w.trouble(messages.ProblemUnfitWorker).Count, "it is the chunks: %v", w.overview().Problems)
			})
		})
	}
}

// A worker that can work again does so at the latest when it gets its next chunk to try.
func TestRepairedWorkerWorksOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.employ("good", 0, always(messages.OutcomeOK, 10*time.Second))
		at := time.Now().Add(3 * time.Minute)
		sick := w.employ("sick", 1, func(messages.ChunkMessage) (messages.Outcome, time.Duration) {
			if time.Now().Before(at) {
				return messages.OutcomeFailed, 20 * time.Millisecond
			}
			return messages.OutcomeOK, time.Second
		})
		w.drop("a.txt", 400)
		time.Sleep(time.Minute)
		require.NotEmpty(t, w.worker("sick").Note)
		tries := sick.ran()
		time.Sleep(3*time.Minute + 16*time.Second) // the longest pause
		require.Empty(t, w.worker("sick").Note)
		require.Empty(t, w.overview().Problems)
		require.Greater(t, sick.ran(), tries+20)
		require.Zero(t, w.until("a.txt", time.Hour).DeadItems)
	})
}

// A worker that reports that it is unfit takes nothing, is shown with its reason, and
// what it gives back is ready for others at once.
func TestUnfitWorkerTakesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		require.Len(t, h.read(), 2)
		beat := func(note string) {
			h.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Note: note, Running: []string{h.queue[0].BatchID, h.queue[1].BatchID}, Next: h.next})
			time.Sleep(100 * time.Millisecond)
		}
		h.kill() // its heartbeats are said here
		beat("the command cannot be started: no such file")
		require.Equal(t, messages.WorkerAnnounced, w.worker("w1").State)
		require.Contains(t, w.worker("w1").Note, "no such file")
		require.Regexp(t, "^w1: .*the command cannot be started", w.trouble(messages.ProblemUnfitWorker).Text)
		other := w.startWorker("w2", 1)
		require.Len(t, other.read(), 2, "the other one works")
		held := h.queue
		h.queue = nil
		for _, m := range held {
			h.report(m, messages.OutcomeRetry)
		}
		other.finish(messages.OutcomeOK)
		other.finish(messages.OutcomeOK)
		got := other.read()
		require.Len(t, got, 2)
		require.Equal(t, held[0].Data, got[0].Data, "given to the other one without a pause")
		require.Empty(t, h.read())
		h.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Next: h.next})
		time.Sleep(100 * time.Millisecond)
		require.Empty(t, w.worker("w1").Note)
		require.Zero(t, w.trouble(messages.ProblemUnfitWorker))
		other.work("a.txt")
	})
}

// A chunk that shows no progress is named with its worker: after some seconds because none of
// its file has ended, so that nobody knows how long one takes, and after a minute in any case.
// The problem ends with its progress or its end.
func TestChunkWithoutProgressIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("h.txt", 2)
		require.Len(t, h.read(), 1) // from now on its heartbeats list it as running
		time.Sleep(ledger.QuietAfter - 4*time.Second)
		require.Zero(t, w.trouble(messages.ProblemNoResultYet))
		time.Sleep(8 * time.Second)
		p := w.trouble(messages.ProblemNoResultYet)
		require.Regexp(t, `^lines 1 to 2 of h.txt \(h_chunk_0\) at w1 for \d+ s without progress; none of its file has ended yet`, p.Text)
		require.Zero(t, w.trouble(messages.ProblemStalledChunk))
		time.Sleep(75 * time.Second)
		require.Zero(t, w.trouble(messages.ProblemNoResultYet))
		p = w.trouble(messages.ProblemStalledChunk)
		require.Regexp(t, `^lines 1 to 2 of h.txt \(h_chunk_0\) at w1 for (8|9)\d s without progress$`, p.Text)
		held := w.worker("w1").Held
		require.Len(t, held, 1)
		require.Greater(t, time.Since(held[0].StalledSince), time.Minute)
		h.report(messages.ChunkMessage{BatchID: "h_chunk_0", Data: h.queue[0].Data}, messages.OutcomeNone) // 0 of 2
		require.Zero(t, w.trouble(messages.ProblemStalledChunk))
		time.Sleep(2 * time.Minute)
		require.Equal(t, 1, w.trouble(messages.ProblemStalledChunk).Count)
		h.finish(messages.OutcomeOK)
		require.Zero(t, w.trouble(messages.ProblemStalledChunk))
	})
}

// Where chunks are fast, one that hangs is named within ten seconds, and shown so in the list
// of chunks.
func TestHungChunkAmongFastOnesIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("h.txt", 20)
		for range 8 {
			h.finish(messages.OutcomeOK)
		}
		h.read()
		time.Sleep(10 * time.Second)
		require.Positive(t, w.trouble(messages.ProblemStalledChunk).Count)
		page := w.ask(messages.QueryChunks{File: w.file("h.txt").ID, State: messages.ListedRunning, Limit: 10}).(*messages.ChunkPage)
		require.False(t, page.List[0].StalledSince.IsZero())
		h.work("h.txt")
		require.Zero(t, w.trouble(messages.ProblemStalledChunk))
	})
}

// One slow worker that holds up the end of a file while another is idle is named.
func TestSlowTailIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		slow, fast := w.startWorker("slow", 0), w.startWorker("fast", 1)
		w.drop("a.txt", 12)
		require.NotEmpty(t, slow.read())
		for len(fast.read()) > 0 {
			fast.finish(messages.OutcomeOK)
		}
		progress := func() {
			m := slow.queue[0]
			w.bus.say("signals", messages.Signal{Kind: messages.SignalProgress, Worker: slow.id, Protocol: 2, Incarnation: slow.inc, BatchID: m.BatchID, Total: int64(len(m.Data))})
		}
		for range 20 { // the first chunks waited for some seconds at the worker
			progress()
			time.Sleep(time.Second)
		}
		p := w.trouble(messages.ProblemSlowTail)
		require.Regexp(t, `^a.txt waits for its last (chunk: it|2 chunks: one) runs at slow for \d+ s .* another worker is idle`, p.Text)
		require.Zero(t, w.trouble(messages.ProblemStalledChunk), "it goes on")
		slow.work("a.txt")
		require.Zero(t, w.trouble(messages.ProblemSlowTail))
	})
}

// A command that fails whatever it gets is named within ten seconds; one bad line among good
// ones is no such problem, and the first chunk that is done ends it.
func TestCommandThatAlwaysFailsIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var bad atomic.Value // the item that fails, "" for all
		bad.Store("a.txt-0")
		w.employ("w1", 0, func(m messages.ChunkMessage) (messages.Outcome, time.Duration) {
			if item := bad.Load().(string); item == "" || slices.Contains(m.Data, item) {
				return messages.OutcomeFailed, 50 * time.Millisecond
			}
			return messages.OutcomeOK, 50 * time.Millisecond
		})
		w.drop("a.txt", 40)
		w.until("a.txt", time.Minute)
		require.Zero(t, w.trouble(messages.ProblemAllFails))
		bad.Store("")
		w.drop("b.txt", 40)
		time.Sleep(6 * time.Second)
		p := w.trouble(messages.ProblemAllFails)
		require.GreaterOrEqual(t, p.Count, 5)
		require.Contains(t, p.Text, "is the command right?")
		bad.Store("none")
		time.Sleep(time.Minute)
		require.Zero(t, w.trouble(messages.ProblemAllFails))
	})
}

// A file that changes while it is in work is named for a while, over restarts.
func TestChangedFileIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		h.finish(messages.OutcomeOK)
		w.drop("a.txt", 10)
		p := w.trouble(messages.ProblemChanged)
		require.Contains(t, p.Text, "a.txt: its size changed while it was in work; 2 items of its former content were done")
		for len(h.read()) > 0 {
			h.finish(messages.OutcomeOK)
		}
		time.Sleep(2 * scanEvery)
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		w.stop()
		w.start()
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, w.trouble(messages.ProblemChanged).Count)
		time.Sleep(11 * time.Minute)
		require.Zero(t, w.trouble(messages.ProblemChanged))
	})
}

// What a person took note of is not shown any more, under the next leader neither.
func TestChangedFileIsAcknowledged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		h.finish(messages.OutcomeOK)
		require.ErrorIs(t, w.refusal(messages.AcknowledgeFile{ID: w.file("a.txt").ID, By: "api"}), messages.ErrConflict)
		require.ErrorIs(t, w.refusal(messages.AcknowledgeFile{ID: 99, By: "api"}), messages.ErrNotFound)
		w.drop("a.txt", 10)
		p := w.trouble(messages.ProblemChanged)
		require.Equal(t, "a.txt", p.Path)
		done := w.ask(messages.AcknowledgeFile{ID: p.File, By: "api"}).(messages.FileChange)
		require.Equal(t, messages.FileChanged, done.New.State)
		audit := w.ask(messages.QueryAudit{}).(messages.Audit)
		require.Equal(t, messages.ActionAcknowledge, audit[len(audit)-1].Action)
		time.Sleep(time.Second)
		require.Zero(t, w.trouble(messages.ProblemChanged))
		w.stop()
		w.start()
		time.Sleep(2 * time.Second)
		require.Zero(t, w.trouble(messages.ProblemChanged))
	})
}

// A file whose chunks take long is given more time.
func TestSlowChunksAreNotStalled(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		w.cfg.Prefetch = 0
		w.start()
		h := w.startWorker("w1", 0)
		w.drop("h.txt", 12)
		for range 4 {
			h.read()
			time.Sleep(50 * time.Second)
			h.finish(messages.OutcomeOK)
		}
		h.read()
		time.Sleep(4 * time.Minute)
		require.Zero(t, w.trouble(messages.ProblemStalledChunk), "half of the chunks take 50 s")
		time.Sleep(30 * time.Second)
		require.Equal(t, 1, w.trouble(messages.ProblemStalledChunk).Count)
		h.work("h.txt")
	})
}

// A file whose chunks all fail, or are put off, takes its turns and no more: another
// file beside it goes on.
func TestABadFileDoesNotHoldAnotherUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workers int
		outcome messages.Outcome
	}{
		"put off, one worker":    {1, messages.OutcomeRetry},
		"put off, three workers": {3, messages.OutcomeRetry},
		"failed, one worker":     {1, messages.OutcomeFailed},
		"failed, three workers":  {3, messages.OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				for i := range c.workers {
					w.employ(fmt.Sprint("w", i), int32(i), func(m messages.ChunkMessage) (messages.Outcome, time.Duration) {
						if m.File == "bad.txt" {
							return c.outcome, 200 * time.Millisecond
						}
						return messages.OutcomeOK, 200 * time.Millisecond
					})
				}
				w.drop("bad.txt", 4000)
				time.Sleep(20 * time.Second)
				w.drop("good.txt", 200)
				f := w.until("good.txt", 5*time.Minute)
				require.Equal(t, int64(200), f.DoneItems)
			})
		})
	}
}
