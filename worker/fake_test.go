package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const self = "w-1"

// sent is one message that the worker produced.
type sent struct {
	topic string
	at    time.Time
	messages.Signal
	raw []byte
}

// fakeBus is Kafka in memory: one topic of chunks, and what the worker sends.
type fakeBus struct {
	mu      sync.Mutex
	start   []int64
	logs    [][]messages.Received // chunk topic, by partition
	base    []int64               // offset of logs[p][0]
	sent    []sent
	calls   []string // "bounds <topic>", "fetch <offset>", "produce <topic>"
	changed chan struct{}

	// Faults, asked before each call; nil means none.
	onOffsets func(topic string) error
	onFetch   func(messages.Position) error
	onProduce func(r messages.Record) error
	// keepOnError writes the record although onProduce fails.
	keepOnError bool
	signalParts int
	leaders     []int32 // of the chunk topic, nil for one
	fetches     int     // requests
}

func newFakeBus(partitions int) *fakeBus {
	return &fakeBus{
		logs: make([][]messages.Received, partitions), base: make([]int64, partitions),
		start: make([]int64, partitions), changed: make(chan struct{}), signalParts: 1,
	}
}

func (b *fakeBus) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *fakeBus) end(p int32) int64 { return b.base[p] + int64(len(b.logs[p])) }

func (b *fakeBus) ask(call, topic string) error {
	b.calls = append(b.calls, call+" "+topic)
	if b.onOffsets != nil {
		return b.onOffsets(topic)
	}
	return nil
}

func (b *fakeBus) Partitions(_ context.Context, topic string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.ask("partitions", topic)
	if topic != DefaultChunkTopic {
		return b.signalParts, err
	}
	if len(b.logs) == 0 {
		err = messages.ErrNotWritten
	}
	return len(b.logs), err
}

func (b *fakeBus) Bounds(_ context.Context, topic string, p int32) (start, end int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask("bounds", topic); err != nil {
		return 0, 0, err
	}
	if int(p) >= len(b.logs) {
		return 0, 0, messages.ErrNotWritten
	}
	return b.start[p], b.end(p), nil
}

// Leader implements bus. One broker leads what is there, unless leaders is set.
func (b *fakeBus) Leader(topic string, p int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if topic == DefaultChunkTopic && int(p) >= len(b.logs) {
		return messages.NoLeader
	}
	if topic == DefaultChunkTopic && b.leaders != nil {
		return b.leaders[p]
	}
	return 0
}

func (b *fakeBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	limit := time.NewTimer(wait)
	defer limit.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fetches++
	for _, at := range from {
		b.calls = append(b.calls, fmt.Sprint("fetch ", at.Offset))
	}
	for {
		out, err := b.answers(from)
		if err != nil || len(out) > 0 {
			return out, err
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
			b.mu.Lock()
		case <-limit.C:
			b.mu.Lock()
			return nil, nil
		case <-ctx.Done():
			b.mu.Lock()
			return nil, fmt.Errorf("%w: %w", messages.ErrMaybeWritten, ctx.Err())
		}
	}
}

// answers returns what there is at positions.
func (b *fakeBus) answers(from []messages.Position) (out []messages.Fetched, err error) {
	for _, at := range from {
		if b.onFetch != nil {
			if err := b.onFetch(at); err != nil {
				return nil, err
			}
		}
		if int(at.Partition) >= len(b.logs) { // the topic was made again
			return nil, messages.ErrNotWritten
		}
		if at.Offset < b.start[at.Partition] || at.Offset > b.end(at.Partition) {
			out = append(out, messages.Fetched{Position: at, End: -1, Start: -1, Err: messages.ErrOffsetOutOfRange})
			continue
		}
		if end := b.end(at.Partition); at.Offset < end {
			records := slices.Clone(b.logs[at.Partition][at.Offset-b.base[at.Partition]:])
			at.Offset = end
			out = append(out, messages.Fetched{Position: at, Records: records, End: end})
		}
	}
	return out, nil
}

