package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kafka-master/infra/embedded"
	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
	"kafka-master/worker"
)

// master is a minimal master that speaks the protocol.
type master struct {
	*kafkabus.Bus
	at map[string]int64
}

func newMaster(brokers []string, partitions int) (*master, error) {
	b, err := kafkabus.New(kafkabus.Config{Brokers: brokers})
	if err != nil {
		return nil, err
	}
	_, err = b.Ensure(context.Background(), []messages.TopicSpec{
		{Name: worker.DefaultChunkTopic, Partitions: partitions, Replication: -1},
		{Name: worker.DefaultSignalTopic, Partitions: 1, Replication: -1},
		{Name: worker.DefaultConnectionTopic, Partitions: 1, Replication: -1},
	})
	return &master{Bus: b, at: map[string]int64{}}, err
}

// next reads the topic until a signal matches.
func (m *master) next(ctx context.Context, topic string, match func(messages.Signal) bool) (messages.Signal, error) {
	for ctx.Err() == nil {
		got, err := m.Fetch(ctx, []messages.Position{{Topic: topic, Offset: m.at[topic]}}, time.Second)
		if err != nil {
			return messages.Signal{}, err
		}
		for _, f := range got {
			if f.Err != nil {
				return messages.Signal{}, f.Err
			}
			for _, r := range f.Records {
				m.at[topic] = r.Offset + 1
				s, err := messages.DecodeSignal(r.Value)
				if err != nil {
					return s, err
				}
				if match(s) {
					return s, nil
				}
			}
		}
	}
	return messages.Signal{}, ctx.Err()
}

// collect reads the topic until n signals match.
func (m *master) collect(ctx context.Context, topic string, n int, match func(messages.Signal) bool) (all []messages.Signal, err error) {
	for len(all) < n && ctx.Err() == nil {
		got, err := m.Fetch(ctx, []messages.Position{{Topic: topic, Offset: m.at[topic]}}, time.Second)
		if err != nil {
			return nil, err
		}
		for _, f := range got {
			m.at[topic] = f.Offset
			for _, r := range f.Records {
				s, err := messages.DecodeSignal(r.Value)
				if err != nil {
					return nil, err
				}
				if match(s) {
					all = append(all, s)
				}
			}
		}
	}
	return all, ctx.Err()
}

func (m *master) announced(ctx context.Context, kind messages.SignalKind) (messages.Signal, error) {
	return m.next(ctx, worker.DefaultConnectionTopic, func(s messages.Signal) bool { return s.Kind == kind })
}

// hand produces a chunk to the partition of w.
func (m *master) hand(ctx context.Context, w messages.Signal, h messages.ChunkHeader, items ...string) error {
	h.Worker = w.Worker
	return m.Produce(ctx, []messages.Record{{Topic: worker.DefaultChunkTopic, Partition: w.Partitions[0],
		Value: messages.AppendChunk(nil, h, []byte(strings.Join(items, "\n")))}})[0].Err
}

func (m *master) final(ctx context.Context) (messages.Signal, error) {
	return m.next(ctx, worker.DefaultSignalTopic, messages.Signal.Final)
}

