package actors

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

func TestLivenessTable(t *testing.T) {
	t.Parallel()
	start := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		kind  messages.WorkerKind
		state messages.WorkerState
		after time.Duration
		want  messages.WorkerState
	}{
		"alive":                     {messages.Native, messages.WorkerAnnounced, suspectAfter - 1, messages.WorkerAnnounced},
		"suspect":                   {messages.Native, messages.WorkerAnnounced, suspectAfter, messages.WorkerSuspect},
		"still suspect":             {messages.Native, messages.WorkerSuspect, lostAfter - 1, messages.WorkerSuspect},
		"lost":                      {messages.Native, messages.WorkerSuspect, lostAfter, messages.WorkerLost},
		"looked at late":            {messages.Native, messages.WorkerAnnounced, time.Hour, messages.WorkerLost},
		"draining is not suspect":   {messages.Native, messages.WorkerDraining, suspectAfter, messages.WorkerDraining},
		"draining is lost":          {messages.Native, messages.WorkerDraining, lostAfter, messages.WorkerLost},
		"lost is shown":             {messages.Native, messages.WorkerLost, forgetAfter - 1, messages.WorkerLost},
		"lost is forgotten":         {messages.Native, messages.WorkerLost, forgetAfter, messages.WorkerGone},
		"idle classic":              {messages.Classic, messages.WorkerAnnounced, 1000 * time.Hour, messages.WorkerAnnounced},
		"lost classic is forgotten": {messages.Classic, messages.WorkerLost, forgetAfter, messages.WorkerGone},
		"gone stays gone":           {messages.Native, messages.WorkerGone, time.Hour, messages.WorkerGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := liveness{kind: c.kind, state: c.state, last: start}
			l.look(start.Add(c.after))
			require.Equal(t, c.want, l.state)
		})
	}
}

func TestAnySignBringsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		l := liveness{kind: messages.Native, state: messages.WorkerAnnounced, last: now}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 12_000).Draw(t, "ms")) * time.Millisecond)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				l.sign(now)
				require.NotEqual(t, messages.WorkerLost, l.state)
				require.NotEqual(t, messages.WorkerSuspect, l.state)
			case 1:
				l.drain()
			default:
				at, ok := l.due()
				changed := l.look(now)
				require.Equal(t, ok && !now.Before(at), changed, "a look changes something exactly when one is due")
			}
			silent := now.Sub(l.last)
			if l.state == messages.WorkerLost {
				require.GreaterOrEqual(t, silent, lostAfter)
			}
			if l.draining {
				require.NotEqual(t, messages.WorkerAnnounced, l.state, "a draining worker takes nothing")
			}
		}
	})
}

// fieldWorker is a native worker as a model: it reads its messages in order,
// works, and now and then drops one.
type fieldWorker struct {
	sent    []*slot // in the order of their offsets
	next    int64
	running []string
	queued  []string
}

// TestSlotsFollowTheWorker plays hand-outs, heartbeats and finals in any order
// and checks that the slots never lose a chunk that the worker holds, never give
// out more than its capacity and one ahead, and let go of what it dropped.
func TestSlotsFollowTheWorker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		s := slots{kind: messages.Native, capacity: 2, prefetch: 1, timeout: time.Minute}
		w := &fieldWorker{}
		var n int
		ended := map[string]bool{}
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			switch rapid.SampledFrom([]string{"assign", "read", "drop", "work", "final", "beat", "beat", "overdue"}).Draw(t, "step") {
			case "assign":
				if _, ahead := s.room(); ahead > 0 {
					n++
					x := s.add(assignment{batchID: messages.BatchID("f", n, 1, 1)}, now)
					x.sent, x.offset = true, int64(len(w.sent))
					w.sent = append(w.sent, x)
				}
			case "read", "drop":
				if w.next < int64(len(w.sent)) {
					id := w.sent[w.next].batchID
					w.next++
					if rapid.IntRange(0, 9).Draw(t, "luck") > 0 {
						w.queued = append(w.queued, id)
					}
				}
			case "work":
				if len(w.queued) > 0 && len(w.running) < 2 {
					w.running = append(w.running, w.queued[0])
					s.progress(w.queued[0], now)
					w.queued = w.queued[1:]
				}
			case "final":
				if len(w.running) > 0 {
					id := w.running[0]
					w.running = w.running[1:]
					if x := s.find(id); x != nil {
						s.remove(x, now)
					}
				}
			case "beat":
				_, doubts := s.heartbeat(messages.Signal{Running: slices.Clone(w.running), Queued: slices.Clone(w.queued), Next: w.next}, false, now)
				end := s.denied(now)
				require.Equal(t, doubts, len(end) > 0)
				for _, e := range end {
					require.False(t, slices.Contains(w.running, e.batchID) || slices.Contains(w.queued, e.batchID), "a chunk that the worker holds is not taken back")
					require.Less(t, e.offset, w.next, "nor one that it has not come to")
					require.False(t, ended[e.batchID])
					ended[e.batchID] = true
				}
			case "overdue":
				if e, ok := s.overdue(now); ok {
					require.False(t, e.listed, "a listed chunk is never overdue")
					ended[e.batchID] = true
				}
			}
			free, ahead := s.room()
			require.LessOrEqual(t, len(s.list)+free, max(2, len(s.list)))
			require.LessOrEqual(t, len(s.list)+ahead, max(3, len(s.list)))
			require.LessOrEqual(t, len(s.list), 3, "S10")
		}
		for range missedBeats + 1 { // it reads on and says so: what it dropped is let go of
			w.next = int64(len(w.sent))
			s.heartbeat(messages.Signal{Running: w.running, Queued: w.queued, Next: w.next}, false, now)
			s.denied(now)
		}
		for _, x := range s.list {
			require.True(t, slices.Contains(w.running, x.batchID) || slices.Contains(w.queued, x.batchID), "a slot without a chunk")
		}
	})
}

