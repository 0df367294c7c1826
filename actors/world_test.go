package actors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// memBus is Kafka as the actors see it, in memory, for bubbles.
type memBus struct {
	mu       sync.Mutex
	logs     map[place][][]byte
	news     chan struct{} // closed when something was produced
	fail     func(messages.Record) error
	down     error
	policies map[string]string // cleanup.policy by topic, delete by default
	group    messages.GroupState
	kept     map[string]map[place]int64
}

func newMemBus() *memBus {
	return &memBus{logs: map[place][][]byte{}, news: make(chan struct{}), kept: map[string]map[place]int64{}, group: messages.GroupState{Name: "g", State: messages.GroupDead}}
}

func (b *memBus) partitions(topic string) (n int) {
	for at := range b.logs {
		if at.topic == topic {
			n++
		}
	}
	return n
}

// maxRecord is the largest record that a broker takes by default.
const maxRecord = 1 << 20

// memBrokers is how many brokers there are.
const memBrokers = 2

// Leader spreads the partitions that there are over two brokers.
func (b *memBus) Leader(topic string, p int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.logs[place{topic, p}]; !ok {
		return messages.NoLeader
	}
	return p % 2
}

func (b *memBus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]messages.Produced, len(records))
	for i, r := range records {
		out[i].Offset = messages.UnknownOffset
		at := place{r.Topic, r.Partition}
		var err error
		if b.fail != nil {
			err = b.fail(r)
		}
		switch {
		case b.down != nil:
			err = b.down
		case ctx.Err() != nil:
			err = fmt.Errorf("%w: %w", messages.ErrNotWritten, ctx.Err())
		case err == nil && len(r.Value) > maxRecord:
			err = fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)
		}
		if _, ok := b.logs[at]; !ok && err == nil {
			err = fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
		}
		if out[i].Err = err; err == nil {
			out[i].Offset = int64(len(b.logs[at]))
			b.logs[at] = append(b.logs[at], bytes.Clone(r.Value))
		}
	}
	close(b.news)
	b.news = make(chan struct{})
	return out
}

func (b *memBus) say(topic string, s messages.Signal) {
	b.Produce(context.Background(), []messages.Record{{Topic: topic, Value: s.Encode()}})
}

func (b *memBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		b.mu.Lock()
		news, err := b.news, b.down
		var out []messages.Fetched
		for _, p := range from {
			log, ok := b.logs[place{p.Topic, p.Partition}]
			if !ok {
				err = errors.Join(err, messages.ErrNotWritten)
				continue
			}
			f := messages.Fetched{Position: p, End: int64(len(log))}
			if p.Offset > f.End {
				f.Err, f.End = messages.ErrOffsetOutOfRange, -1
			} else {
				for n, v := range log[p.Offset:] {
					f.Records = append(f.Records, messages.Received{Offset: p.Offset + int64(n), Value: v})
				}
				f.Offset = f.End
			}
			if len(f.Records) > 0 || f.Err != nil {
				out = append(out, f)
			}
		}
		b.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			return out, nil
		}
		select {
		case <-news:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (b *memBus) Offsets(_ context.Context, topic string) (start, end []int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.partitions(topic)
	if b.down != nil || n == 0 {
		return nil, nil, errors.Join(b.down, messages.ErrNotWritten)
	}
	for p := range n {
		start = append(start, 0)
		end = append(end, int64(len(b.logs[place{topic, int32(p)}])))
	}
	return start, end, nil
}

func (b *memBus) CommitOffsets(_ context.Context, group string, at []messages.Position) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept[group] == nil {
		b.kept[group] = map[place]int64{}
	}
	for _, p := range at {
		b.kept[group][place{p.Topic, p.Partition}] = p.Offset
	}
	return nil
}

// keptAt returns what is committed for a group.
func (b *memBus) keptAt(group string) map[place]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.kept[group])
}

func (b *memBus) Ensure(_ context.Context, specs []messages.TopicSpec) ([]messages.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return nil, b.down
	}
	var out []messages.Topic
	for _, s := range specs {
		if s.Replication > memBrokers {
			return nil, fmt.Errorf("%d replicas on %d brokers: %w", s.Replication, memBrokers, messages.ErrRefused)
		}
		if b.partitions(s.Name) == 0 {
			if b.policies == nil {
				b.policies = map[string]string{}
			}
			b.policies[s.Name] = s.Config[messages.CleanupPolicy]
			for p := range s.Partitions {
				b.logs[place{s.Name, int32(p)}] = nil
			}
		}
		out = append(out, messages.Topic{Name: s.Name, Partitions: b.partitions(s.Name)})
	}
	return out, nil
}

func (b *memBus) List(context.Context) ([]messages.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := map[string]bool{}
	for at := range b.logs {
		names[at.topic] = true
	}
	var out []messages.Topic
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, messages.Topic{Name: n, Partitions: b.partitions(n)})
	}
	return out, b.down
}

func (b *memBus) Settings(_ context.Context, topics []string) (map[string]map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]map[string]string{}
	for _, name := range topics {
		if b.partitions(name) > 0 {
			out[name] = map[string]string{messages.CleanupPolicy: cmp.Or(b.policies[name], messages.CleanupDelete)}
		}
	}
	return out, b.down
}

