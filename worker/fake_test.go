package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
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

// fakeBus is Kafka in memory: the three topics of a worker and those that a test
// creates.
type fakeBus struct {
	mu      sync.Mutex
	topics  map[string][]fakeLog
	sent    []sent
	calls   []string // "bounds <topic>", "fetch <offset>", "produce <topic>"
	changed chan struct{}

	// Functions that inject faults, called before each request; nil means no faults.
	onOffsets func(topic string) error
	onFetch   func(messages.Position) error
	onProduce func(r messages.Record) error
	// keepOnError writes the record even if onProduce returns an error.
	keepOnError bool
	leaders     []int32 // leaders of the partitions of the chunk topic, nil for a single one
	fetches     int     // number of fetch requests
}

// fakeLog is one partition.
type fakeLog struct {
	start   int64 // offset of the first retained record
	records []messages.Received
}

func (l *fakeLog) end() int64 { return l.start + int64(len(l.records)) }

func (l *fakeLog) add(value []byte) int64 {
	at := l.end()
	l.records = append(l.records, messages.Received{Offset: at, Value: bytes.Clone(value)})
	return at
}

const (
	fakeMaxRecord = 1 << 20 // the largest record that a broker takes by default
	fakeMaxAnswer = 2 << 20 // bytes of one partition in the answer to one fetch
)

func newFakeBus(partitions int) *fakeBus {
	return &fakeBus{changed: make(chan struct{}), topics: map[string][]fakeLog{
		DefaultChunkTopic: make([]fakeLog, partitions), DefaultSignalTopic: make([]fakeLog, 1), DefaultConnectionTopic: make([]fakeLog, 1),
	}}
}

func (b *fakeBus) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// partition returns nil when there is no such partition.
func (b *fakeBus) partition(topic string, p int32) *fakeLog {
	if logs := b.topics[topic]; p >= 0 && int(p) < len(logs) {
		return &logs[p]
	}
	return nil
}

func (b *fakeBus) ask(call, topic string) error {
	b.calls = append(b.calls, call+" "+topic)
	if b.onOffsets != nil {
		return b.onOffsets(topic)
	}
	return nil
}

// Partitions implements bus.
func (b *fakeBus) Partitions(_ context.Context, topic string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask("partitions", topic); err != nil {
		return 0, err
	}
	n := len(b.topics[topic])
	if n == 0 {
		return 0, fmt.Errorf("no such topic: %w", messages.ErrNotWritten)
	}
	return n, nil
}

// Bounds implements bus.
func (b *fakeBus) Bounds(_ context.Context, topic string, p int32) (start, end int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask("bounds", topic); err != nil {
		return 0, 0, err
	}
	l := b.partition(topic, p)
	if l == nil {
		return 0, 0, fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
	}
	return l.start, l.end(), nil
}

// Leader implements bus. One broker leads all partitions, unless leaders is set.
func (b *fakeBus) Leader(topic string, p int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.partition(topic, p) == nil {
		return messages.NoLeader
	}
	if topic == DefaultChunkTopic && b.leaders != nil {
		return b.leaders[p]
	}
	return 0
}

// Fetch implements bus.
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
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", messages.ErrMaybeWritten, err)
		}
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
		}
	}
}

