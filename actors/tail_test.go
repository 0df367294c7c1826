package actors

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// tailBundle is a chunk topic with what former leaders sent, and a stored state.
type tailBundle struct {
	t    *testing.T
	bus  *memBus
	snap messages.Snapshot
}

func withTail(t *testing.T, f func(b *tailBundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &tailBundle{t: t, bus: newMemBus()}
		_, err := b.bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "chunks", Partitions: 4}})
		require.NoError(t, err)
		f(b)
	})
}

// sent puts chunk messages into a partition.
func (b *tailBundle) sent(partition int32, worker string, batches ...string) {
	for _, id := range batches {
		value := fmt.Appendf(nil, `{"id":%q,"batchId":%q,"data":["x"]}`, worker, id)
		b.bus.Produce(b.t.Context(), []messages.Record{{Topic: "chunks", Partition: partition, Value: value}})
	}
}

func (b *tailBundle) marked(partition int32, offset int64) {
	b.snap.Offsets = append(b.snap.Offsets, messages.Position{Topic: "chunks", Partition: partition, Offset: offset})
}

// assigned puts a worker and its chunks, of file f, into the state.
func (b *tailBundle) assigned(kind messages.WorkerKind, id string, partition int32, indices ...int) {
	b.snap.Files = []*messages.File{new(testFile(1, 10))}
	b.snap.Workers = append(b.snap.Workers, messages.Worker{ID: messages.WorkerID(id), Kind: kind, Partitions: []int32{partition}})
	for _, i := range indices {
		b.snap.Chunks = append(b.snap.Chunks, messages.OpenChunk{
			Chunk: testCut(1, i).Chunk, State: messages.ChunkAssigned, Attempt: 1, Worker: messages.WorkerID(id),
		})
	}
}

// committed gives the group of classic workers a member and these offsets.
func (b *tailBundle) committed(offsets ...int64) {
	b.bus.setGroup(messages.GroupState{Name: "g", State: messages.GroupEmpty})
	var at []messages.Position
	for p, o := range offsets {
		at = append(at, messages.Position{Topic: "chunks", Partition: int32(p), Offset: o})
	}
	require.NoError(b.t, b.bus.CommitOffsets(b.t.Context(), "g", at))
	b.bus.setGroup(messages.GroupState{Name: "g", State: messages.GroupStable, Members: []messages.GroupMember{{ID: "m"}}})
}

func (b *tailBundle) read() (tail, map[messages.WorkerID][]holding) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	out, err := tailReader{cfg: Config{ChunkTopic: "chunks", WorkerGroup: "g"}, in: b.bus, groups: b.bus, snap: b.snap}.read(ctx)
	require.NoError(b.t, err)
	return out, out.holdings(b.snap)
}

// A partition without a leader hides nothing of the others, and nothing is concluded
// from what lies there.
func TestTailWithoutALeader(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.sent(1, "w", chunkID(0))
		b.sent(2, "x", chunkID(1))
		b.assigned(messages.Native, "w", 1, 0)
		b.assigned(messages.Native, "x", 2, 1)
		b.assigned(messages.Classic, "c", 3, 2)
		b.marked(1, 0)
		b.marked(2, 0)
		b.bus.setLed(place{"chunks", 2}, false)
		out, held := b.read()
		require.ErrorIs(t, out.unread[2], messages.ErrNotWritten)
		require.Len(t, out.unread, 1)
		require.Len(t, out.sends, 1)
		require.Equal(t, int64(0), held["w"][0].offset, "found")
		require.Equal(t, messages.UnknownOffset, held["x"][0].offset)
		require.Equal(t, messages.UnknownOffset, held["c"][0].offset, "the partitions of a classic worker change")
		for _, at := range out.unmarked {
			require.NotEqual(t, int32(2), at.Partition)
		}
	})
}

func chunkID(i int) string { return testFile(1, 10).BatchID(messages.ChunkID{Index: i}, 1) }

