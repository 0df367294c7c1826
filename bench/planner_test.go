// Package bench measures the inner loops of planning; the command in pipeline/
// measures the whole master.
package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/generate"
	"kafka-master/infra/localfiles"
	"kafka-master/messages"
)

const (
	inputSize = 64 << 20
	batch     = 500
)

// addresses is an input of inputSize bytes that ends with a whole line.
func addresses(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	require.NoError(tb, generate.Options{Lines: inputSize / 14, Seed: 1}.Write(&out))
	data := out.Bytes()[:min(out.Len(), inputSize)]
	return data[:bytes.LastIndexByte(data, '\n')+1]
}

// BenchmarkStream reads a page-cached file and drops the bytes: what a planner
// that costs nothing would reach.
func BenchmarkStream(b *testing.B) {
	data, dir := addresses(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "a.txt"), data, 0o600))
	files := localfiles.New(dir)
	list, err := files.List(b.Context())
	require.NoError(b, err)
	require.Len(b, list, 1)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		require.NoError(b, files.Stream(b.Context(), list[0], 0, list[0].Size, func([]byte) error { return nil }))
	}
}

// BenchmarkAppendChunk writes the JSON of chunks of 500 items that are cut
// already.
func BenchmarkAppendChunk(b *testing.B) {
	data := addresses(b)
	var chunks [][]byte
	for rest := data; len(rest) > 0; {
		end := 0
		for range batch {
			if n := bytes.IndexByte(rest[end:], '\n'); n >= 0 {
				end += n + 1
			}
		}
		chunks, rest = append(chunks, rest[:end]), rest[end:]
	}
	header := messages.ChunkHeader{Worker: "w1", BatchID: "a_chunk_1", Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 1}
	value := make([]byte, 0, 64<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for _, lines := range chunks {
			value = messages.AppendChunk(value[:0], header, lines)
		}
	}
}
