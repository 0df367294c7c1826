package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// TestQueuesShareALimit shows how many chunks are queued at workers that offer to queue many:
// an equal share of what may be queued at all of them, and one at least.
func TestQueuesShareALimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ most, length, want int }{
		"no limit":                     {0, 10, 4 * (1 + 64)},
		"a number of chunks":           {40, 10, 4 * (1 + 10)},
		"fewer chunks than workers":    {3, 10, 4 * (1 + 1)},
		"chunks that are large":        {1000, maxAheadBytes / 20, 4 * (1 + 5)},
		"chunks larger than the limit": {1000, maxAheadBytes + 1, 4 * (1 + 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			l := New(Rules{MaxAttempts: 1, MaxAhead: c.most}, messages.Snapshot{}, Sent{}, now)
			f := testFile(1, 1000)
			f.Info.Size = int64(1000 * c.length)
			require.NoError(t, l.Files().Open(f, now))
			for i := range 500 {
				cut := testCut(1, i)
				cut.Offset, cut.Length = int64(i*c.length), int64(c.length)
				l.Files().Plan(cut, now)
			}
			offer := func(ahead int) {
				for w := range 4 {
					l.Workers().Offer(Offer{Worker: messages.WorkerID(fmt.Sprint("w", w)), UpTo: 1, Ahead: 1 + ahead, Depth: ahead, Refill: true}, now)
				}
				l.Workers().Match(now)
			}
			offer(0)
			offer(64)
			total := 0
			for _, o := range l.offers.of {
				total += o.given
			}
			require.Equal(t, c.want, total)
		})
	}
}

// TestLastWorkerLeavesWhileIdle shows that a chunk waits for the next worker when the last one
// left while there was nothing to do.
func TestLastWorkerLeavesWhileIdle(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := New(Rules{MaxAttempts: 1, MaxAhead: 1024}, messages.Snapshot{}, Sent{}, now)
	l.Workers().Offer(Offer{Worker: "w", Epoch: 1, UpTo: 1, Ahead: 2, Depth: 1}, now)
	require.Empty(t, l.Workers().Match(now))
	require.True(t, l.Workers().Withdraw("w", 1))
	f := testFile(1, 10)
	f.Info.Size = 100
	require.NoError(t, l.Files().Open(f, now))
	cut := testCut(1, 0)
	cut.Length = 10
	l.Files().Plan(cut, now)
	require.Empty(t, l.Workers().Match(now))
	l.Workers().Offer(Offer{Worker: "x", Epoch: 1, UpTo: 1, Ahead: 2, Depth: 1}, now)
	require.Len(t, l.Workers().Match(now), 1)
}
