package slots

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// fieldWorker is a native worker as a model: it reads its messages in order, works, and
// now and then drops one.
type fieldWorker struct {
	sent    []*slot // in the order of their offsets
	next    int64
	running []string
	queued  []string
}

func (w *fieldWorker) holds(id string) bool {
	return slices.Contains(w.running, id) || slices.Contains(w.queued, id)
}

func (w *fieldWorker) beat() messages.Signal {
	return messages.Signal{Kind: messages.SignalHeartbeat, Running: slices.Clone(w.running), Queued: slices.Clone(w.queued), Next: w.next}
}

// nativeSlots are those of a native worker that reads partition 0.
func nativeSlots(capacity, prefetch int) *Slots {
	s := New(time.Minute, time.Minute, prefetch)
	s.Follow(messages.Worker{Kind: messages.Native, Capacity: capacity, Partitions: []int32{0}}, Change{}, time.Time{})
	return s
}

// sendTo adds a chunk whose message was written at the offset.
func (s *Slots) sendTo(id string, offset int64, now time.Time) *slot {
	s.Add(id, 0, now)
	s.At(id).Sent(offset, now)
	return s.find(id)
}

// hearBeat takes a heartbeat and returns the chunks that it denies.
func (s *Slots) hearBeat(m messages.Signal, now time.Time) (doubts bool, denied []Act) {
	m.Kind = messages.SignalHeartbeat
	doubts = s.Hear(m, now).Doubts
	return doubts, s.denied(now)
}

// TestSlotsFollowTheWorker plays hand-outs, heartbeats and finals in any order. The slots
// never lose a chunk that the worker holds, never give out more than its capacity and one
// ahead, and let go of what it dropped.
func TestSlotsFollowTheWorker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		s, w, n, ended := nativeSlots(2, 1), &fieldWorker{}, 0, map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"assign": func(t *rapid.T) {
				if s.Room().Ahead > 0 {
					n++
					w.sent = append(w.sent, s.sendTo(messages.ChunkName{Base: "f", Index: n}.BatchID(1), int64(len(w.sent)), now))
				}
			},
			"read": func(t *rapid.T) {
				if w.next < int64(len(w.sent)) {
					id := w.sent[w.next].batchID
					w.next++
					if rapid.IntRange(0, 9).Draw(t, "luck") > 0 {
						w.queued = append(w.queued, id)
					}
				}
			},
			"work": func(t *rapid.T) {
				if len(w.queued) > 0 && len(w.running) < 2 {
					w.running = append(w.running, w.queued[0])
					s.Hear(messages.Signal{Kind: messages.SignalProgress, BatchID: w.queued[0]}, now)
					w.queued = w.queued[1:]
				}
			},
			"final": func(t *rapid.T) {
				if len(w.running) > 0 {
					s.At(w.running[0]).Drop(now)
					w.running = w.running[1:]
				}
			},
			"beat": func(t *rapid.T) {
				doubts, denied := s.hearBeat(w.beat(), now)
				require.Equal(t, doubts, len(denied) > 0)
				for _, e := range denied {
					require.False(t, w.holds(e.BatchID), "a chunk that the worker holds is not taken back")
					n := slices.IndexFunc(w.sent, func(x *slot) bool { return x.batchID == e.BatchID })
					require.Less(t, int64(n), w.next, "nor one that it has not come to")
					require.False(t, ended[e.BatchID])
					ended[e.BatchID] = true
				}
			},
			"overdue": func(t *rapid.T) {
				for _, e := range s.overdue(now) {
					require.False(t, s.find(e.BatchID).listed, "a listed chunk is never overdue")
					ended[e.BatchID] = true
				}
			},
			"": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
				r := s.Room()
				require.LessOrEqual(t, len(s.list)+r.Free, max(2, len(s.list)))
				require.LessOrEqual(t, len(s.list)+r.Ahead, max(3, len(s.list)))
				require.LessOrEqual(t, len(s.list), 3, "S10")
			},
		})
		for range missedBeats + 1 { // it reads on and reports that: what it dropped is let go of
			w.next = int64(len(w.sent))
			s.hearBeat(w.beat(), now)
		}
		for _, x := range s.list {
			require.True(t, w.holds(x.batchID), "a slot without a chunk")
		}
	})
}

