package actors

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// world is a master in a bubble, with workers that the test plays.
type world struct {
	t     *testing.T
	bus   *memBus
	store *faultyStore
	// memory is what the store keeps.
	memory *infratest.MemoryStore
	files  *memFiles
	cfg    Config
	sys    *System
	log    *slog.Logger
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out io.Writer = io.Discard
		if os.Getenv("ACTOR_LOG") != "" {
			out = os.Stderr
		}
		memory := infratest.NewMemoryStore()
		w := &world{
			t: t, bus: newMemBus(), store: newFaultyStore(memory), memory: memory, files: &memFiles{},
			log: slog.New(slog.NewTextHandler(out, nil)),
			cfg: Config{
				MasterID: "m", ChunkTopic: "chunks", SignalTopic: "signals", ConnectionTopic: "connections", HeartbeatTopic: "masters",
				Partitions: 4, Group: "km", WorkerGroup: "g", BatchSize: 2, WorkerTimeout: time.Minute, MaxAttempts: 3, Prefetch: 1, spoil: true,
			},
		}
		w.start()
		time.Sleep(emptyWait + watchEvery)
		f(w)
		w.stop()
		time.Sleep(20 * time.Second)
		synctest.Wait()
	})
}

func (w *world) start() {
	w.sys = Start(w.cfg, Parts{Store: w.store, Lease: w.store, Files: w.files, Producer: w.bus, Consumer: w.bus, Topics: w.bus, Groups: w.bus}, w.log)
	time.Sleep(time.Second)
}

func (w *world) stop() {
	w.t.Helper()
	require.NoError(w.t, w.sys.Stop(w.t.Context()))
	require.Empty(w.t, w.sys.unknownMessages())
}

func (w *world) ask(q messages.Query) any {
	w.t.Helper()
	a, err := w.sys.Ask(w.t.Context(), q)
	require.NoError(w.t, err)
	return a
}

// overview is how everything goes on now. Its problems are without those of a world in
// which there is no worker or no file, or whose workers take their time: most tests have
// neither, and play their workers by hand.
func (w *world) overview() messages.Overview {
	o := w.ask(messages.QueryOverview{Fresh: true}).(messages.Overview)
	o.Problems = slices.DeleteFunc(slices.Clone(o.Problems), func(p messages.Problem) bool {
		switch p.Kind {
		case messages.ProblemNoWorkers, messages.ProblemNoFiles, messages.ProblemNoResultYet, messages.ProblemSlowTail, messages.ProblemHeldUp, messages.ProblemNothingRuns:
			return true
		}
		return false
	})
	return o
}

func (w *world) worker(id string) messages.WorkerStatus {
	for _, x := range w.ask(messages.QueryWorkers{Fresh: true}).([]messages.WorkerStatus) {
		if string(x.ID) == id {
			return x
		}
	}
	return messages.WorkerStatus{State: messages.WorkerGone}
}

// drop puts a file of n lines into the folder, old enough to be taken at once.
func (w *world) drop(path string, n int) {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s-%d\n", path, i)
	}
	w.files.put(path, b.String(), time.Now().Add(-time.Hour))
	time.Sleep(2 * scanEvery)
}

func (w *world) file(path string) messages.FileStatus {
	w.t.Helper()
	last := messages.FileStatus{File: &messages.File{}}
	for _, f := range w.ask(messages.QueryFiles{Fresh: true}).([]*messages.FileStatus) {
		if f.Info.Path == path {
			last = *f
		}
	}
	return last
}

// playedWorker is a native worker that the test plays step by step.
type playedWorker struct {
	w         *world
	id        messages.WorkerID
	partition int32
	inc       messages.Incarnation
	next      int64
	queue     []messages.ChunkMessage
	strict    bool // only the first chunk of queue is in work, and recalls are obeyed
	stop      chan struct{}
}

