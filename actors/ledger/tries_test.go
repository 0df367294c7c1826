package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

func TestTriesKeepTheLastOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list tries
		var want []try
		text := rapid.SampledFrom([]string{"", "done", "failed", "exit status 1", "exit status 2", "a", "b", "c", "d", "e", "f", "g"})
		for range rapid.IntRange(0, 3*maxTries).Draw(t, "attempts") {
			x := try{
				chunk:   messages.ChunkID{File: messages.FileID(rapid.Int64Range(0, 1<<50).Draw(t, "file")), Index: rapid.IntRange(0, 1<<40).Draw(t, "index"), Half: rapid.IntRange(0, 9).Draw(t, "half"), Retry: rapid.IntRange(0, 9).Draw(t, "retry")},
				attempt: rapid.IntRange(1, 500).Draw(t, "attempt"), items: rapid.IntRange(0, 1<<40).Draw(t, "items"), failed: rapid.Int64Range(0, 9).Draw(t, "failed"),
				ended: rapid.Int64Range(0, 1<<42).Draw(t, "ended"), outcome: text.Draw(t, "outcome"), reason: text.Draw(t, "reason"),
			}
			if x.unbegun = rapid.Bool().Draw(t, "unbegun"); !x.unbegun {
				x.took = rapid.Int64Range(0, 1<<40).Draw(t, "took")
			}
			list.add(x)
			want = append(want, x)
			want = want[max(0, len(want)-maxTries):]
			require.Equal(t, want, list.all())
			require.LessOrEqual(t, len(list.texts), max(maxTexts, 2*maxTries)+1)
		}
	})
}

// Ten thousand workers have such a list each.
func TestTriesOfAWorkerAreSmall(t *testing.T) {
	t.Parallel()
	var list tries
	for n := range 100 {
		list.add(try{
			chunk: messages.ChunkID{File: 100_000, Index: 1_000_000 + n}, attempt: 3, items: 5000, ended: 1795701000000, took: 60_000,
			outcome: "failed", reason: strings.Clone("exit status 1"),
		})
	}
	require.Equal(t, maxTries, list.count)
	require.LessOrEqual(t, cap(list.log), 512)
	require.Equal(t, []string{"failed", "exit status 1"}, list.texts, "one reason is kept once")
	for n := range 100 {
		list.add(try{outcome: "failed", reason: fmt.Sprint("line ", n)})
	}
	for range maxTexts + maxTries {
		list.add(try{outcome: "done"})
	}
	for n := range maxTexts {
		list.add(try{outcome: "done", reason: fmt.Sprint("late ", n)})
	}
	require.LessOrEqual(t, len(list.texts), maxTexts+2, "what is not referred to is dropped")
}

func TestTriesOfAWorker(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 4, now)
	l.Attempts().Begin("slow", at[0].BatchID, now.Add(time.Second))
	now = now.Add(3 * time.Second)
	require.Empty(t, l.Workers().Tries("slow"))
	l.verdict(progress("slow", at[0].BatchID, 2, 2), now)
	s := progress("slow", at[1].BatchID, 0, 2)
	s.Outcome, s.Error = messages.OutcomeFailed, strings.Repeat("x", 2*maxTryError)
	l.verdict(s, now.Add(time.Second))
	list := l.Workers().Tries("slow")
	require.Len(t, list, 2)
	require.Equal(t, messages.WorkerAttempt{
		Chunk: chunkNo(1), Path: "f1.txt", BatchID: at[1].BatchID, Number: 1, Items: 2, Began: time.Unix(1e9, 0), Ended: now.Add(time.Second),
		Result: "failed", Error: strings.Repeat("x", maxTryError),
	}, list[0])
	require.Equal(t, messages.WorkerAttempt{
		Chunk: chunkNo(0), Path: "f1.txt", BatchID: at[0].BatchID, Number: 1, Items: 2, Began: time.Unix(1e9+1, 0), Ended: now, Result: "done",
	}, list[1])

	l.Workers().Lost("slow", EndLost, "no heartbeat", now)
	list = l.Workers().Tries("slow")
	require.Len(t, list, 4)
	require.Equal(t, "lost no heartbeat", fmt.Sprint(list[0].Result, " ", list[0].Error))
	l.Workers().Forget("slow")
	l.know(now, "other")
	require.Equal(t, VerdictLate, l.verdict(progress("slow", at[2].BatchID, 2, 2), now), "its work still counts")
	require.Empty(t, l.Workers().Tries("slow"), "but it makes no list")
	require.Empty(t, l.tries)
}

func TestDrainedWorkerIsAskedForItsWholeQueue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 4, now)
	l.Workers().Withdraw("slow", 0)
	l.Attempts().Begin("slow", at[0].BatchID, now)
	require.Equal(t, []string{at[1].BatchID, at[2].BatchID, at[3].BatchID}, l.Workers().RecallAll("slow", now))
	require.Empty(t, l.Workers().RecallAll("other", now))
	require.Empty(t, l.Workers().RecallAll("slow", now.Add(RecallTimeout-1)), "they are on their way")
	require.Len(t, l.Workers().RecallAll("slow", now.Add(RecallTimeout)), 3, "the recall was lost")
	r := recalled("slow", at[2].BatchID)
	r.Refill = false
	require.Equal(t, Judgement{Verdict: VerdictRecalled}, l.Attempts().Judge(r, now))
	e := l.files[1].entries[chunkNo(2)]
	require.Equal(t, messages.ChunkReady, e.State)
	require.Zero(t, e.Failures+e.Handouts+e.retries+e.returned)
}

// A stored state does not tell which chunks a worker has begun, and a former leader may have
// recalled them.
func TestRestoredChunksOfADrainedWorkerAreAskedFor(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, at := slowTail(t, 3, now)
	batch := l.Flush().Batch
	snap := messages.Snapshot{Workers: []messages.Worker{{ID: "slow", Capacity: 1}}, Files: batch.Files}
	for _, n := range []int{2, 0, 1} { // a store has them in any order
		snap.Chunks = append(snap.Chunks, batch.Chunks[n])
	}
	next := New(Rules{MaxAttempts: 3}, snap, Sent{}, now)
	require.Equal(t, []string{at[0].BatchID, at[1].BatchID, at[2].BatchID}, next.Workers().RecallAll("slow", now))
}