// A partition that lost its records is read from its new end: what lay there unread is
// not waited for.
func TestSlotsOfAPartitionThatLostItsRecords(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := nativeSlots(2, 1)
	for i, offset := range []int64{100, 101, 102} {
		s.sendTo(messages.ChunkName{Base: "f", Index: i}.BatchID(1), offset, now)
	}
	beat := func(next int64) []Act {
		_, denied := s.hearBeat(messages.Signal{Running: []string{"f_chunk_0"}, Next: next}, now)
		return denied
	}
	require.Empty(t, beat(102), "one is in work, one was read and its result is on its way, one is unread")
	require.Len(t, beat(5), 1, "the second heartbeat without the one that was read")
	require.Len(t, beat(5), 1)
	require.Equal(t, "f_chunk_0", s.oldest().batchID)
}

// A worker that was started again may read another partition: a lower next offset does
// not mean lost records then.
func TestSlotsOfAWorkerStartedAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := nativeSlots(1, 1)
	s.hearBeat(messages.Signal{Next: 100}, now)
	s.Follow(messages.Worker{Kind: messages.Native, Partitions: []int32{0}}, Change{Fresh: true}, now)
	s.sendTo("f_chunk_0", 7, now)
	for range missedBeats {
		doubts, _ := s.hearBeat(messages.Signal{Next: 5}, now)
		require.False(t, doubts, "it has not come to the chunk yet")
	}
}

// A heartbeat of a fast worker is read late: hundreds of chunks have ended since it was
// sent, those that it lists among them, and the depth of its queue has changed. None of
// them takes a slot.
func TestLateHeartbeatOfAFastWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, MaxQueued)
	beat := messages.Signal{Next: messages.UnknownOffset}
	for n := range 500 {
		id := messages.ChunkName{Base: "a", Index: n}.BatchID(1)
		s.Add(id, 0, now)
		if n <= MaxQueued {
			beat.Queued = append(beat.Queued, id)
		}
		now = now.Add(time.Millisecond)
		s.At(id).Finish(true, now)
	}
	s.depth = 1
	s.Add("last", 0, now)
	s.At("last").Finish(true, now)
	s.hearBeat(beat, now)
	require.Zero(t, s.foreign)

	now = now.Add(endedMemory)
	s.Add("much later", 0, now)
	s.At("much later").Finish(true, now)
	require.LessOrEqual(t, len(s.ended), keepEnded+2*(s.capacity+s.depth), "nothing is kept for long")
}

func TestEndedChunksAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, 0)
	for range 3 * maxEnded {
		s.Add("x", 0, now)
		s.At("x").Finish(true, now)
	}
	require.LessOrEqual(t, len(s.ended), maxEnded)
}

// A heartbeat without next does not show what was read.
func TestHeartbeatWithoutNextDeniesNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, 0)
	s.sendTo("a_chunk_0", 7, now)
	beat := func() []Act {
		now = now.Add(3 * time.Second)
		_, denied := s.hearBeat(messages.Signal{Next: messages.UnknownOffset}, now)
		return denied
	}
	for range 4 {
		require.Empty(t, beat())
	}
	now = now.Add(time.Minute)
	require.Len(t, s.overdue(now), 1)
	require.Empty(t, beat())
	require.Empty(t, beat(), "it was given back before")
	require.Empty(t, s.list, "and its slot is free in the end")
}

// A probe that was written before a chunk was sent proves nothing about the chunk.
func TestProbeConcernsOnlyEarlierSends(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(2, 1)
	first := s.sendTo("f_chunk_0", 100, now)
	now = now.Add(ProbeEvery)
	h := s.Hear(messages.Signal{Kind: messages.SignalHeartbeat}, now)
	require.True(t, h.Probe)
	require.Zero(t, h.Probed)
	require.False(t, s.Hear(messages.Signal{Kind: messages.SignalHeartbeat}, now).Probe, "one at a time")
	now = now.Add(time.Second)
	second := s.sendTo("f_chunk_1", 101, now)
	s.PartitionEnds(0, 50)
	require.True(t, first.vanished)
	require.False(t, second.vanished)
	s.PartitionEnds(1, 50)
	require.False(t, second.vanished, "another partition")
}

