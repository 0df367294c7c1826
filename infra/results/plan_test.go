package results

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A line whose number of items no chunk has, such as one that a hostile worker wrote, is none
// of ours: nothing is made as large as it says.
func TestLineOfTooManyItemsIsNoneOfOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.put(named{Index: 0}, "0\n", "")
	whole := b.told(0, "1\n1\n1\n1\n1\n", "", nil, [][2]int{{5, 1}})
	b.put(named{Index: 2}, "2\n", "")
	whole.Failed, whole.Ended = 1<<50, Time(time.Unix(3, 0))
	require.NoError(t, b.j.Append(b.root, "a.txt", whole))
	l := b.line(named{Index: 1, Retry: 1}, "", "")
	l.Items, l.Positions, l.ItemLines = 1<<50, [][2]int{{0, 0}}, [][2]int{{1 << 50, 0}}
	b.putLine(l, "", "")
	require.NotPanics(t, func() { _, _ = b.merge() })
}
