package slots

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestDuplicateIDs(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	d := NewDuplicateIDs()
	owners := map[int32]messages.WorkerID{0: "w", 1: "w", 2: "x"}
	d.Announced("w", []int32{0}, []int32{1})
	both := Group{Stable: true, Lists: [][]int32{{0}, {1}, {2}}}
	lists := map[messages.WorkerID][]int32{"w": {1}}
	require.True(t, d.Compare(both, lists, owners, now))
	require.Empty(t, d.Found(now.Add(DuplicateAfter-1)))
	require.Equal(t, []messages.WorkerID{"w"}, d.Found(now.Add(DuplicateAfter)))

	owners[0] = "x" // another worker announced it: an ordinary rebalance
	require.False(t, d.Compare(both, lists, owners, now))
	require.Empty(t, d.Found(now.Add(DuplicateAfter)))

	owners[0] = "w"
	require.False(t, d.Compare(Group{Stable: true, Lists: [][]int32{{1}, {2}}}, lists, owners, now), "one of them is gone")
	require.False(t, d.Compare(both, lists, owners, now), "and forgotten")
}
