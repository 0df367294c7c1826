package messages

import "errors"

// The classes of a failed Kafka call. Every error of a bus wraps exactly one of
// them, so that a caller can decide by errors.Is.
var (
	// ErrNotWritten says that the call surely had no effect: pause, then repeat.
	ErrNotWritten = errors.New("not written, can be repeated")
	// ErrMaybeWritten says that the call may have had its effect, for example
	// after a time-out. A produce is then treated as sent; reads and admin
	// calls are simply repeated.
	ErrMaybeWritten = errors.New("may have been written")
	// ErrRefused says that the broker refuses the call for good (too large, not
	// authorised, bad credentials). Repeating it does not help.
	ErrRefused = errors.New("refused")
	// ErrTooLarge says that the broker refuses a record for its size. Errors that
	// wrap it wrap ErrRefused too.
	ErrTooLarge = errors.New("record too large")
	// ErrOffsetOutOfRange says that a fetch asked for an offset that the
	// partition does not have (any more, or yet). It is a kind of refusal that
	// the reader cures by clamping its offset.
	ErrOffsetOutOfRange = errors.New("offset out of range")
)

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

// Produced is the outcome of one Record: its offset, or an error that wraps one
// of the classes above (Offset is then UnknownOffset).
type Produced struct {
	Offset int64
	Err    error
}

// Position is a place in a partition: the offset of the next record to read.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Fetched is what one fetch request returned for one of its positions.
type Fetched struct {
	Position // where the reader stands now: the offset after the last record
	Records  []Received
	// End is the partition's end offset (high watermark) at the time of the
	// answer, -1 when the broker did not say.
	End int64
	// Start is the offset of the first retained record, -1 when the broker did
	// not say.
	Start int64
	Err   error // wraps a class above, or ErrOffsetOutOfRange
	// Skipped counts batches that cannot be read and were stepped over; Reason
	// says which was the last one, and why.
	Skipped int
	Reason  error
}

// Received is one record that was read.
type Received struct {
	Offset int64
	Value  []byte
}

// Topic is a topic and its partition count.
type Topic struct {
	Name       string `json:"topic"`
	Partitions int    `json:"partitions"`
}

// TopicSpec asks for a topic. An existing topic is never changed by it.
type TopicSpec struct {
	Name string
	// Partitions is the number of partitions to create the topic with, >= 1.
	Partitions int
	// Replication is the replication factor, -1 for the broker's own default.
	Replication int
	// Config holds topic level settings such as retention.ms.
	Config map[string]string
}

// GroupState is a consumer group as its coordinator describes it.
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
	Partitions []int32  // assigned partitions of the topic that was asked for, ascending
}

// The states of a consumer group that matter here.
const (
	GroupDead   = "Dead"
	GroupEmpty  = "Empty"
	GroupStable = "Stable"
)
