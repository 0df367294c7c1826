package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A file of which nothing new is begun gives its place to another one; only so many do.
func TestPausedFilesGiveTheirPlacesAway(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	c := New(0, nil, 1)
	var files []messages.FileInfo
	for i := range 2*MaxInWork + maxPaused {
		files = append(files, messages.FileInfo{Path: fmt.Sprintf("%03d.txt", i), Size: SmallFile + 1, ModTime: now})
	}
	for _, f := range c.List(files, now).Fingerprint {
		c.SetFingerprint(Fingerprint{File: f, Sum: 1}, now)
	}
	first := c.Admit(now)
	require.Len(t, first, MaxInWork)
	require.True(t, c.Pause(first[0].ID, true))
	require.False(t, c.Pause(first[0].ID, true))
	require.Len(t, c.Admit(now), 1)
	require.True(t, c.Pause(first[0].ID, false), "it goes on, although its place is taken")
	require.Empty(t, c.Admit(now))
	c.End(first[0].ID)
	require.Empty(t, c.Admit(now))
	c.Park(first[1].ID)
	require.Len(t, c.Admit(now), 1)
	require.True(t, c.Pause(first[1].ID, true), "it has no place to give away")
	require.Empty(t, c.Admit(now))
	c.End(first[1].ID)
	require.Empty(t, c.Admit(now))

	paused := 0
	for id := first[2].ID; c.byID[id] != nil; id++ {
		if c.Pause(id, true) {
			paused++
		}
		c.Admit(now)
	}
	require.Equal(t, maxPaused, paused)
}

// A folder that becomes empty is not believed at once either when every file in work has given
// its place away: a share that is away for a moment would end them as deleted.
func TestEmptyFolderWithFilesThatHaveNoPlace(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	x, y := info("a.txt", 10, f.now), info("b.txt", 10, f.now)
	id := f.admitOne(f.list(0, x), 7)[0].ID
	parked := f.admitOne(f.list(0, x, y), 8)[0].ID
	require.True(t, f.c.Pause(id, true))
	f.c.Park(parked)
	require.Equal(t, Changes{Empty: true, Held: true}, f.list(time.Second))
	require.Equal(t, Changes{}, f.list(EmptyFor-time.Second, x, y), "it is back")
	f.c.End(id)
	f.c.End(parked)
	w := f.list(time.Second)
	require.False(t, w.Held, "nothing is in work")
	require.Empty(t, w.Gone)
}