func TestOverRealProtocol(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	broker, err := embedded.Start(embedded.Config{})
	must(t, err)
	defer func() { _ = broker.Close() }()
	dir := t.TempDir()
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { // started before the topics exist
		cfg := worker.Config{ID: "w-1", Brokers: broker.Addrs(), Capacity: 2}
		done <- worker.Run(running, cfg, worker.SampleHandler(dir))
	}()
	m, err := newMaster(broker.Addrs(), 15)
	must(t, err)
	defer m.Close()
	w, err := m.announced(ctx, messages.SignalAnnounce)
	must(t, err)
	if w.Partitions[0] != worker.PartitionOf("w-1", 15) {
		t.Errorf("partition %v", w.Partitions)
	}
	const chunks = 300
	for i := range chunks {
		h := messages.ChunkHeader{BatchID: messages.ChunkName{Base: "a", Index: i}.BatchID(1), Term: 1, Attempt: 1, File: "in/a.txt"}
		must(t, m.hand(ctx, w, h, "10.0.0.1", "8.8.8.8"))
		f, err := m.final(ctx)
		must(t, err)
		if f.BatchID != h.BatchID || f.Outcome != messages.OutcomeOK {
			t.Fatalf("final %+v", f)
		}
	}
	must(t, m.Grow(ctx, worker.DefaultChunkTopic, 20))
	h, err := m.announced(ctx, messages.SignalHeartbeat)
	must(t, err)
	if h.Partitions[0] != w.Partitions[0] {
		t.Errorf("moved to %v", h.Partitions)
	}
	stop()
	must(t, <-done)
	_, err = m.announced(ctx, messages.SignalBye)
	must(t, err)
	results, err := filepath.Glob(filepath.Join(dir, messages.ResultFolder("in/a.txt"), "*.jsonl"))
	if err != nil || len(results) != chunks {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// The workers of one process announce themselves, process chunks and say bye.
func TestThousandWorkersInOneProcess(t *testing.T) { exerciseMany(t, 1, 1000) }

// Three brokers lead some of the partitions each.
func TestWorkersInOneProcessOnThreeBrokers(t *testing.T) { exerciseMany(t, 3, 60) }

func exerciseMany(t *testing.T, brokers, workers int) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	broker, err := embedded.Start(embedded.Config{Brokers: brokers})
	must(t, err)
	defer func() { _ = broker.Close() }()
	m, err := newMaster(broker.Addrs(), 15)
	must(t, err)
	defer m.Close()
	members := make([]worker.Member, workers)
	for i := range members {
		members[i].ID = fmt.Sprint("w-", i)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		cfg := worker.Config{Brokers: broker.Addrs(), Logger: slog.New(slog.DiscardHandler)}
		done <- worker.RunMany(running, cfg, members, func(context.Context, worker.Chunk, func(int)) error { return nil })
	}()
	is := func(kind messages.SignalKind) func(messages.Signal) bool {
		return func(s messages.Signal) bool { return s.Kind == kind }
	}
	announced, err := m.collect(ctx, worker.DefaultConnectionTopic, len(members), is(messages.SignalAnnounce))
	must(t, err)
	t.Logf("%d workers announced after %s", len(announced), time.Since(began))
	chunks := map[int32][]messages.Record{} // by leader
	for i, w := range announced {
		leader := m.Leader(worker.DefaultChunkTopic, w.Partitions[0])
		chunks[leader] = append(chunks[leader], messages.Record{Topic: worker.DefaultChunkTopic, Partition: w.Partitions[0], Value: messages.AppendChunk(nil,
			messages.ChunkHeader{Worker: w.Worker, BatchID: messages.ChunkName{Base: "a", Index: i}.BatchID(1), Term: 1, Attempt: 1}, []byte("x\n"))})
	}
	if len(chunks) < min(brokers, 2) { // which broker leads a partition is left to chance
		t.Fatalf("%d leaders", len(chunks))
	}
	for _, of := range chunks {
		for _, p := range m.Produce(ctx, of) {
			must(t, p.Err)
		}
	}
	finals, err := m.collect(ctx, worker.DefaultSignalTopic, len(members), messages.Signal.Final)
	must(t, err)
	stop()
	must(t, <-done)
	byes, err := m.collect(ctx, worker.DefaultConnectionTopic, len(members), is(messages.SignalBye))
	must(t, err)
	for what, all := range map[string][]messages.Signal{"announcements": announced, "finals": finals, "byes": byes} {
		ids := map[messages.WorkerID]bool{}
		for _, s := range all {
			ids[s.Worker] = true
		}
		if len(all) != len(members) || len(ids) != len(members) {
			t.Errorf("%d %s of %d workers", len(all), what, len(ids))
		}
	}
}

func TestBrokerRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	data := t.TempDir()
	broker, err := embedded.Start(embedded.Config{DataDir: data})
	must(t, err)
	m, err := newMaster(broker.Addrs(), 3)
	must(t, err)
	running, stop := context.WithCancel(ctx)
	defer stop()
	done, begun, release := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		done <- worker.Run(running, worker.Config{ID: "w-1", Brokers: broker.Addrs()},
			func(context.Context, worker.Chunk, func(int)) error {
				close(begun)
				<-release
				return nil
			})
	}()
	w, err := m.announced(ctx, messages.SignalAnnounce)
	must(t, err)
	must(t, m.hand(ctx, w, messages.ChunkHeader{BatchID: "a_chunk_0", Attempt: 1}, "x"))
	<-begun
	m.Close()
	must(t, broker.Close())
	close(release) // the final message is sent during the outage
	var port int
	if _, err := fmt.Sscanf(broker.Addrs()[0], "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	broker, err = embedded.Start(embedded.Config{DataDir: data, Port: port})
	must(t, err)
	defer func() { _ = broker.Close() }()
	m, err = newMaster(broker.Addrs(), 3)
	must(t, err)
	defer m.Close()
	f, err := m.final(ctx)
	must(t, err)
	if f.BatchID != "a_chunk_0" || f.Outcome != messages.OutcomeOK {
		t.Errorf("final %+v", f)
	}
	stop()
	must(t, <-done)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
