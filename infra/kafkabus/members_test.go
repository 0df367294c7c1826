package kafkabus

import (
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataOf is what a member of today sends: version 3, with owned partitions,
// a generation and a rack behind the topics.
func metadataOf(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics, m.UserData, m.Generation = 3, topics, []byte("own"), 7
	rack := "rack"
	m.Rack = &rack
	m.OwnedPartitions = []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "t", Partitions: []int32{1}}}
	return m.AppendTo(nil)
}

func assignmentOf(topics map[string][]int32) []byte {
	var m kmsg.ConsumerMemberAssignment
	for topic, partitions := range topics {
		m.Topics = append(m.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: topic, Partitions: partitions})
	}
	m.UserData = []byte("any")
	return m.AppendTo(nil)
}

func TestSubscription(t *testing.T) {
	require.Equal(t, []string{"a", "b"}, subscription(metadataOf("a", "b")))
	require.Empty(t, subscription(metadataOf()))
	require.Empty(t, subscription(nil))
	whole := metadataOf("topic")
	for n := range 2 + 4 + 2 + len("topic") {
		require.Empty(t, subscription(whole[:n]), "cut at %d", n)
	}
	require.Empty(t, subscription([]byte{0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 1, 'a'}))
	require.Empty(t, subscription([]byte{0, 1, 0xff, 0xff, 0xff, 0xff}))
}

func TestAssignment(t *testing.T) {
	assigned := assignmentOf(map[string][]int32{"t": {9, 1, 4}, "u": {0}})
	require.Equal(t, []int32{1, 4, 9}, assignment(assigned, "t"))
	require.Equal(t, []int32{0}, assignment(assigned, "u"))
	require.Empty(t, assignment(assigned, "v"))
	require.Empty(t, assignment(nil, "t"))
}

func FuzzMembers(f *testing.F) {
	f.Add(metadataOf("a", "b"))
	f.Add(assignmentOf(map[string][]int32{"t": {1, 2}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Neither panics, nor returns more than the bytes can hold.
		require.LessOrEqual(t, len(subscription(b)), len(b))
		require.LessOrEqual(t, len(assignment(b, "t")), len(b))
	})
}

// kafka-go swaps code and throttle time from version 1 on.
func TestLeaveError(t *testing.T) {
	member := []leavegroup.ResponseMember{{MemberID: "m"}}
	for name, c := range map[string]struct {
		answer leavegroup.Response
		want   error
	}{
		"version 0":           {leavegroup.Response{ErrorCode: 30}, kafka.GroupAuthorizationFailed},
		"version 0, gone":     {leavegroup.Response{ErrorCode: 25}, nil},
		"refused":             {leavegroup.Response{ThrottleTimeMS: 30}, kafka.GroupAuthorizationFailed},
		"refused, throttled":  {leavegroup.Response{ThrottleTimeMS: 100<<16 | 30}, kafka.GroupAuthorizationFailed},
		"throttled":           {leavegroup.Response{ThrottleTimeMS: 100 << 16, Members: member}, nil},
		"throttled for hours": {leavegroup.Response{ThrottleTimeMS: 7 << 16, ErrorCode: 9, Members: member}, nil},
		"ok":                  {leavegroup.Response{Members: member}, nil},
		"gone":                {leavegroup.Response{ThrottleTimeMS: 25, Members: member}, nil},
	} {
		require.Equal(t, c.want, leaveError(&c.answer), name)
	}
}
