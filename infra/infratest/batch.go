package infratest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// RawRecord is one record of a batch as it travels. headers is the number of
// headers that it claims to have; it has none.
func RawRecord(delta int64, value []byte, headers int64) []byte {
	body := binary.AppendVarint([]byte{0, 0}, delta)
	body = binary.AppendVarint(body, -1) // no key
	body = append(binary.AppendVarint(body, int64(len(value))), value...)
	body = binary.AppendVarint(body, headers)
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

// RawBatch is one batch around a payload, with a right length and checksum and
// whatever else it is told to claim.
func RawBatch(base int64, attributes int16, lastDelta, count int32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(base))
	b = append(b, make([]byte, 4)...)                    // length
	b = append(b, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0) // leader epoch, format, checksum
	b = binary.BigEndian.AppendUint16(b, uint16(attributes))
	b = binary.BigEndian.AppendUint32(b, uint32(lastDelta))
	now := uint64(time.Now().UnixMilli())
	b = binary.BigEndian.AppendUint64(b, now)
	b = binary.BigEndian.AppendUint64(b, now)
	b = binary.BigEndian.AppendUint64(b, math.MaxUint64)
	b = binary.BigEndian.AppendUint16(b, math.MaxUint16)
	b = binary.BigEndian.AppendUint32(b, math.MaxUint32)
	b = binary.BigEndian.AppendUint32(b, uint32(count))
	return SealBatch(append(b, payload...))
}

// SealBatch corrects the length and the checksum of a batch.
func SealBatch(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// HostileBatches are batches that a careless broker stores and a careless reader
// dies of, by name. Each takes one place in the partition.
func HostileBatches(t testing.TB) map[string][]byte {
	var bomb bytes.Buffer
	w, err := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(RawRecord(0, make([]byte, 64<<20), 0))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return map[string][]byte{
		"headers without end": RawBatch(0, 0, 0, 1, RawRecord(0, []byte("x"), 1<<45)),
		"far offset":          RawBatch(0, 0, 0, 1, RawRecord(1<<40, []byte("x"), 0)),
		"negative offset":     RawBatch(0, 0, 0, 1, RawRecord(-1000, []byte("x"), 0)),
		"no zstd":             RawBatch(0, 4, 0, 1, []byte("this is no zstd frame at all")),
		"no records":          RawBatch(0, 0, 0, 1, nil),
		"bomb":                RawBatch(0, 1, 0, 1, bomb.Bytes()),
	}
}

// ProduceRaw sends one batch as it is to partition 0 and returns the broker's
// error code.
func ProduceRaw(ctx context.Context, t testing.TB, addrs []string, topic string, batch []byte) int16 {
	t.Helper()
	// Later versions name a topic by its id.
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.MaxVersions(kversion.V2_8_0()))
	require.NoError(t, err)
	defer cl.Close()
	part := kmsg.NewProduceRequestTopicPartition()
	part.Records = batch
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.ProduceRequestTopicPartition{part}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 5000
	req.Topics = []kmsg.ProduceRequestTopic{rt}
	res, err := req.RequestWith(ctx, cl)
	require.NoError(t, err)
	return res.Topics[0].Partitions[0].ErrorCode
}
