package kafkabus_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"kafka-master/infra/infratest"
	"kafka-master/infra/kafkabus"
	"kafka-master/infra/recordset"
	"kafka-master/messages"
)

// carelessBroker stores whatever it is sent.
func carelessBroker(t *testing.T) *kfake.Cluster {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// readTo reads partition 0 of t until end and returns the values, and what was
// skipped.
func readTo(t *testing.T, b *kafkabus.Bus, end int64) (values []string, skipped int) {
	at := messages.Position{Topic: "t"}
	for at.Offset < end {
		got, err := b.Fetch(t.Context(), []messages.Position{at}, time.Second)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.NoError(t, got[0].Err)
		require.Greater(t, got[0].Offset, at.Offset, "a fetch stands still")
		at = got[0].Position
		for _, r := range got[0].Records {
			values = append(values, string(r.Value))
		}
		if skipped += got[0].Skipped; got[0].Skipped > 0 {
			require.ErrorIs(t, got[0].Reason, recordset.ErrUnreadable)
		}
	}
	return values, skipped
}

func send(t *testing.T, b *kafkabus.Bus, value string) {
	require.NoError(t, b.Produce(t.Context(), []messages.Record{{Topic: "t", Value: []byte(value)}})[0].Err)
}

// Batches that cannot be read are stepped over, one by one, and cost no more
// than their bound; what lies between them is read.
func TestUnreadableBatchesAreSteppedOver(t *testing.T) {
	t.Parallel()
	c := carelessBroker(t)
	b := openBus(t, c.ListenAddrs())
	require.NoError(t, refresh(t, b))
	send(t, b, "first")
	want := []string{"first"}
	hostile := infratest.HostileBatches(t)
	for name, batch := range hostile {
		require.Zero(t, infratest.ProduceRaw(t.Context(), t, c.ListenAddrs(), "t", batch), name)
		send(t, b, "after "+name)
		want = append(want, "after "+name)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	values, skipped := readTo(t, b, int64(len(want)+len(hostile)))
	runtime.ReadMemStats(&after)
	require.Equal(t, want, values)
	require.Equal(t, len(hostile), skipped)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*recordset.MaxInflated))
}

// A batch that claims two thousand million places does not move the reader
// beyond the end of the partition.
func TestClaimedPlacesAreNotBelieved(t *testing.T) {
	c := carelessBroker(t)
	b := openBus(t, c.ListenAddrs())
	require.NoError(t, refresh(t, b))
	batch := infratest.RawBatch(0, 0, math.MaxInt32-1, math.MaxInt32, nil)
	require.Zero(t, infratest.ProduceRaw(t.Context(), t, c.ListenAddrs(), "t", batch))
	_, end, err := b.Offsets(t.Context(), "t")
	require.NoError(t, err)
	values, skipped := readTo(t, b, end[0])
	require.Empty(t, values)
	require.Equal(t, 1, skipped)
	send(t, b, "x")
}

// Many tiny records are handed on in pieces, each one once.
func TestManyTinyRecords(t *testing.T) {
	t.Parallel()
	const n = 150_000
	c := carelessBroker(t)
	b := openBus(t, c.ListenAddrs())
	require.NoError(t, refresh(t, b))
	var payload []byte
	for i := range int64(n) {
		payload = append(payload, infratest.RawRecord(i, fmt.Append(nil, i), 0)...)
	}
	require.Zero(t, infratest.ProduceRaw(t.Context(), t, c.ListenAddrs(), "t", gzipped(t, n, payload)))
	values, skipped := readTo(t, b, n)
	require.Zero(t, skipped)
	require.Len(t, values, n)
	for i, v := range values {
		require.Equal(t, fmt.Sprint(i), v)
	}
}

func gzipped(t *testing.T, n int32, payload []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(payload)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return infratest.RawBatch(0, 1, n-1, n, out.Bytes())
}
