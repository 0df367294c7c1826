package slots

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// works lets a worker do n chunks that take each, in bunches of size bunch.
func (p *pace) works(now time.Time, n, bunch int, each time.Duration) time.Time {
	p.holds(true, now)
	for range n / bunch {
		now = now.Add(time.Duration(bunch) * each)
		for range bunch {
			p.done(now)
		}
	}
	return now
}

func TestDepthFollowsThePace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		each  time.Duration
		depth int
	}{{time.Minute, 1}, {50 * time.Millisecond, 1}, {10 * time.Millisecond, 5}, {time.Millisecond, 50}, {10 * time.Microsecond, 64}} {
		p := pace{}
		require.Equal(t, 1, p.depth(), "before anything is known")
		p.works(time.Unix(1, 0), 4000, 1, c.each)
		require.Equal(t, c.depth, p.depth(), "%s a chunk", c.each)
	}
}

func TestDepthOfResultsInBunches(t *testing.T) {
	t.Parallel()
	p := pace{}
	p.works(time.Unix(1, 0), 4000, 16, time.Millisecond)
	require.InDelta(t, 50, p.depth(), 5)
}

func TestDepthFallsWhenTheWorkGetsSlow(t *testing.T) {
	t.Parallel()
	p := pace{}
	now := p.works(time.Unix(1, 0), 4000, 1, time.Millisecond)
	p.works(now, 6, 1, time.Second)
	require.Equal(t, 1, p.depth())
}

// A worker that has nothing is not slow.
func TestIdleTimeDoesNotCount(t *testing.T) {
	t.Parallel()
	p, now := pace{}, time.Unix(1, 0)
	for range 100 {
		now = p.works(now, 1, 1, 5*time.Millisecond)
		p.holds(false, now)
		now = now.Add(time.Hour)
	}
	require.Equal(t, 10, p.depth())
}

func TestDepthOfLargeChunksAndOfFailures(t *testing.T) {
	t.Parallel()
	p := pace{}
	p.sized(maxQueuedBytes / 4)
	now := p.works(time.Unix(1, 0), 4000, 1, 10*time.Microsecond)
	require.Equal(t, 4, p.depth())
	for range 50 {
		p.sized(2 * maxQueuedBytes)
	}
	require.Equal(t, 1, p.depth())
	p.failed()
	p.works(now, 1, 1, time.Microsecond)
	require.Equal(t, 1, p.depth())
}
