package kafkabus

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func records(sizes ...int) []messages.Record {
	out := make([]messages.Record, len(sizes))
	for i, size := range sizes {
		out[i] = messages.Record{Topic: "t", Value: make([]byte, size)}
	}
	return out
}

// lengths returns how many records of each partition the next request holds.
func lengths(parts []*unsentRecords, recs []messages.Record) []int {
	var n []int
	_, sent := nextRequest(parts, recs)
	for _, s := range sent {
		n = append(n, len(s))
	}
	return n
}

func TestNextRequest(t *testing.T) {
	small := records(10, 10, 10)
	small[1].Partition = 1
	parts := byPartition(small)
	require.Equal(t, []int{2, 1}, lengths(parts, small), "all in one request")
	parts[0].single = true
	require.Equal(t, []int{1, 1}, lengths(parts, small))

	large := records(600_000, 600_000)
	require.Equal(t, []int{1}, lengths(byPartition(large), large), "two batches of one partition need two requests")
	large[1].Partition = 1
	require.Equal(t, []int{1, 1}, lengths(byPartition(large), large))

	huge := records(20<<20, 1)
	require.Equal(t, []int{1}, lengths(byPartition(huge), huge), "the broker decides")

	var many []messages.Record
	for i := range 12 {
		many = append(many, messages.Record{Partition: int32(i), Value: make([]byte, 900<<10)})
	}
	require.Len(t, lengths(byPartition(many), many), 9, "8 MiB")
}
