package embedded_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafka-master/infra/embedded"
	"kafka-master/infra/infratest"
)

// A batch that cannot be read is not stored. Batches before and after it are.
func TestHostileBatchesAreRefused(t *testing.T) {
	dir := t.TempDir()
	b := start(t, embedded.Config{DataDir: dir})
	cl := client(t, b.Addrs())
	create(t, cl, "t", 1)
	produce(t, cl, "t", "before")
	hostile := infratest.HostileBatches(t)
	hostile["count"] = infratest.RawBatch(0, 0, math.MaxInt32-1, math.MaxInt32, nil)
	hostile["negative count"] = infratest.RawBatch(0, 0, -6, -5, nil)
	for name, batch := range hostile {
		require.Equal(t, kerr.CorruptMessage.Code, infratest.ProduceRaw(t.Context(), t, b.Addrs(), "t", batch), name)
	}
	good := infratest.RawBatch(0, 0, 0, 1, infratest.RawRecord(0, []byte("raw"), 0))
	require.Zero(t, infratest.ProduceRaw(t.Context(), t, b.Addrs(), "t", good))
	produce(t, cl, "t", "after")
	cl.Close()
	require.NoError(t, b.Close())
	b = start(t, embedded.Config{DataDir: dir})
	require.Equal(t, []string{"before", "raw", "after"}, consume(t, b.Addrs(), "t", 3))
}

// Batches with each codec of clients are accepted.
func TestCompressedBatchesAreAccepted(t *testing.T) {
	b := start(t, embedded.Config{})
	create(t, client(t, b.Addrs()), "t", 1)
	var want []string
	for i, codec := range codecs() {
		value := strings.Repeat(fmt.Sprint(i), 1000)
		produce(t, client(t, b.Addrs(), codec), "t", value)
		want = append(want, value)
	}
	require.Equal(t, want, consume(t, b.Addrs(), "t", len(want)))
}

// A client that announces a large request and sends nothing uses no memory.
func TestAnnouncedFramesUseNoMemory(t *testing.T) {
	b := start(t, embedded.Config{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 40 {
		conn, err := net.Dial("tcp", b.Addrs()[0])
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		head := binary.BigEndian.AppendUint32(nil, 16<<20-10)
		_, err = conn.Write(append(head, 0, 0, 0, 7, 0, 0, 0, 1, 0, 1, 'x')) // a produce request begins
		require.NoError(t, err)
	}
	alive(t, b.Addrs()[0])
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(40<<20))
}

func TestArraysAreBounded(t *testing.T) {
	addr := start(t, embedded.Config{}).Addrs()[0]
	body := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 4, 0, 0, 0, 1, 0, 1, 'x'}, 16<<20-72)
	thrown := frame(append(body, make([]byte, 16<<20-64)...))
	produced := []byte{0, 0, 0, 8, 0, 0, 0, 1, 0, 1, 'x', 0xff, 0xff, 0, 1, 0, 0, 0, 1}
	produced = binary.BigEndian.AppendUint32(produced, 15<<20)
	produced = frame(append(produced, make([]byte, 16<<20-64)...))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, key := range []byte{1, 2, 3, 8, 9, 11, 14, 19, 37} {
		thrown[5] = key
		throw(t, addr, thrown)
	}
	throw(t, addr, produced)
	alive(t, addr)
	runtime.ReadMemStats(&after)
	// The last request is as large as one of many batches.
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

// Tagged fields cost no time, at any depth.
func TestTagsInBodies(t *testing.T) {
	addr := start(t, embedded.Config{}).Addrs()[0]
	began := time.Now()
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		b := request(req, req.MaxVersion())
		b = append(b[:len(b)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		throw(t, addr, b)
	}
	alive(t, addr)
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestPartitionsAreBounded(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		cl := client(t, start(t, embedded.Config{DataDir: dir}).Addrs())
		create(t, cl, "t", 2)
		for range 2 {
			rt := kmsg.NewCreateTopicsRequestTopic()
			rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "evil", 3_000_000, 1
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Topics = append(req.Topics, rt)
			res, err := req.RequestWith(t.Context(), cl)
			require.NoError(t, err)
			require.Equal(t, kerr.PolicyViolation.Code, res.Topics[0].ErrorCode)
			require.Contains(t, *res.Topics[0].ErrorMessage, "3000000")
		}
		grow := kmsg.NewCreatePartitionsRequestTopic()
		grow.Topic, grow.Count = "t", 3_000_000
		more := kmsg.NewPtrCreatePartitionsRequest()
		more.Topics = append(more.Topics, grow)
		answer, err := more.RequestWith(t.Context(), cl)
		require.NoError(t, err)
		require.Equal(t, kerr.PolicyViolation.Code, answer.Topics[0].ErrorCode)
		more.Topics[0].Count = 5
		answer, err = more.RequestWith(t.Context(), cl)
		require.NoError(t, err)
		require.Zero(t, answer.Topics[0].ErrorCode)
	}
}

// Start refuses more partitions than the process may open files for, and names the cure.
func TestTooFewFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := embedded.Start(embedded.Config{DataDir: dir, Partitions: 1 << 30})
	require.ErrorIs(t, err, embedded.ErrFewFiles)
	require.ErrorContains(t, err, "KAFKA_PARTITIONS")
	start(t, embedded.Config{DataDir: dir}) // the lock was released
}

// With any damage of a file in the folder the broker starts, or returns an error of one
// line with the cure.
func TestDamagedFolder(t *testing.T) {
	good := t.TempDir()
	b := start(t, embedded.Config{DataDir: good})
	cl := client(t, b.Addrs())
	create(t, cl, "t", 2)
	produce(t, cl, "t", "a", "b", "c")
	cl.Close()
	require.NoError(t, b.Close())
	files, err := filepath.Glob(filepath.Join(good, "*"))
	require.NoError(t, err)
	deep, err := filepath.Glob(filepath.Join(good, "*", "*", "*"))
	require.NoError(t, err)
	damaged := 0
	for _, path := range append(files, deep...) {
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			continue
		}
		name, err := filepath.Rel(good, path)
		require.NoError(t, err)
		for kind, harm := range map[string][]byte{
			"cut": text[:max(0, len(text)-7)], "empty": {}, "zeros": make([]byte, len(text)), "null": []byte("null"),
			"other": []byte(`{"version":-1,"topics":[{"name":"t","partitions":-5}]}`),
		} {
			dir := filepath.Join(t.TempDir(), "broker")
			require.NoError(t, os.CopyFS(dir, os.DirFS(good)))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), harm, 0o600))
			b, err := embedded.Start(embedded.Config{DataDir: dir})
			if err == nil {
				alive(t, b.Addrs()[0])
				require.NoError(t, b.Close())
				continue
			}
			damaged++
			require.ErrorIs(t, err, embedded.ErrDamaged, "%s %s", kind, name)
			require.ErrorContains(t, err, dir)
			require.NotContains(t, err.Error(), "\n")
		}
	}
	require.Positive(t, damaged)
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "broker")
	require.NoError(t, os.Mkdir(dir, 0o755))
	start(t, embedded.Config{DataDir: dir})
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func codecs() []kgo.Opt {
	var opts []kgo.Opt
	for _, c := range []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		opts = append(opts, kgo.ProducerBatchCompression(c))
	}
	return opts
}
