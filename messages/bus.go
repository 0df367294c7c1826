package messages

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The classes of a failed Kafka call. Every error of a bus wraps exactly one of
// them, so that a caller can decide by errors.Is.
var (
	// ErrNotWritten is the class of calls that certainly had no effect. They can be
	// repeated after a pause.
	ErrNotWritten = errors.New("not written, can be repeated")
	// ErrMaybeWritten is the class of calls that may have had their effect, for
	// example after a time-out. A produce then counts as sent; reads and admin calls
	// are repeated.
	ErrMaybeWritten = errors.New("may have been written")
	// ErrRefused is the class of calls that the broker refuses for good (too large,
	// not authorised, bad credentials). Repeating them does not help.
	ErrRefused = errors.New("refused")
	// ErrTooLarge is the error of a record that the broker refuses for its size. An
	// error that wraps it wraps ErrRefused too.
	ErrTooLarge = errors.New("record too large")
	// ErrOffsetOutOfRange is the error of a fetch at an offset that the partition does
	// not have, no longer or not yet. The reader continues at the nearest offset.
	ErrOffsetOutOfRange = errors.New("offset out of range")
)

// PartitionErrors are the partitions of a topic that a call could not reach, such as
// those without a leader. What the call returns for the others holds.
type PartitionErrors map[int32]error

// Error names the partitions, with the reason of the first one.
func (e PartitionErrors) Error() string {
	return fmt.Sprintf("partitions %v do not answer: %v", slices.Sorted(maps.Keys(e)), e.Unwrap())
}

// Unwrap returns the error of the lowest partition.
func (e PartitionErrors) Unwrap() error {
	if len(e) == 0 {
		return nil
	}
	return e[slices.Min(slices.Collect(maps.Keys(e)))]
}

// NoLeader is the broker id of a partition whose leader is not known.
const NoLeader int32 = -1

// UnknownOffset is the offset of a record that may or may not have been written.
const UnknownOffset int64 = -1

// Record is one Kafka message to be produced to an explicit partition.
type Record struct {
	Topic     string
	Partition int32
	Key       []byte
	Value     []byte
}

// Produced is the result for one Record: its offset, or an error that wraps one of the
// classes above (Offset is then UnknownOffset).
type Produced struct {
	Offset int64
	Err    error
}

// Position is a position in a partition: the offset of the next record to read.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Fetched is the result of a fetch request for one of its positions.
type Fetched struct {
	Position // position after the last record
	Records  []Received
	// End is the partition's end offset (high watermark) at the time of the answer,
	// -1 when the answer has none.
	End int64
	// Start is the offset of the first retained record, -1 when the answer has none.
	Start int64
	Err   error // wraps a class above, or ErrOffsetOutOfRange
	// Skipped counts the batches that were skipped because they cannot be read.
	// Reason names the last one and why.
	Skipped int
	Reason  error
}

// Received is a record that was read.
type Received struct {
	Offset int64
	Value  []byte
}

// Topic is a topic and its partition count.
type Topic struct {
	Name       string `json:"topic"`
	Partitions int    `json:"partitions"`
}

// TopicSpec describes a topic to create. A topic that exists is not changed.
type TopicSpec struct {
	Name string
	// Partitions is the number of partitions to create the topic with, >= 1.
	Partitions int
	// Replication is the replication factor, -1 for the broker's own default.
	Replication int
	// Config are settings of the topic such as retention.ms.
	Config map[string]string
}

// GroupState describes a consumer group as its coordinator reports it.
type GroupState struct {
	Name string
	// State is Dead, Empty, PreparingRebalance, CompletingRebalance or Stable.
	State   string
	Members []GroupMember
}

// GroupMember is one member of a consumer group.
type GroupMember struct {
	ID         string
	Topics     []string // subscription; empty while the group rebalances
	Partitions []int32  // assigned partitions of the queried topic, ascending
}

// The states of a consumer group that the program distinguishes.
const (
	GroupDead   = "Dead"
	GroupEmpty  = "Empty"
	GroupStable = "Stable"
)