// A long heartbeat of a worker with many chunks costs no more than its length.
func TestLongHeartbeatsCostWhatTheyAreLong(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := nativeSlots(messages.MaxCapacity, 0)
	for i := range messages.MaxCapacity {
		s.Add(fmt.Sprint("f_chunk_", i), 0, began)
	}
	beat := messages.Signal{Running: make([]string, 10_000), Next: 1}
	for i := range beat.Running {
		beat.Running[i] = fmt.Sprint("f_chunk_", 5000+i)
	}
	for range 20 {
		s.hearBeat(beat, began)
	}
	require.Less(t, time.Since(began), 20*time.Second, "quadratic: this took minutes")
}

// A chunk that shows no progress is reported once it is quiet for long, then from time
// to time, and again as soon as it goes on.
func TestStalledChunkIsReported(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, 0)
	s.sendTo("a", 0, now)
	progress := messages.Signal{Kind: messages.SignalProgress, BatchID: "a"}
	require.Equal(t, []string{"a"}, s.Hear(progress, now).Begun)
	s.Hear(messages.Signal{Kind: messages.SignalHeartbeat, Running: []string{"a"}}, now)
	began := now
	at, due := s.Due()
	require.True(t, due)
	acts, _ := s.Judge(at.Add(-1))
	require.Empty(t, acts)
	now = at
	require.Equal(t, began.Add(s.stallAfter), now)
	acts, _ = s.Judge(now)
	require.Equal(t, []Act{{Move: Stalled, BatchID: "a", Since: began}}, acts)
	acts, _ = s.Judge(now.Add(s.stallAfter))
	require.Empty(t, acts, "it is reported once")
	_, due = s.Due()
	require.False(t, due)
	require.Equal(t, "a", s.Hear(progress, now).Resumed)
	require.Empty(t, s.Hear(progress, now).Resumed)
	at, due = s.Due()
	require.True(t, due)
	require.Equal(t, now.Add(s.stallAfter), at, "from its progress on it is watched again")
}

// A chunk that is given back unbegun frees its slot and leaves the pace of the worker as
// it is; what was begun, or taken back, is not asked for.
func TestQueuedChunkIsGivenBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, -1)
	for i, id := range []string{"a", "b", "c"} {
		s.sendTo(id, int64(i), now)
	}
	s.Hear(messages.Signal{Kind: messages.SignalProgress, BatchID: "a"}, now)
	s.find("c").gone = true
	for id, want := range map[string]bool{"a": false, "b": true, "c": false, "d": false} {
		require.Equal(t, want, s.At(id).Waits(), id)
	}
	s.pace.each = time.Second
	for range 2 {
		s.At("b").Return(now)
		require.False(t, s.At("b").Held())
	}
	require.Equal(t, time.Second, s.pace.each)
	s.sendTo("e", 3, now)
	s.partition = 1
	require.False(t, s.At("e").Waits(), "its message lies where the worker does not read any more")
}

// A worker that holds more than its slots does not seem free when one of its chunks ends:
// the offers count from what it holds.
func TestRoomOfAWorkerThatHoldsMoreThanItsSlots(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, 1)
	for i, id := range []string{"a", "b", "c"} {
		s.sendTo(id, int64(i), now)
	}
	r := s.Room()
	require.Equal(t, [2]int{-2, -1}, [2]int{r.Free, r.Ahead})
	s.At("a").Finish(true, now)
	s.At("b").Finish(true, now)
	r = s.Room()
	require.Equal(t, [2]int{0, 1}, [2]int{r.Free, r.Ahead})
}

// A chunk's result may be read before heartbeats that were sent before it. One of them that lists
// nothing yet does not make a later one that lists the chunk count as another's work.
func TestHeartbeatsFromBeforeAResult(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := nativeSlots(1, 0)
	s.sendTo("f_chunk_0", 7, now)
	s.At("f_chunk_0").Finish(true, now)
	s.hearBeat(messages.Signal{Next: 7}, now)
	s.hearBeat(messages.Signal{Running: []string{"f_chunk_0"}, Next: 8}, now)
	require.Zero(t, s.foreign)
	s.hearBeat(messages.Signal{Next: 8}, now.Add(endedMemory))
	require.Empty(t, s.ended)
}