func (b *fakeBus) Produce(_ context.Context, records []messages.Record) []messages.Produced {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, "produce "+records[0].Topic)
	out := make([]messages.Produced, len(records))
	for i, r := range records {
		var err error
		if b.onProduce != nil {
			err = b.onProduce(r)
		}
		if (err == nil || b.keepOnError) && !isCompanion(r.Key) {
			s, derr := messages.DecodeSignal(r.Value)
			if derr != nil {
				panic(fmt.Sprintf("worker sent %s: %v", r.Value, derr))
			}
			b.sent = append(b.sent, sent{topic: r.Topic, at: time.Now(), Signal: s, raw: r.Value})
		}
		out[i] = messages.Produced{Offset: int64(len(b.sent)), Err: err}
	}
	b.announce()
	return out
}

// remake makes the chunk topic again with so many partitions, or removes it.
func (b *fakeBus) remake(partitions int) {
	b.with(func() {
		b.logs, b.base, b.start = make([][]messages.Received, partitions), make([]int64, partitions), make([]int64, partitions)
	})
}

// chunk appends a chunk message for id to partition 0.
func (b *fakeBus) chunk(h messages.ChunkHeader, items ...string) {
	var lines []byte
	for _, i := range items {
		lines = append(append(lines, i...), '\n')
	}
	if h.Worker == "" {
		h.Worker = self
	}
	b.raw(string(messages.AppendChunk(nil, h, lines)))
}

func (b *fakeBus) raw(values ...string) { b.write(0, values...) }

func (b *fakeBus) write(p int32, values ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range values {
		b.logs[p] = append(b.logs[p], messages.Received{Offset: b.end(p), Value: []byte(v)})
	}
	b.announce()
}

func (b *fakeBus) of(kind messages.SignalKind) []sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []sent
	for _, s := range b.sent {
		if s.Kind == kind {
			out = append(out, s)
		}
	}
	return out
}

// finals returns the last words about batch, all of them when batch is empty.
func (b *fakeBus) finals(batch string) []sent {
	return slices.DeleteFunc(b.of(messages.SignalProgress), func(s sent) bool {
		return !s.Final() || batch != "" && s.BatchID != batch
	})
}

// with locks the bus for a change of its faults.
func (b *fakeBus) with(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	b.announce()
}

// started is a worker that runs in the bubble of a test.
type started struct {
	*fakeBus
	t    *testing.T
	log  *bytes.Buffer
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, b *fakeBus, h Handler, change ...func(*Config)) *started {
	t.Helper()
	log := &bytes.Buffer{}
	cfg := Config{ID: self, Brokers: []string{"fake:1"}, Version: "1.0",
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &started{fakeBus: b, t: t, log: log, stop: stop, done: make(chan error, 1)}
	members := append(companions(t), Member{ID: cfg.ID, Partition: cfg.Partition})
	go func() { w.done <- run(ctx, cfg.withDefaults(), members, b, h) }()
	return w
}

// amongOthers ends the names of tests whose worker shares its process.
const amongOthers = "among others"

// companions are the idle workers that share the process with the worker of the
// test. They fall on all partitions of a small topic.
func companions(t *testing.T) (all []Member) {
	if !strings.HasSuffix(t.Name(), strings.ReplaceAll(amongOthers, " ", "_")) {
		return nil
	}
	for i := range 20 {
		all = append(all, Member{ID: fmt.Sprint("other-", i)})
	}
	return all
}

func isCompanion(key []byte) bool { return bytes.HasPrefix(key, []byte("other-")) }

// end stops the worker and waits for its end.
func (w *started) end() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Fatalf("Run: %v", err)
	}
}

func head(batch string) messages.ChunkHeader {
	return messages.ChunkHeader{BatchID: batch, Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 1}
}

func ok(context.Context, Chunk, func(int)) error { return nil }

func jsonOf(t *testing.T, s sent) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(s.raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// pass lets virtual time go by, and all that happens in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
