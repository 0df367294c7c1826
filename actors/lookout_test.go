package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLookout(t *testing.T) {
	t.Parallel()
	now, stamp := time.Unix(1e9, 0), time.Unix(1, 0)
	var l lookout
	look := func(n int) {
		now = now.Add(scanEvery)
		l.listed(stamp, now)
		l.rest(n, now)
	}
	look(20_000)
	require.False(t, l.resting(now), "another file may have come within the resolution of the time")
	look(20_000)
	require.False(t, l.resting(now))
	look(20_000)
	require.True(t, l.resting(now))
	require.True(t, l.see(stamp, now))
	require.True(t, l.resting(now.Add(40*time.Second-1)))
	require.False(t, l.resting(now.Add(40*time.Second)), "2 s for each 1,000 files")

	look(1_000_000)
	require.True(t, l.resting(now.Add(longestRest-1)))
	require.False(t, l.resting(now.Add(longestRest)))
	look(filesPerScan)
	require.False(t, l.resting(now.Add(scanEvery)), "a folder with few files is listed every time")

	look(20_000)
	require.False(t, l.see(stamp.Add(1), now))
	require.False(t, l.resting(now), "a file came, or one left")
	stamp = time.Time{}
	for range 5 {
		look(20_000)
		require.False(t, l.resting(now), "the time is not known")
	}
	stamp = time.Unix(2, 0)
	for range 3 {
		look(20_000)
	}
	require.True(t, l.resting(now))
	l.listed(stamp, now)
	require.False(t, l.resting(now), "something is expected to change")
}
