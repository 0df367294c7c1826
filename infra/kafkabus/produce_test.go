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

// lengths loads one request and returns how many records of each box it holds.
func lengths(boxes []*outbox, recs []messages.Record) []int {
	var n []int
	_, sent := load(boxes, recs)
	for _, s := range sent {
		n = append(n, len(s))
	}
	return n
}

func TestLoad(t *testing.T) {
	small := records(10, 10, 10)
	small[1].Partition = 1
	boxes := sortOut(small)
	require.Equal(t, []int{2, 1}, lengths(boxes, small), "all in one request")
	boxes[0].single = true
	require.Equal(t, []int{1, 1}, lengths(boxes, small))

	large := records(600_000, 600_000)
	require.Equal(t, []int{1}, lengths(sortOut(large), large), "two batches of one partition need two requests")
	large[1].Partition = 1
	require.Equal(t, []int{1, 1}, lengths(sortOut(large), large))

	huge := records(20<<20, 1)
	require.Equal(t, []int{1}, lengths(sortOut(huge), huge), "the broker decides")

	var many []messages.Record
	for i := range 12 {
		many = append(many, messages.Record{Partition: int32(i), Value: make([]byte, 900<<10)})
	}
	require.Len(t, lengths(sortOut(many), many), 9, "8 MiB")
}
