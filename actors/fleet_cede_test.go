package actors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Two classic workers share the partitions anew, and the older announcement of one
// is read behind the newer one of the other.
func TestOutdatedAnnouncementDoesNotTakePartitionsForGood(t *testing.T) {
	t.Parallel()
	native := messages.Worker{ID: "n", Kind: messages.Native, Partitions: []int32{2}, Capacity: 1}
	stageCrew(t, []messages.Worker{native}, nil, func(b *crewBundle) {
		b.hear(classicNew("a", 2, 3))
		b.hear(classicNew("b", 0, 1, 2, 3)) // sent before, read later
		require.Empty(t, b.status("a").Partitions)
		b.hear(classicNew("b", 0, 1))
		require.Equal(t, []int32{2, 3}, b.status("a").Partitions)
		require.Equal(t, []int32{0, 1}, b.status("b").Partitions)
		b.hear(classicNew("c", 3))
		require.Empty(t, b.status("a").Partitions, "a later claim counts as before")
		require.Equal(t, []int32{2}, b.status("n").Partitions, "native workers share partitions with others")
	})
}