// A partition that lost its records is read from its new end: what lay there
// unread is not waited for.
func TestSlotsOfAPartitionThatLostItsRecords(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := slots{kind: messages.Native, capacity: 2, prefetch: 1, timeout: time.Minute}
	for i, offset := range []int64{100, 101, 102} {
		x := s.add(assignment{batchID: messages.BatchID("f", i, 1, 1)}, now)
		x.sent, x.offset = true, offset
	}
	beat := func(next int64) []slotEnd {
		s.heartbeat(messages.Signal{Running: []string{"f_chunk_0"}, Next: next}, false, now)
		return s.denied(now)
	}
	require.Empty(t, beat(102), "one is in work, one was read and its result is on its way, one is unread")
	require.Len(t, beat(5), 1, "the second heartbeat without the one that was read")
	require.Len(t, beat(5), 1)
	require.Equal(t, "f_chunk_0", s.oldest().batchID)
}

// A worker that was started anew may read another partition: that its next offset
// is lower says nothing of lost records.
func TestSlotsOfAWorkerStartedAnew(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := slots{kind: messages.Native, capacity: 1, prefetch: 1, timeout: time.Minute}
	s.heartbeat(messages.Signal{Next: 100}, false, now)
	s.forget()
	x := s.add(assignment{batchID: "f_chunk_0"}, now)
	x.sent, x.offset = true, 7
	for range missedBeats {
		_, doubts := s.heartbeat(messages.Signal{Next: 5}, false, now)
		require.False(t, doubts, "it has not come to the chunk yet")
	}
}

// A heartbeat of a fast worker is read late: hundreds of chunks have ended since it
// was sent, those that it lists among them, and the depth of its queue has changed.
// None of them takes a slot.
func TestLateHeartbeatOfAFastWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := &slots{kind: messages.Native, capacity: 1, prefetch: maxQueued}
	beat := messages.Signal{Kind: messages.SignalHeartbeat, Next: messages.UnknownOffset}
	for n := range 500 {
		id := messages.BatchID("a", n, 1, 1)
		x := s.add(assignment{batchID: id}, now)
		if n <= maxQueued {
			beat.Queued = append(beat.Queued, id)
		}
		now = now.Add(time.Millisecond)
		s.finish(x, now)
	}
	s.prefetch = 1
	s.finish(s.add(assignment{batchID: "last"}, now), now)
	s.heartbeat(beat, false, now)
	require.Zero(t, s.foreign)

	now = now.Add(overFor)
	s.finish(s.add(assignment{batchID: "much later"}, now), now)
	require.LessOrEqual(t, len(s.over), keepOver+2*(s.capacity+s.prefetch), "nothing is kept for long")
}

func TestEndedChunksAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := &slots{kind: messages.Native, capacity: 1}
	for range 3 * maxOver {
		s.finish(s.add(assignment{batchID: "x"}, now), now)
	}
	require.LessOrEqual(t, len(s.over), maxOver)
}
