package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// The ends of an empty group's partitions are committed where they are known, and the
// others once their leaders are back.
func TestEndsAreCommittedWithoutALeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := newMemBus()
		_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "chunks", Partitions: 2}})
		require.NoError(t, err)
		bus.setLed(place{"chunks", 1}, false)
		deps := classicGroupDeps{cfg: Config{ChunkTopic: "chunks"}, bus: bus, in: bus}
		g, memory := classicGroup{classicGroupDeps: deps}, groupMemory{state: messages.GroupDead}
		group := messages.GroupState{Name: "g", State: messages.GroupDead}
		commit := func() { require.NoError(t, g.commitEmpty(t.Context(), group, &memory, 2)) }
		commit()
		require.Equal(t, map[place]int64{{"chunks", 0}: 0}, bus.keptAt("g"))
		bus.setLed(place{"chunks", 1}, true)
		commit()
		require.Len(t, bus.keptAt("g"), 1, "not at every look")
		time.Sleep(idleGroupEvery + time.Second)
		commit()
		require.Equal(t, map[place]int64{{"chunks", 0}: 0, {"chunks", 1}: 0}, bus.keptAt("g"))
	})
}

// What the workers of a group committed stays when the group is empty again and the end of
// the partition is not known: a worker that joins would read from the older offset again.
func TestEndsWithoutALeaderLeaveWhatWorkersCommitted(t *testing.T) {
	t.Parallel()
	bus := newMemBus()
	_, err := bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "chunks", Partitions: 2}})
	require.NoError(t, err)
	deps := classicGroupDeps{cfg: Config{ChunkTopic: "chunks"}, bus: bus, in: bus}
	g, memory := classicGroup{classicGroupDeps: deps}, groupMemory{}
	empty := messages.GroupState{Name: "g", State: messages.GroupEmpty}
	require.NoError(t, g.commitEmpty(t.Context(), empty, &memory, 2))

	memory.state = messages.GroupStable // workers came, did five chunks of partition 1 and left
	require.NoError(t, bus.CommitOffsets(t.Context(), "g", []messages.Position{{Topic: "chunks", Partition: 1, Offset: 5}}))
	bus.setLed(place{"chunks", 1}, false)
	require.NoError(t, g.commitEmpty(t.Context(), empty, &memory, 2))
	require.Equal(t, map[place]int64{{"chunks", 0}: 0, {"chunks", 1}: 5}, bus.keptAt("g"))
	require.Equal(t, []int64{0, 0}, memory.own)
}
