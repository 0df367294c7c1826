package boltstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
)

func BenchmarkStore(b *testing.B) {
	infratest.BenchmarkStore(b, func(b *testing.B) infratest.Store {
		return open(b, filepath.Join(b.TempDir(), "state.db"))
	})
}

func BenchmarkLoad100k(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	term := infratest.FillChunks(b, s, 100_000)
	for b.Loop() {
		_, err := s.Load(context.Background(), term)
		require.NoError(b, err)
	}
}
