package recordset_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"runtime"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/recordset"
)

// record returns a record of format 2 that claims to have a number of headers.
func record(delta int64, value string, headers int64) []byte {
	return infratest.RawRecord(delta, []byte(value), headers)
}

// batch returns a batch of format 2 at offset 100 with a payload.
func batch(attributes int16, lastDelta, count int32, payload []byte) []byte {
	return infratest.RawBatch(100, attributes, lastDelta, count, payload)
}

// codecs are the ways to compress a batch, with their number in the attributes.
var codecs = map[string]struct {
	number int16
	pack   func(t *testing.T, plain []byte) []byte
}{
	"plain": {0, func(_ *testing.T, plain []byte) []byte { return plain }},
	"gzip": {1, func(t *testing.T, p []byte) []byte {
		return packed(t, p, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	}},
	"snappy": {2, func(_ *testing.T, p []byte) []byte { return snappy.Encode(nil, p) }},
	"xerial": {2, func(_ *testing.T, p []byte) []byte {
		out := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
		for len(p) > 0 {
			n := min(len(p), 32<<10)
			block := snappy.Encode(nil, p[:n])
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
			p = p[n:]
		}
		return out
	}},
	"lz4": {3, func(t *testing.T, p []byte) []byte {
		return packed(t, p, func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) })
	}},
	"zstd": {4, func(t *testing.T, p []byte) []byte {
		return packed(t, p, func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			require.NoError(t, err)
			return z
		})
	}},
	"zstd with the window of level 22": {4, func(t *testing.T, p []byte) []byte {
		out := packed(t, p, func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(false))
			require.NoError(t, err)
			return z
		})
		out[5] = windowOf128MiB
		return out
	}},
}

// windowOf128MiB is the window of compression level 22 as a zstd frame states it.
const windowOf128MiB = 0x88

func packed(t *testing.T, plain []byte, open func(io.Writer) io.WriteCloser) []byte {
	var out bytes.Buffer
	w := open(&out)
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func inflater(t *testing.T) *recordset.Inflater {
	in, err := recordset.NewInflater()
	require.NoError(t, err)
	return in
}

// read returns the first batch of a set and its values by offset.
func read(t *testing.T, set []byte) (recordset.Batch, map[int64]string, error) {
	b, _, ok := recordset.Next(set)
	require.True(t, ok)
	got := map[int64]string{}
	_, err := b.Records(inflater(t), func(offset int64, value []byte) bool { got[offset] = string(value); return true })
	return b, got, err
}

func TestEveryCodec(t *testing.T) {
	for name, c := range codecs {
		t.Run(name, func(t *testing.T) {
			plain := append(record(0, "a", 0), record(1, "bc", 0)...)
			set := batch(c.number, 1, 2, c.pack(t, plain))
			require.NoError(t, recordset.Check(inflater(t), set))
			b, got, err := read(t, append(set, set[:30]...))
			require.NoError(t, err)
			require.Equal(t, map[int64]string{100: "a", 101: "bc"}, got)
			require.EqualValues(t, 102, b.Next)
		})
	}
}

// A batch that is too large when it is inflated uses no more memory than the bound, with
// any codec.
func TestBombs(t *testing.T) {
	value := make([]byte, 4*recordset.MaxInflated)
	plain := record(0, string(value), 0)
	for name, c := range codecs {
		if c.number == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			set := batch(c.number, 0, 1, c.pack(t, plain))
			in := inflater(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			require.ErrorIs(t, recordset.Check(in, set), recordset.ErrUnreadable)
			b, _, ok := recordset.Next(set)
			require.True(t, ok)
			require.EqualValues(t, 101, b.Next, "it can be skipped")
			runtime.ReadMemStats(&after)
			// Growing a slice allocates several times its final size.
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*recordset.MaxInflated))
		})
	}
}

// Brokers and producers that compress with zstd at the levels 20 to 22 state windows of
// 32 to 128 MiB. The frames are those of the command zstd.
func TestLargeZstdWindows(t *testing.T) {
	frame := func(window byte, data string) []byte {
		return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x04, window, 0x49, 0, 0}, data...)
	}
	const first, second = "\x10\x00\x00\x00\x01\x04ab\x00\x30\x0d\x3a\xa6", "\x10\x00\x00\x02\x01\x04cd\x00"
	skipped := []byte{0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'}
	repeated := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, windowOf128MiB, 0x49, 0, 0}
	for name, payload := range map[string][]byte{
		"level 20": frame(0x78, first), "level 21": frame(0x80, first), "level 22": frame(windowOf128MiB, first),
		"several frames": append(append(frame(windowOf128MiB, first), skipped...), append(repeated, second...)...),
	} {
		t.Run(name, func(t *testing.T) {
			want := map[int64]string{100: "ab"}
			if name == "several frames" {
				want[101] = "cd"
			}
			set := batch(4, int32(len(want)-1), int32(len(want)), payload)
			before := bytes.Clone(set)
			_, got, err := read(t, set)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, before, set, "the batch itself stays as it was")
		})
	}
	_, _, err := read(t, batch(4, 0, 1, frame(0x90, first)))
	require.ErrorIs(t, err, recordset.ErrUnreadable, "no other reader accepts a window of 256 MiB either")
}

