package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// What a message in the chunk topic says of attempts costs nothing, whatever the
// number: anybody may have written it.
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
			l := NewLedger(100, messages.Snapshot{}, Sent{BatchIDs: []string{c.sent}}, now)
			require.NoError(t, l.Files().Open(testFile(1, 2), now))
			l.plan(1, 0, now)
			a, ok := l.pick("w", false, now)
			require.True(t, ok)
			require.Equal(t, c.next, a.Attempt)
			require.LessOrEqual(t, len(l.files[1].entries[0].workers), rememberedAttempts)
			if void := c.next - 1; void > 0 {
				l.TakeBack("w", a.BatchID, endReturned, "", now)
				for range 2 * rememberedAttempts { // until who had the first attempts is forgotten
					a, _ = l.pick("w", false, now.Add(time.Hour))
					l.TakeBack("w", a.BatchID, endReturned, "", now)
				}
				id := messages.BatchID(l.files[1].Base, 0, 1, void)
				require.Equal(t, verdictStale, l.verdict(progress("w", id, 2, 2), now), "a void attempt was nobody's")
			}
		})
	}
}

// What lies in a partition that cannot be read may be an attempt whose commit the store
// lost: the numbers that it may have are not given.
func TestAttemptsLeaveRoomForAnUnreadTail(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := NewLedger(3, messages.Snapshot{Files: []messages.File{testFile(1, 1)}}, Sent{Unread: true}, now)
	l.plan(1, 0, now)
	a, ok := l.pick("w", false, now)
	require.True(t, ok)
	require.Equal(t, 1+unreadAttempts, a.Attempt)
	require.Equal(t, verdictStale, l.verdict(progress("x", "f1_chunk_0", 2, 2), now))
	require.True(t, l.TakeBack("w", a.BatchID, endReturned, "", now))
	a, ok = l.pick("w", false, now.Add(time.Minute))
	require.True(t, ok)
	require.Equal(t, 2+unreadAttempts, a.Attempt, "once in a term is enough")
}
