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
