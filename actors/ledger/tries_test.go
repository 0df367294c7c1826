package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestTriesKeepTheLastOnes(t *testing.T) {
	t.Parallel()
	var list tries
	require.Nil(t, list.last())
	for n := range 2*maxTries + 3 {
		list.add(try{chunk: messages.ChunkID{Index: n}})
		all := list.newestFirst()
		require.Len(t, all, min(n+1, maxTries))
		for i, x := range all {
			require.Equal(t, n-i, x.chunk.Index)
		}
	}
}

// Ten thousand workers have such a list each.
func TestTriesOfAWorkerAreSmall(t *testing.T) {
	t.Parallel()
	var list tries
	for range 100 {
		list.add(try{reason: strings.Clone("exit status 1")})
	}
	require.Equal(t, maxTries, cap(list.ring))
	require.LessOrEqual(t, maxTries*int(unsafe.Sizeof(try{})), 2<<10)
	for _, x := range list.ring {
		require.Equal(t, unsafe.StringData(list.ring[0].reason), unsafe.StringData(x.reason), "one reason is kept once")
	}
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
