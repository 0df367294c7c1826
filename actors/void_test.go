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
			l := newLedger(messages.Term{Number: 1}, 100)
			require.NoError(t, l.openFile(testFile(1, 2), now))
			l.noteSend(c.sent)
			l.plan(1, testCut(1, 0), now)
			a, ok := l.pick("w", false, false, now)
			require.True(t, ok)
			require.Equal(t, c.next, a.attempt)
			require.LessOrEqual(t, len(l.files[1].open[0].had), rememberedAttempts)
			if void := c.next - 1; void > 0 {
				l.takeBack("w", a.batchID, endReturned, "", now)
				for range 2 * rememberedAttempts { // until who had the first attempts is forgotten
					a, _ = l.pick("w", false, false, now.Add(time.Hour))
					l.takeBack("w", a.batchID, endReturned, "", now)
				}
				id := messages.BatchID(l.files[1].Base, 0, 1, void)
				require.Equal(t, verdictStale, l.result(progress("w", id, 2, 2), now), "a void attempt was nobody's")
			}
		})
	}
}
