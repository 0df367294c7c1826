package redisstore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// The benchmarks need REDIS_TEST_URL.

func BenchmarkStore(b *testing.B) {
	infratest.BenchmarkStore(b, func(b *testing.B) infratest.Store { return open(b, realURL(b)) })
}

func BenchmarkLoad100k(b *testing.B) {
	url := realURL(b)
	s := open(b, url)
	const n = 100_000
	term := infratest.FillChunks(b, s, n)
	size, err := connect(b, url).MemoryUsage(context.Background(), "{kafka-master}:"+string(messages.TableChunks), 0).Result()
	require.NoError(b, err)
	for b.Loop() {
		_, err := s.Load(context.Background(), term)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(size)/n, "bytes/chunk")
}
