package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// The queue at a worker grows as it turns out to be fast, never beyond what it keeps
// room for, and shrinks when it gets slow.
func TestQueueAtAWorkerFollowsItsPace(t *testing.T) {
	t.Parallel()
	stageCredit(t, PrefetchAuto, 2500, func(b *creditBundle) {
		work := func(n int, each time.Duration) {
			for range n {
				time.Sleep(each)
				b.finish()
				b.take()
				require.LessOrEqual(t, len(b.at), 1+slots.MaxQueued)
			}
		}
		b.take()
		require.Len(t, b.at, 2, "nothing is known yet")
		work(200, 5*time.Millisecond)
		require.Len(t, b.at, 1+10)
		work(1500, 100*time.Microsecond)
		require.Len(t, b.at, 1+slots.MaxQueued)
		work(70, time.Second)
		require.Len(t, b.at, 2)
	})
}

// With the last chunks the queues get short: a worker that is free later finds some
// to do.
func TestLastChunksAreNotQueuedFarAhead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"more is cut": 6, "cut to the end": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageDispatcher(t, messages.Snapshot{}, func(b *dispatcherBundle) {
				p := b.adopt(1, 9)
				offers := func(upTo, ahead int) {
					for _, w := range []messages.WorkerID{"a", "b"} {
						b.tell(b.pid, &offer{Offer: ledger.Offer{Worker: w, UpTo: upTo, Ahead: ahead, Depth: 8, Refill: true}, pid: b.freeWorker.pid})
					}
				}
				offers(0, 0)
				b.plan(p, 1, 0, 6)
				if want == 4 {
					b.tell(b.pid, &planEnd{file: 1, epoch: p.epoch})
				}
				offers(1, 9)
				b.freeWorker.mu.Lock()
				defer b.freeWorker.mu.Unlock()
				require.Len(t, b.freeWorker.got, want, "three at a, one at b")
			})
		})
	}
}
