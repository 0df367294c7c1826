package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestTopicsAreShownWithTheirPartitions(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		details := func() []messages.TopicDetail { return w.ask(messages.QueryTopicDetails{}).([]messages.TopicDetail) }
		h := w.startWorker("w1", 1)
		w.drop("a.txt", 8)
		h.work("a.txt")
		time.Sleep(2 * showEvery)
		list := details()
		require.Len(t, list, 4)
		chunks, signals := list[0], list[1]
		require.Equal(t, []string{"chunks", "chunks", "g"}, []string{chunks.Name, chunks.Use, chunks.Group})
		require.Len(t, chunks.Partitions, 4)
		require.GreaterOrEqual(t, chunks.Partitions[1].End, int64(4))
		require.Zero(t, chunks.Partitions[0].End)
		require.Equal(t, "km", signals.Group)
		require.Positive(t, signals.Partitions[0].End)
		require.Zero(t, signals.Partitions[0].Lag(), "the master has read everything")
		require.Empty(t, list[3].Group)
		require.Empty(t, chunks.Error)

		w.bus.setLed(place{"chunks", 2}, false)
		require.Equal(t, chunks, details()[0], "it is shared for a while")
		time.Sleep(detailsFor)
		chunks = details()[0]
		require.Equal(t, messages.NoLeader, chunks.Partitions[2].Leader)
		require.NotEmpty(t, chunks.Error)
		require.GreaterOrEqual(t, chunks.Partitions[1].End, int64(4), "the others are known all the same")
		w.bus.setLed(place{"chunks", 2}, true)
		w.bus.setDown(errors.New("no broker"))
		time.Sleep(detailsFor)
		require.Contains(t, details()[1].Error, "no broker")
		w.bus.setDown(nil)
	})
}