// answers returns the records at the positions. A partition that does not exist has no
// leader and fails the whole request.
func (b *fakeBus) answers(from []messages.Position) (out []messages.Fetched, err error) {
	for _, at := range from {
		var err error
		if b.onFetch != nil {
			err = b.onFetch(at)
		}
		l := b.partition(at.Topic, at.Partition)
		switch {
		case err != nil:
		case l == nil:
			err = fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
		case at.Offset < l.start || at.Offset > l.end():
			err = messages.ErrOffsetOutOfRange
		}
		if errors.Is(err, messages.ErrOffsetOutOfRange) { // an error of this position only
			out = append(out, messages.Fetched{Position: at, End: -1, Start: -1, Err: err})
			continue
		}
		if err != nil {
			return nil, err
		}
		f := messages.Fetched{Position: at, Start: l.start, End: l.end()}
		for size := 0; f.Offset < f.End && size < fakeMaxAnswer; f.Offset++ {
			r := l.records[f.Offset-l.start]
			size += len(r.Value)
			f.Records = append(f.Records, messages.Received{Offset: r.Offset, Value: bytes.Clone(r.Value)})
		}
		if len(f.Records) > 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

// Produce implements bus. A record behind a failed record of the same partition is not
// written, unless the failed one was too large.
func (b *fakeBus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]messages.Produced, len(records))
	failed := map[*fakeLog]bool{}
	for i, r := range records {
		if i == 0 {
			b.calls = append(b.calls, "produce "+r.Topic)
		}
		l := b.partition(r.Topic, r.Partition)
		err := b.refusal(ctx, l, r)
		if failed[l] {
			err = fmt.Errorf("behind a failed record: %w", messages.ErrNotWritten)
		}
		if l != nil && (err == nil || b.keepOnError) {
			out[i].Offset = b.keep(l, r)
		}
		if err != nil {
			failed[l] = failed[l] || !b.keepOnError && !errors.Is(err, messages.ErrTooLarge)
			out[i] = messages.Produced{Offset: messages.UnknownOffset, Err: err}
		}
	}
	b.announce()
	return out
}

// refusal returns the error of a record that is not written, or may not be.
func (b *fakeBus) refusal(ctx context.Context, l *fakeLog, r messages.Record) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", messages.ErrNotWritten, ctx.Err())
	}
	if b.onProduce != nil {
		if err := b.onProduce(r); err != nil {
			return err
		}
	}
	if len(r.Value) > fakeMaxRecord {
		return fmt.Errorf("%w: %w", messages.ErrRefused, messages.ErrTooLarge)
	}
	if l == nil {
		return fmt.Errorf("no such partition: %w", messages.ErrNotWritten)
	}
	return nil
}

// keep writes a record. It also keeps the decoded messages of the worker.
func (b *fakeBus) keep(l *fakeLog, r messages.Record) int64 {
	if (r.Topic == DefaultSignalTopic || r.Topic == DefaultConnectionTopic) && !isCompanion(r.Key) {
		s, err := messages.DecodeSignal(r.Value)
		if err != nil {
			panic(fmt.Sprintf("worker sent %s: %v", r.Value, err))
		}
		b.sent = append(b.sent, sent{topic: r.Topic, at: time.Now(), Signal: s, raw: r.Value})
	}
	return l.add(r.Value)
}

// remake creates the chunk topic again with this number of partitions; 0 removes it.
func (b *fakeBus) remake(partitions int) {
	b.with(func() { b.topics[DefaultChunkTopic] = make([]fakeLog, partitions) })
}

// grow adds partitions to a topic until it has n.
func (b *fakeBus) grow(topic string, n int) {
	b.with(func() { b.topics[topic] = append(b.topics[topic], make([]fakeLog, n-len(b.topics[topic]))...) })
}

// signalPartitions creates the topics of the worker's messages again.
func (b *fakeBus) signalPartitions(n int) {
	b.with(func() {
		b.topics[DefaultSignalTopic], b.topics[DefaultConnectionTopic] = make([]fakeLog, n), make([]fakeLog, n)
	})
}

// lose drops all chunks of partition 0. The following one gets the offset next.
func (b *fakeBus) lose(next int64) {
	b.with(func() { b.topics[DefaultChunkTopic][0] = fakeLog{start: next} })
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
		b.topics[DefaultChunkTopic][p].add([]byte(v))
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

// finals returns the final messages about a batch, or about all when batch is "".
func (b *fakeBus) finals(batch string) []sent {
	return slices.DeleteFunc(b.of(messages.SignalProgress), func(s sent) bool {
		return !s.Final() || batch != "" && s.BatchID != batch
	})
}

// with runs f with the bus locked, so that f can change the faults.
func (b *fakeBus) with(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	b.announce()
}
