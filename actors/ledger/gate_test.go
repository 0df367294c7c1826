package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// In no span of time more is handed out than the rate allows, a burst of one second and one
// chunk beside it; and a gate that is tried when it says so wastes nothing of the rate.
func TestRateHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		var g gate
		rate := float64(rapid.IntRange(1, 500).Draw(t, "items per second"))
		most := rapid.IntRange(1, 1000).Draw(t, "items of the largest chunk")
		g.use(messages.Dispatch{MaxItemsPerS: rate}, now)
		require.False(t, g.open(now), "it begins with nothing saved up")
		type handOut struct {
			at    time.Time
			items int
		}
		var all []handOut
		total := 0
		for range 60 {
			if !g.open(now) {
				at := g.opensAt(now)
				require.True(t, at.After(now))
				now = at
				require.True(t, g.open(now), "it opens when it says so")
			}
			items := rapid.IntRange(1, most).Draw(t, "items")
			g.take(int64(items))
			all = append(all, handOut{now, items})
			total += items
			if rapid.IntRange(0, 9).Draw(t, "rest") == 0 {
				now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			}
		}
		for i := range all {
			sum := 0
			for _, h := range all[i:] {
				sum += h.items
				span := h.at.Sub(all[i].at).Seconds()
				require.LessOrEqual(t, float64(sum), rate*span+g.burst()+float64(most)+1e-6*rate)
			}
		}
		require.Positive(t, total)
	})
}

func TestRateIsUsed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	began := now
	var g gate
	g.use(messages.Dispatch{MaxItemsPerS: 100}, now)
	total := 0
	for now.Sub(began) < time.Minute {
		for g.open(now) {
			g.take(500) // more than the items of a second
			total += 500
		}
		now = g.opensAt(now)
	}
	require.InDelta(t, 100*60, total, 500)
}

func TestGateIsClosedWhilePaused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	var g gate
	require.True(t, g.open(now))
	require.Zero(t, g.opensAt(now))
	g.use(messages.Dispatch{Paused: true}, now)
	require.False(t, g.open(now))
	require.Zero(t, g.opensAt(now), "only a person ends it")
	until := now.Add(time.Minute)
	g.use(messages.Dispatch{Paused: true, Until: until}, now)
	require.Equal(t, until, g.opensAt(now))
	require.False(t, g.open(until.Add(-1)))
	require.True(t, g.open(until), "it ends by itself")
	g.use(messages.Dispatch{Paused: true, Until: until, MaxItemsPerS: 1}, now)
	g.take(3600 * 24)
	require.Equal(t, until, g.opensAt(now))
	require.False(t, g.open(until))
	require.Equal(t, until.Add(maxOwed), g.opensAt(until).Truncate(time.Second), "one looks ahead for an hour at most")
	g.use(messages.Dispatch{}, until)
	require.True(t, g.open(until), "without a limit nothing is owed")
}

// Nothing is handed out while all hand-outs are paused: no chunk for the first time, none
// again, none a second time, and none is recalled for it.
func TestNothingIsHandedOutWhilePaused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l := testLedger(3, now)
	require.NoError(t, l.Files().Open(testFile(1, 9), now))
	for n := range 9 {
		l.plan(1, n, now)
	}
	l.Files().PlanEnd(1, 0, now)
	l.Workers().Offer(Offer{Worker: "slow", Epoch: 1, UpTo: 1, Ahead: 3, Depth: 2, Recalls: true, Backup: true}, now)
	held := l.Workers().Match(now)
	require.Len(t, held, 3)
	l.UseDispatch(messages.Dispatch{Paused: true}, now)
	l.Workers().Offer(Offer{Worker: "idle", Epoch: 1, UpTo: 9, Ahead: 9, Recalls: true, Backup: true}, now)
	for range backupKnown {
		l.files[1].tempo.add(time.Millisecond)
	}
	l.Attempts().Begin("slow", held[0].BatchID, now)
	now = now.Add(time.Minute)
	require.Empty(t, l.Workers().Match(now))
	require.Empty(t, l.Workers().Recall(now))
	require.Empty(t, l.Workers().Backup(now))
	require.False(t, l.Report(now).Idle, "a worker is at it")
	l.Workers().Lost("slow", EndLost, "", now)
	now = now.Add(time.Minute)
	require.Empty(t, l.Workers().Match(now))
	require.True(t, l.Report(now).Idle)
	l.UseDispatch(messages.Dispatch{}, now)
	require.Len(t, l.Workers().Match(now), 9)
}
