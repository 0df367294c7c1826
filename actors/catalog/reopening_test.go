package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// An ended version can be put into work again as long as the folder shows it as it was.
// What happened to it in between is reported once.
func TestReopening(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	info := messages.FileInfo{Path: "a.txt", Size: 10, ModTime: now}
	ended := messages.File{ID: 1, Info: info, Generation: 1, Fingerprint: 7, State: messages.FileDoneWithRejects, Ended: now}
	for name, c := range map[string]struct {
		change  func(c *Catalog)
		present error
		reopen  error
	}{
		"nothing": {func(*Catalog) {}, nil, nil},
		"it left": {func(c *Catalog) { c.List(nil, now) }, ErrLeft, ErrLeft},
		"touched": {func(c *Catalog) {
			touched := info
			touched.ModTime = now.Add(time.Second)
			c.List([]messages.FileInfo{touched}, now)
		}, ErrReplaced, nil},
		"rewritten": {func(c *Catalog) {
			other := info
			other.ModTime = now.Add(time.Second)
			c.List([]messages.FileInfo{other}, now)
			c.SetFingerprint(Fingerprint{File: other, Sum: 8}, now)
		}, ErrReplaced, ErrReplaced},
		"replaced and taken": {func(c *Catalog) {
			other := info
			other.Size = 11
			c.List([]messages.FileInfo{other}, now)
			c.SetFingerprint(Fingerprint{File: other, Sum: 8}, now)
			require.Len(t, c.Admit(now), 1)
		}, ErrReplaced, ErrReplaced},
	} {
		file := ended
		c0 := New(0, []*messages.File{&file}, 2)
		c.change(c0)
		got, err := c0.Present(1)
		require.ErrorIs(t, err, c.present, name)
		if c.present == nil {
			require.NoError(t, err)
			require.Equal(t, info, got)
		}
		before := c0.work.from(-10)
		err = c0.Reopen(1)
		require.ErrorIs(t, err, c.reopen, name)
		if c.reopen == nil {
			require.NoError(t, err, name)
		}
		require.Equal(t, before+1, c0.work.from(-10), "it has a place in work")
		require.ErrorIs(t, c0.Reopen(1), c.reopen, "once more changes nothing")
		require.Equal(t, before+1, c0.work.from(-10))
		c0.End(1)
		require.Equal(t, before, c0.work.from(-10))
	}
	c := New(0, nil, 1)
	_, err := c.Present(9)
	require.ErrorIs(t, err, ErrForgotten)
	require.ErrorIs(t, c.Reopen(9), ErrForgotten)
}
