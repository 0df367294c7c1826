package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// An attempt number in a message of the chunk topic costs nothing, however large it is:
// anybody may have written it.
func TestInventedAttempts(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		sent string
		next int
	}{
		"beyond every bound":  {"f1_chunk_0_a9000000000", 1},
		"beyond what is real": {"f1_chunk_0_a1048577", 1},
		"as far as believed":  {"f1_chunk_0_a1048576", maxVoid + 1},
		"a lost commit":       {"f1_chunk_0_a3", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := New(Rules{MaxAttempts: 100}, messages.Snapshot{}, Sent{BatchIDs: []string{c.sent}}, now)
			require.NoError(t, l.Files().Open(testFile(1, 2), now))
			l.plan(1, 0, now)
			a, ok := l.pick("w", false, now)
			require.True(t, ok)
			require.Equal(t, c.next, a.Attempt)
			require.LessOrEqual(t, len(l.files[1].entries[chunkNo(0)].workers), rememberedAttempts)
			if void := c.next - 1; void > 0 {
				l.Attempts().TakeBack("w", a.BatchID, EndReturned, "", now)
				for range 2 * rememberedAttempts { // until who had the first attempts is forgotten
					a, _ = l.pick("w", false, now.Add(time.Hour))
					l.Attempts().TakeBack("w", a.BatchID, EndReturned, "", now)
				}
				id := l.files[1].BatchID(chunkNo(0), void)
				require.Equal(t, VerdictStale, l.verdict(progress("w", id, 2, 2), now), "no worker had a void attempt")
			}
		})
	}
}

// A message whose commit the store lost must not be taken for the attempt that is
// made of the same chunk again.
func TestAttemptsOfLostCommitsAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	first, second := "f1_chunk_0", "f1_chunk_1"
	// The attempt was handed to "before", then the store lost it.
	l := New(Rules{MaxAttempts: 3}, messages.Snapshot{Files: []*messages.File{new(testFile(1, 2))}}, Sent{BatchIDs: []string{first}}, now)
	l.plan(1, 0, now)
	l.plan(1, 1, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, first+"_a2", a.BatchID)
	final := messages.Signal{Kind: messages.SignalProgress, Worker: "before", BatchID: first, Processing: int64(a.Chunk.Items), Total: int64(a.Chunk.Items)}
	require.Equal(t, VerdictStale, l.verdict(final, now))
	final.Worker, final.BatchID = "w", a.BatchID
	require.Equal(t, VerdictDone, l.verdict(final, now))
	b, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, second, b.BatchID)
}

// What lies in a partition that cannot be read may be an attempt whose commit the store
// lost: the numbers that it may have are not given.
func TestAttemptsLeaveRoomForAnUnreadTail(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := New(Rules{MaxAttempts: 3}, messages.Snapshot{Files: []*messages.File{new(testFile(1, 1))}}, Sent{Unread: true}, now)
	l.plan(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, 1+UnreadAttempts, a.Attempt)
	require.Equal(t, VerdictStale, l.verdict(progress("x", "f1_chunk_0", 2, 2), now))
	require.True(t, l.Attempts().TakeBack("w", a.BatchID, EndReturned, "", now))
	a, ok = l.pick("w", false, now.Add(time.Minute))
	require.True(t, ok)
	require.Equal(t, 2+UnreadAttempts, a.Attempt, "once in a term is enough")
}
