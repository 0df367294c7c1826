package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// waitingFolder is a folder of large files of which all places in work are taken.
func waitingFolder(t *testing.T, n int) (c *Catalog, files []messages.FileInfo, first []messages.File, now time.Time) {
	t.Helper()
	now = time.Unix(1e9, 0)
	c = New(0, nil, 1)
	for i := range n {
		files = append(files, messages.FileInfo{Path: fmt.Sprintf("%02d.txt", i), Size: SmallFile + 1, ModTime: now.Add(time.Duration(i) * time.Second)})
	}
	for _, f := range c.List(files, now).Fingerprint {
		c.SetFingerprint(Fingerprint{File: f, Sum: 1}, now)
	}
	first = c.Admit(now)
	require.Len(t, first, MaxInWork)
	return c, files, first, now
}

// Of twenty large files the last one is urgent: it gets a place at once, although all are
// taken, and the others in their order as places become free.
func TestUrgentFileIsTakenFirst(t *testing.T) {
	t.Parallel()
	c, files, first, now := waitingFolder(t, 20)
	waiting := c.Waiting("")
	require.Len(t, waiting, 4)
	require.Equal(t, messages.WhyBudget, waiting[0].Why.Reason)
	waiting[0].Why = messages.Why{}
	require.Equal(t, messages.WaitingFile{Info: files[16], Since: now, Settled: true}, waiting[0])
	require.Len(t, c.Waiting("19.TXT"), 1)

	former, err := c.Wish("19.txt", 3)
	require.NoError(t, err)
	require.Zero(t, former)
	urgent := c.Admit(now)
	require.Len(t, urgent, 1)
	require.Equal(t, "19.txt", urgent[0].Info.Path)
	require.Equal(t, 3, urgent[0].Priority)
	require.Empty(t, c.Admit(now))
	require.True(t, c.Fulfil("19.txt"))
	require.False(t, c.Fulfil("19.txt"))

	_, err = c.Wish("18.txt", -1)
	require.NoError(t, err)
	c.End(urgent[0].ID)
	require.Empty(t, c.Admit(now), "it had none of the places of the others")
	for n, path := range []string{"16.txt", "17.txt", "18.txt"} {
		c.End(first[n].ID)
		taken := c.Admit(now)
		require.Len(t, taken, 1)
		require.Equal(t, path, taken[0].Info.Path)
	}
}

// There are no more files in work of one priority than places, however many are urgent, and a
// file in work that becomes urgent gives its place to others.
func TestPlacesOfEachPriority(t *testing.T) {
	t.Parallel()
	c, files, first, now := waitingFolder(t, 60)
	for _, f := range files[20:] {
		_, err := c.Wish(f.Path, 1)
		require.NoError(t, err)
	}
	require.Len(t, c.Admit(now), MaxInWork)
	require.Empty(t, c.Admit(now))
	require.True(t, c.Prioritise(first[0].ID, 2))
	require.False(t, c.Prioritise(first[0].ID, 2))
	c.End(first[0].ID)
	require.Empty(t, c.Admit(now))
	c.Park(first[1].ID)
	require.True(t, c.Prioritise(first[1].ID, -5), "it has no place")
	c.Resume(first[1].ID)
	require.Equal(t, 2*MaxInWork*SmallPerPlace-SmallPerPlace, c.work.from(-messages.MaxPriority))
}

func TestWishesOfWrongFiles(t *testing.T) {
	t.Parallel()
	c, files, _, now := waitingFolder(t, 18)
	for _, path := range []string{"00.txt", "none.txt"} {
		_, err := c.Wish(path, 1)
		require.ErrorIs(t, err, messages.ErrNotWaiting)
	}
	for _, n := range []int{4, 4, 0} {
		_, err := c.Wish("17.txt", n)
		require.NoError(t, err)
	}
	require.Empty(t, c.Wishes(), "0 is what nobody wished")
	_, err := c.Wish("17.txt", -4)
	require.NoError(t, err)
	c.List(files[:17], now) // it leaves, and comes back
	c.List(files, now)
	require.Equal(t, -4, c.Waiting("17")[0].Priority)
	require.Equal(t, map[string]int{"17.txt": -4}, c.Wishes())
	c.List(files[:17], now)
	_, err = c.Wish("16.txt", 1)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"16.txt": 1}, c.Wishes(), "what left is forgotten with the next wish")
	c.List(files, now)
	for n := range messages.MaxWishes {
		c.wishes[fmt.Sprint(n)] = 1
		c.paths[fmt.Sprint(n)] = &version{}
	}
	_, err = c.Wish("17.txt", 1)
	require.ErrorIs(t, err, messages.ErrConflict)
}

// Whatever is not taken yet has a reason.
func TestWaitingFilesSayWhy(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	c := New(5*time.Second, nil, 1)
	f := messages.FileInfo{Path: "a.txt", Size: 9, ModTime: now}
	why := func() (messages.Reason, bool) {
		list := c.Waiting("")
		require.Len(t, list, 1)
		require.NotEmpty(t, list[0].Why.Text)
		return list[0].Why.Reason, list[0].Settled
	}
	c.List([]messages.FileInfo{f}, now)
	reason, settled := why()
	require.Equal(t, messages.WhySettling, reason)
	require.False(t, settled)
	now = now.Add(5 * time.Second)
	c.List([]messages.FileInfo{f}, now)
	c.SetFingerprint(Fingerprint{File: f, Sum: 1, NULs: true}, now)
	reason, _ = why()
	require.Equal(t, messages.WhySettling, reason)
	require.Contains(t, c.Waiting("")[0].Why.Text, "NUL")

	now = now.Add(NULWait)
	c.List([]messages.FileInfo{f}, now)
	c.SetFingerprint(Fingerprint{File: f, Sum: 1}, now)
	require.Len(t, c.Admit(now), 1)
	require.Empty(t, c.Waiting(""))
	f.Size, f.ModTime = 20, now
	c.List([]messages.FileInfo{f}, now)
	now = now.Add(5 * time.Second)
	c.List([]messages.FileInfo{f}, now)
	c.SetFingerprint(Fingerprint{File: f, Sum: 2}, now)
	reason, settled = why()
	require.Equal(t, messages.WhyBehind, reason)
	require.True(t, settled)
}
