package messages

// QueryTopicDetails asks for the topics of the deployment as Kafka has them. The answer is
// []TopicDetail, shared and up to some seconds old.
type QueryTopicDetails struct{}

func (QueryTopicDetails) query() {}

// TopicDetail describes a topic and its partitions.
type TopicDetail struct {
	Name       string
	Use        string            // "chunks", "signals", "connections" or "masters"
	Group      string            // the offsets of this group are shown, empty for none
	Partitions []PartitionDetail // in order
	Error      string            // why something is not known, else empty
}

// PartitionDetail describes a partition. What is not known is UnknownOffset.
type PartitionDetail struct {
	Leader     int32 // broker, or NoLeader
	Start, End int64 // first retained offset, and that of the next record
	Committed  int64 // of the group
}

// Lag returns how many records the group has not read, UnknownOffset when that is not known.
func (p PartitionDetail) Lag() int64 {
	if p.End == UnknownOffset || p.Committed == UnknownOffset {
		return UnknownOffset
	}
	return max(0, p.End-max(p.Committed, p.Start))
}