// A small batch that announces large sizes uses little memory.
func TestAnnouncedSizes(t *testing.T) {
	huge := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xc0 | 0x20, 0, 0, 0, 0, 0, 1, 0, 0} // zstd, 1 TiB of content
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x98, 1, 0, 0}               // zstd, a window of 512 MiB
	xerial := append([]byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"), 0xff, 0xff, 0xff, 0xff, 1)
	for name, set := range map[string][]byte{
		"count":             batch(0, math.MaxInt32-1, math.MaxInt32, nil),
		"negative count":    batch(0, -6, -5, nil),
		"headers":           batch(0, 0, 1, record(0, "x", 1<<45)),
		"negative headers":  batch(0, 0, 1, record(0, "x", -3)),
		"zstd content":      batch(4, 0, 1, huge),
		"zstd window":       batch(4, 0, 1, window),
		"no zstd":           batch(4, 0, 1, []byte("this is no zstd frame at all")),
		"snappy size":       batch(2, 0, 1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}),
		"xerial block":      batch(2, 0, 1, xerial),
		"codec":             batch(7, 0, 1, record(0, "x", 0)),
		"far place":         batch(0, 0, 1, record(1<<40, "x", 0)),
		"negative place":    batch(0, 0, 1, record(-1000, "x", 0)),
		"same place":        batch(0, 1, 2, append(record(0, "x", 0), record(0, "y", 0)...)),
		"too few":           batch(0, 1, 2, record(0, "x", 0)),
		"too many":          batch(0, 0, 1, append(record(0, "x", 0), record(1, "y", 0)...)),
		"value over record": batch(0, 0, 1, []byte{14, 0, 0, 0, 1, 100, 'x', 0}),
		"checksum":          append(batch(0, 0, 1, nil)[:57], 0, 0, 0, 9),
	} {
		t.Run(name, func(t *testing.T) {
			in := inflater(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			require.ErrorIs(t, recordset.Check(in, set), recordset.ErrUnreadable)
			_, got, err := read(t, set)
			require.ErrorIs(t, err, recordset.ErrUnreadable)
			require.Empty(t, got)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
		})
	}
}

// Batches from which compaction removed some or all records can be read, but no producer
// may send them.
func TestCompacted(t *testing.T) {
	set := batch(0, 9, 1, record(4, "x", 0))
	b, got, err := read(t, set)
	require.NoError(t, err)
	require.Equal(t, map[int64]string{104: "x"}, got)
	require.EqualValues(t, 110, b.Next)
	require.ErrorIs(t, recordset.Check(inflater(t), set), recordset.ErrUnreadable)
	b, got, err = read(t, batch(0, 9, 0, nil))
	require.NoError(t, err)
	require.Empty(t, got)
	require.EqualValues(t, 110, b.Next)
}

func TestControlBatch(t *testing.T) {
	set := batch(0x20, 0, 1, record(0, "commit", 0))
	b, got, err := read(t, set)
	require.NoError(t, err)
	require.Empty(t, got)
	require.EqualValues(t, 101, b.Next)
	require.ErrorIs(t, recordset.Check(inflater(t), set), recordset.ErrUnreadable)
}

func TestCutSets(t *testing.T) {
	set := batch(0, 4, 1, record(0, "x", 0))
	for n := range set {
		_, rest, ok := recordset.Next(set[:n])
		require.False(t, ok)
		require.Len(t, rest, n)
	}
	require.EqualValues(t, 105, recordset.Header(set[:61]).Next)
	require.EqualValues(t, 101, recordset.Header(set[:20]).Next)
	require.ErrorIs(t, recordset.Check(inflater(t), append(set, set...)), recordset.ErrUnreadable)
}

// message returns a message of format 0 or 1.
func message(magic, codec byte, offset int64, value []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(offset))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, magic, codec)
	if magic == 1 {
		b = append(b, make([]byte, 8)...)
	}
	b = append(b, 0xff, 0xff, 0xff, 0xff)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[12:], crc32.ChecksumIEEE(b[16:]))
	return b
}

func TestOldFormats(t *testing.T) {
	_, got, err := read(t, message(0, 0, 7, []byte("x")))
	require.NoError(t, err)
	require.Equal(t, map[int64]string{7: "x"}, got)

	inner := append(message(1, 0, 0, []byte("a")), message(1, 0, 1, []byte("b"))...)
	b, got, err := read(t, message(1, 1, 51, codecs["gzip"].pack(t, inner)))
	require.NoError(t, err)
	require.Equal(t, map[int64]string{50: "a", 51: "b"}, got)
	require.EqualValues(t, 52, b.Next)

	inner = append(message(0, 0, 50, []byte("a")), message(0, 0, 51, []byte("b"))...)
	_, got, err = read(t, message(0, 2, 51, codecs["snappy"].pack(t, inner)))
	require.NoError(t, err)
	require.Equal(t, map[int64]string{50: "a", 51: "b"}, got)

	_, _, err = read(t, message(1, 1, 51, codecs["gzip"].pack(t, make([]byte, 2*recordset.MaxInflated))))
	require.ErrorIs(t, err, recordset.ErrUnreadable)
	nested := message(1, 1, 1, codecs["gzip"].pack(t, message(1, 1, 0, nil)))
	_, _, err = read(t, nested)
	require.ErrorIs(t, err, recordset.ErrUnreadable)
	require.ErrorIs(t, recordset.Check(inflater(t), message(1, 0, 0, []byte("x"))), recordset.ErrUnreadable)
}

// Reading any bytes ends, and returns no other error than ErrUnreadable.
func FuzzRecords(f *testing.F) {
	f.Add(batch(0, 0, 1, record(0, "x", 0)))
	f.Add(batch(0, 0, 1, record(0, "x", 1<<45)))
	f.Add(message(1, 0, 3, []byte("x")))
	in, err := recordset.NewInflater()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, set []byte) {
		if len(set) > 21 && set[16] == 2 {
			infratest.SealBatch(set)
		}
		b, _, ok := recordset.Next(set)
		if !ok {
			return
		}
		if _, err := b.Records(in, func(int64, []byte) bool { return true }); err != nil {
			require.ErrorIs(t, err, recordset.ErrUnreadable)
		}
	})
}