// startWorker announces a native worker that sends heartbeats until it is killed.
func (w *world) startWorker(id string, partition int32) *playedWorker {
	h := &playedWorker{w: w, id: messages.WorkerID(id), partition: partition, stop: make(chan struct{})}
	h.inc = messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: "r"}
	w.bus.mu.Lock()
	h.next = int64(len(w.bus.logs[place{"chunks", partition}]))
	w.bus.mu.Unlock()
	h.announce()
	go func() {
		for {
			select {
			case <-h.stop:
				return
			case <-time.After(3 * time.Second):
				h.beat()
			}
		}
	}()
	time.Sleep(100 * time.Millisecond)
	w.t.Cleanup(func() { h.kill() })
	return h
}

func (h *playedWorker) say(s messages.Signal) {
	s.Worker, s.Incarnation, s.Partitions = h.id, h.inc, []int32{h.partition}
	h.w.bus.say("connections", s)
}

func (h *playedWorker) announce() {
	h.say(messages.Signal{Kind: messages.SignalAnnounce, Capacity: 1, Protocol: 2, Recalls: h.strict})
}

func (h *playedWorker) beat() {
	h.w.bus.mu.Lock()
	var running, queued []string
	for i, m := range h.queue {
		if h.strict && i > 0 {
			queued = append(queued, m.BatchID)
		} else {
			running = append(running, m.BatchID)
		}
	}
	next, recalls := h.next, h.strict
	h.w.bus.mu.Unlock()
	h.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Recalls: recalls, Running: running, Queued: queued, Next: next})
}

func (h *playedWorker) kill() {
	select {
	case <-h.stop:
	default:
		close(h.stop)
	}
}

// read takes the chunks that were sent to the worker meanwhile.
func (h *playedWorker) read() []messages.ChunkMessage {
	h.w.t.Helper()
	time.Sleep(50 * time.Millisecond)
	h.w.bus.mu.Lock()
	defer h.w.bus.mu.Unlock()
	log := h.w.bus.logs[place{"chunks", h.partition}]
	for ; h.next < int64(len(log)); h.next++ {
		m, err := messages.DecodeChunk(log[h.next])
		require.NoError(h.w.t, err)
		if m.ID == string(h.id) {
			h.queue = append(h.queue, m)
		}
	}
	return slices.Clone(h.queue)
}

// finish reports the oldest chunk that the worker holds.
func (h *playedWorker) finish(outcome messages.Outcome) messages.ChunkMessage {
	h.w.t.Helper()
	require.NotEmpty(h.w.t, h.read(), "%s holds no chunk", h.id)
	m := h.queue[0]
	h.queue = h.queue[1:]
	h.report(m, outcome)
	return m
}

func (h *playedWorker) report(m messages.ChunkMessage, outcome messages.Outcome) {
	n := int64(len(m.Data))
	s := messages.Signal{Kind: messages.SignalProgress, Worker: h.id, Protocol: 2, Incarnation: h.inc, BatchID: m.BatchID, Processing: n, Total: n, Outcome: outcome}
	if outcome != messages.OutcomeOK {
		s.Processing = 0
	}
	h.w.bus.say("signals", s)
	time.Sleep(50 * time.Millisecond)
}

// work lets the worker do everything that it is sent until the file ends.
func (h *playedWorker) work(path string) {
	h.w.t.Helper()
	for range 10_000 {
		if h.w.file(path).State.Terminal() {
			return
		}
		if len(h.read()) == 0 {
			time.Sleep(time.Second)
			continue
		}
		h.finish(messages.OutcomeOK)
	}
	h.w.t.Fatalf("%s did not end: %+v", path, h.w.file(path))
}

// find returns the running actor whose name ends with name.
func (w *world) find(name string) *actor.PID {
	w.t.Helper()
	pids := w.sys.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		for _, key := range pids[i].Keys() {
			if strings.HasSuffix(key, "/"+name) {
				return actor.NewPID(w.sys.sys.Address(), key)
			}
		}
	}
	w.t.Fatalf("no actor %s", name)
	return nil
}
