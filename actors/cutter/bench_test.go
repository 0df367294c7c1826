package cutter

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/localfiles"
	"kafka-master/messages"
)

// plannerInput returns 64 MiB of random IPv4 addresses, one on a line.
func plannerInput() []byte {
	const size = 64 << 20
	data := make([]byte, 0, size+16)
	rnd := rand.New(rand.NewPCG(1, 1))
	for len(data) < size {
		ip := rnd.Uint32()
		addr := netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)})
		data = append(addr.AppendTo(data), '\n')
	}
	return data
}

// BenchmarkPlanner cuts 64 MiB into chunks of 500 lines, without and with the
// JSON of the chunk messages, from memory and from a page-cached file.
func BenchmarkPlanner(b *testing.B) {
	data := plannerInput()
	memory := func(feed func([]byte) error) error {
		for block := range slices.Chunk(data, 1<<20) {
			if err := feed(block); err != nil {
				return err
			}
		}
		return nil
	}
	files, info := plannerFile(b, data)
	file := func(feed func([]byte) error) error {
		return files.Stream(b.Context(), info, 0, info.Size, feed)
	}
	index := func(Cut) error { return nil }
	for _, source := range []struct {
		name   string
		stream func(feed func([]byte) error) error
	}{{"memory", memory}, {"file", file}} {
		b.Run(source.name+"/index", func(b *testing.B) { benchmarkCutter(b, len(data), source.stream, index) })
		b.Run(source.name+"/json", func(b *testing.B) { benchmarkCutter(b, len(data), source.stream, encode()) })
	}
}

func benchmarkCutter(b *testing.B, size int, stream func(feed func([]byte) error) error, emit func(Cut) error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		chunks := 0
		c := New(1, messages.Cursor{}, 500, func(x Cut) error {
			chunks++
			return emit(x)
		})
		require.NoError(b, stream(c.Feed))
		_, err := c.Finish()
		require.NoError(b, err)
		require.Greater(b, chunks, size/500/16)
	}
}

// encode returns an emit function that encodes each chunk's message, as the free-worker
// does.
func encode() func(Cut) error {
	return func(c Cut) error {
		value := messages.AppendChunk(make([]byte, 0, len(c.Text)+c.Items*2+512), messages.ChunkHeader{
			Worker: "w1", BatchID: "a_chunk_1", Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: c.FirstLine,
		}, c.Text)
		if len(value) == 0 || !bytes.HasSuffix(value, []byte("]}")) {
			return ErrOtherBytes
		}
		return nil
	}
}

func plannerFile(b *testing.B, data []byte) (*localfiles.Files, messages.FileInfo) {
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "a.txt"), data, 0o600))
	files := localfiles.New(dir)
	list, err := files.List(b.Context())
	require.NoError(b, err)
	require.Len(b, list, 1)
	return files, list[0]
}
