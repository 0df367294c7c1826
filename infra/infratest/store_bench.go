package infratest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// BenchmarkStore measures commits of 2 and of 64 writes: half of them assign a
// chunk, half drop one. It reports the median and the 99th percentile in µs.
func BenchmarkStore(b *testing.B, open func(b *testing.B) Store) {
	for _, writes := range []int{2, 64} {
		b.Run(fmt.Sprint("commit ", writes), func(b *testing.B) {
			s := open(b)
			term := lead(b, s, "a")
			var took []time.Duration
			number := uint64(0)
			for b.Loop() {
				number++
				batch := messages.Batch{Number: number, ID: "0123456789abcdef"}
				for i := range writes / 2 {
					index := int(number)*writes/2 + i
					batch.Chunks = append(batch.Chunks, exampleChunk(1, index))
					batch.DropChunks = append(batch.DropChunks, messages.ChunkID{File: 1, Index: index - 1000})
				}
				start := time.Now()
				require.NoError(b, s.Commit(context.Background(), term, batch))
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
		})
	}
}

// FillChunks commits n open chunks as batch 1 under a new term, for measurements
// of size and of loading.
func FillChunks(b testing.TB, s Store, n int) messages.Term {
	term := lead(b, s, "a")
	batch := messages.Batch{Number: 1, ID: "fill"}
	for i := range n {
		batch.Chunks = append(batch.Chunks, exampleChunk(1, i))
	}
	commit(b, s, term, batch)
	return term
}