func (b *memBus) Grow(_ context.Context, topic string, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.partitions(topic) > n {
		return fmt.Errorf("grow %s to %d: %w", topic, n, messages.ErrRefused)
	}
	for p := b.partitions(topic); p < n; p++ {
		b.logs[place{topic, int32(p)}] = nil
	}
	return nil
}

func (b *memBus) Find(_ context.Context, _, preferred string) (messages.GroupState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := messages.GroupState{Name: preferred, State: messages.GroupDead}
	switch {
	case b.down != nil:
		return messages.GroupState{}, b.down
	case len(b.group.Members) > 0 || b.group.Name == preferred && b.group.State != messages.GroupDead:
		return b.group, nil
	case len(b.kept[preferred]) > 0:
		g.State = messages.GroupEmpty
	}
	return g, nil
}

func (b *memBus) setGroup(g messages.GroupState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.group = g
}

func (b *memBus) Committed(_ context.Context, group, topic string) ([]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]int64, b.partitions(topic))
	for p := range out {
		out[p] = messages.UnknownOffset
		if o, ok := b.kept[group][place{topic, int32(p)}]; ok {
			out[p] = o
		}
	}
	return out, nil
}

func (b *memBus) Evict(context.Context, string, string) error { return nil }

// world is a master in a bubble, with workers that the test plays.
type world struct {
	t     *testing.T
	bus   *memBus
	store *infratest.FaultyStore
	// memory is what the store keeps.
	memory *infratest.MemoryStore
	files  *memFiles
	cfg    Config
	sys    *System
	log    *slog.Logger
	hands  map[string]*hand
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
			t: t, bus: newMemBus(), store: infratest.NewFaultyStore(memory), memory: memory, files: &memFiles{},
			log: slog.New(slog.NewTextHandler(out, nil)), hands: map[string]*hand{},
			cfg: Config{
				MasterID: "m", ChunkTopic: "chunks", SignalTopic: "signals", ConnectionTopic: "connections", HeartbeatTopic: "masters",
				Partitions: 4, Group: "km", WorkerGroup: "g", BatchSize: 2, WorkerTimeout: time.Minute, MaxAttempts: 3, Prefetch: 1,
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
}

func (w *world) ask(q messages.Query) any {
	w.t.Helper()
	a, err := w.sys.Ask(w.t.Context(), q)
	require.NoError(w.t, err)
	return a
}

// overview is how everything goes on now. Its problems are without those of a
// world in which there is no worker or no file: most tests have neither.
func (w *world) overview() messages.Overview {
	o := w.ask(messages.QueryOverview{Fresh: true}).(messages.Overview)
	o.Problems = slices.DeleteFunc(slices.Clone(o.Problems), func(p messages.Problem) bool {
		return p.Kind == messages.ProblemNoWorkers || p.Kind == messages.ProblemNoFiles
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
	var last messages.FileStatus
	for _, f := range w.ask(messages.QueryFiles{Fresh: true}).([]*messages.FileStatus) {
		if f.Info.Path == path {
			last = *f
		}
	}
	return last
}

// hand is a native worker that the test plays step by step.
type hand struct {
	w         *world
	id        messages.WorkerID
	partition int32
	inc       messages.Incarnation
	next      int64
	queue     []messages.ChunkMessage
	stop      chan struct{}
}

// hire announces a native worker that sends heartbeats until it is killed.
func (w *world) hire(id string, partition int32) *hand {
	h := &hand{w: w, id: messages.WorkerID(id), partition: partition, stop: make(chan struct{})}
	h.inc = messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: "r"}
	w.bus.mu.Lock()
	h.next = int64(len(w.bus.logs[place{"chunks", partition}]))
	w.bus.mu.Unlock()
	h.say(messages.Signal{Kind: messages.SignalAnnounce, Capacity: 1, Protocol: 2})
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

func (h *hand) say(s messages.Signal) {
	s.Worker, s.Incarnation, s.Partitions = h.id, h.inc, []int32{h.partition}
	h.w.bus.say("connections", s)
}

func (h *hand) beat() {
	h.w.bus.mu.Lock()
	var running []string
	for _, m := range h.queue {
		running = append(running, m.BatchID)
	}
	next := h.next
	h.w.bus.mu.Unlock()
	h.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Running: running, Next: next})
}

func (h *hand) kill() {
	select {
	case <-h.stop:
	default:
		close(h.stop)
	}
}

// read takes the chunks that were sent to the worker meanwhile.
func (h *hand) read() []messages.ChunkMessage {
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
func (h *hand) finish(outcome messages.Outcome) messages.ChunkMessage {
	h.w.t.Helper()
	require.NotEmpty(h.w.t, h.read(), "%s holds no chunk", h.id)
	m := h.queue[0]
	h.queue = h.queue[1:]
	h.report(m, outcome)
	return m
}

func (h *hand) report(m messages.ChunkMessage, outcome messages.Outcome) {
	n := int64(len(m.Data))
	s := messages.Signal{Kind: messages.SignalProgress, Worker: h.id, Protocol: 2, Incarnation: h.inc, BatchID: m.BatchID, Processing: n, Total: n, Outcome: outcome}
	if outcome != messages.OutcomeOK {
		s.Processing = 0
	}
	h.w.bus.say("signals", s)
	time.Sleep(50 * time.Millisecond)
}

// work lets the worker do everything that it is sent until the file ends.
func (h *hand) work(path string) {
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

// setDown makes every call fail with err, until it is called with nil.
func (b *memBus) setDown(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = err
}
