package kafkabus_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// onBrokers runs a benchmark on the embedded broker, and on a real one when
// there is one.
func onBrokers(b *testing.B, run func(b *testing.B, addrs []string)) {
	b.Run("embedded", func(b *testing.B) { run(b, startBroker(b, 1).Addrs()) })
	if addrs := os.Getenv(realBroker); addrs != "" {
		b.Run("real", func(b *testing.B) { run(b, strings.Split(addrs, ",")) })
	}
}

func benchTopic() string {
	return "bench-" + strings.ReplaceAll(time.Now().Format("150405.000000000"), ".", "-")
}

// BenchmarkProduceChunk sends one chunk of 500 items at a time, all acks.
func BenchmarkProduceChunk(b *testing.B) {
	onBrokers(b, func(b *testing.B, addrs []string) {
		bus, topic := openBus(b, addrs), benchTopic()
		_, err := bus.Ensure(b.Context(), []messages.TopicSpec{{Name: topic, Partitions: 1, Replication: -1}})
		require.NoError(b, err)
		record := []messages.Record{{Topic: topic, Key: []byte("worker"), Value: make([]byte, 7<<10)}}
		b.SetBytes(7 << 10)
		for b.Loop() {
			require.NoError(b, bus.Produce(b.Context(), record)[0].Err)
		}
	})
}

// BenchmarkProduceMany sends one chunk to each of 15 partitions in one request.
func BenchmarkProduceMany(b *testing.B) {
	onBrokers(b, func(b *testing.B, addrs []string) {
		bus, topic := openBus(b, addrs), benchTopic()
		_, err := bus.Ensure(b.Context(), []messages.TopicSpec{{Name: topic, Partitions: 15, Replication: -1}})
		require.NoError(b, err)
		var records []messages.Record
		for p := range int32(15) {
			records = append(records, messages.Record{Topic: topic, Partition: p, Value: make([]byte, 7<<10)})
		}
		b.SetBytes(15 * 7 << 10)
		for b.Loop() {
			for _, out := range bus.Produce(b.Context(), records) {
				require.NoError(b, out.Err)
			}
		}
	})
}

// BenchmarkGrow adds one partition until it is usable.
func BenchmarkGrow(b *testing.B) {
	onBrokers(b, func(b *testing.B, addrs []string) {
		bus, topic, n := openBus(b, addrs), benchTopic(), 1
		_, err := bus.Ensure(b.Context(), []messages.TopicSpec{{Name: topic, Partitions: n, Replication: -1}})
		require.NoError(b, err)
		for b.Loop() {
			n++
			require.NoError(b, bus.Grow(b.Context(), topic, n))
		}
	})
}

// BenchmarkEnsure creates a topic of 15 partitions until it is usable.
func BenchmarkEnsure(b *testing.B) {
	onBrokers(b, func(b *testing.B, addrs []string) {
		bus := openBus(b, addrs)
		for b.Loop() {
			_, err := bus.Ensure(b.Context(), []messages.TopicSpec{{Name: benchTopic(), Partitions: 15, Replication: -1}})
			require.NoError(b, err)
		}
	})
}

// BenchmarkOffsets asks for the offsets of a topic of 1,000 partitions.
func BenchmarkOffsets(b *testing.B) {
	onBrokers(b, func(b *testing.B, addrs []string) {
		bus, topic := openBus(b, addrs), benchTopic()
		_, err := bus.Ensure(b.Context(), []messages.TopicSpec{{Name: topic, Partitions: 1000, Replication: -1}})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, bus.Delete(context.Background(), []string{topic})) })
		for b.Loop() {
			_, end, err := bus.Offsets(b.Context(), topic)
			require.NoError(b, err)
			require.Len(b, end, 1000)
		}
	})
}