func TestTailOfANativeWorker(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.sent(1, "w", chunkID(0), chunkID(1), chunkID(2))
		b.assigned(messages.Native, "w", 1, 0, 2, 3)
		b.marked(1, 2)
		_, held := b.read()
		require.Len(t, held["w"], 3)
		require.Equal(t, int64(1), held["w"][0].offset, "before the mark, if it was written at all")
		require.Equal(t, int64(2), held["w"][1].offset, "found")
		require.Equal(t, int64(1), held["w"][2].offset, "never written")
	})
}

func TestTailOfAClassicWorker(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.sent(1, "w", chunkID(0), chunkID(1))
		b.sent(1, "stranger", chunkID(7))
		b.sent(1, "w", chunkID(2), chunkID(2))
		b.assigned(messages.Classic, "w", 1, 2)
		b.marked(1, 5)
		b.committed(0, 1)
		_, held := b.read()
		require.Len(t, held, 1)
		var gone []int64
		for _, h := range held["w"] {
			if h.gone {
				gone = append(gone, h.offset)
				continue
			}
			require.Equal(t, chunkID(2), h.BatchID)
			require.Equal(t, int64(4), h.offset, "the last copy")
		}
		require.Equal(t, []int64{1, 3}, gone, "what it will read beside its chunk")
	})
}

func TestTailWithoutAGroupHasNothingUnread(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.sent(1, "w", chunkID(0), chunkID(1))
		b.assigned(messages.Classic, "w", 1, 1)
		b.marked(1, 0)
		out, held := b.read()
		require.Len(t, out.sends, 2)
		require.Len(t, held["w"], 1)
		require.Equal(t, int64(1), held["w"][0].offset)
	})
}

func TestTailIsBounded(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.assigned(messages.Classic, "w", 1, 2)
		b.sent(1, "w", chunkID(2))
		for range maxTail {
			b.sent(1, "other", "x_chunk_1")
		}
		b.committed(0, 0)
		out, held := b.read()
		require.Len(t, out.sends, maxTail)
		require.Equal(t, messages.UnknownOffset, held["w"][0].offset)
	})
}

func TestTailWithoutAStoredMarkIsTheEnd(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		b.sent(0, "w", chunkID(0))
		b.sent(3, "w", "-probe-")
		out, _ := b.read()
		require.Empty(t, out.sends)
		require.Equal(t, []int64{1, 0, 0, 1}, out.from)
		at := func(p int32, offset int64) messages.Position {
			return messages.Position{Topic: "chunks", Partition: p, Offset: offset}
		}
		require.Equal(t, []messages.Position{at(0, 1), at(1, 0), at(2, 0), at(3, 1)}, out.unmarked, "they are marked before the first send")
		b.marked(0, 7) // of a topic that was created again
		out, _ = b.read()
		require.Equal(t, int64(0), out.from[0], "what is there now may have been sent since")
		require.Equal(t, []messages.Position{at(1, 0), at(2, 0), at(3, 1)}, out.unmarked)
	})
}

// Without rights on the group there can be no classic worker, and native ones go on.
func TestTailWhenTheGroupCannotBeSeen(t *testing.T) {
	t.Parallel()
	withTail(t, func(b *tailBundle) {
		r := tailReader{cfg: Config{ChunkTopic: "chunks", WorkerGroup: "g"}, in: b.bus, groups: blindGroups{b.bus}, snap: b.snap}
		_, err := r.read(t.Context())
		require.NoError(t, err)
		b.assigned(messages.Classic, "w", 1, 2)
		r.snap = b.snap
		_, err = r.read(t.Context())
		require.ErrorContains(t, err, "not allowed")
	})
}

type blindGroups struct{ *memBus }

func (blindGroups) Find(context.Context, string, string) (messages.GroupState, error) {
	return messages.GroupState{}, errors.New("not allowed")
}
