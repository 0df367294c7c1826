package selftest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A seed is one history, and a short run has damage of every kind.
func TestScheduleIsOfItsSeed(t *testing.T) {
	t.Parallel()
	one := schedule(7, time.Minute, 3, 2)
	require.Equal(t, one, schedule(7, time.Minute, 3, 2))
	require.NotEqual(t, one, schedule(8, time.Minute, 3, 2))
	for _, within := range []time.Duration{5 * time.Second, 10 * time.Second, time.Minute} {
		seen := map[kind]bool{}
		for _, e := range schedule(7, within, 3, 2) {
			seen[e.kind] = true
			require.Less(t, e.at, within)
			if e.kind == killMaster {
				require.Less(t, e.who, 2)
			}
		}
		require.Len(t, seen, int(kinds), within)
	}
}
