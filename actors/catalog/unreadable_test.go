package catalog

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

var errDisk = errors.New("input/output error")

func TestUnreadable(t *testing.T) {
	t.Parallel()
	u, now := NewUnreadable(), time.Unix(1e9, 0)
	require.False(t, u.Tried(1, "a.txt", FromCursor, nil, now))
	u.Tried(1, "a.txt", FromCursor, errDisk, now)
	n, _, _ := u.Count(now)
	require.Zero(t, n, "it may just be touched")
	u.Tried(1, "a.txt", 700, errDisk, now.Add(2*time.Second))
	n, path, err := u.Count(now.Add(unreadableAfter))
	require.Equal(t, 1, n)
	require.Equal(t, "a.txt", path)
	require.ErrorIs(t, err, errDisk)
	require.False(t, u.Tried(1, "a.txt", FromCursor, nil, now), "a range of it still cannot be read")
	require.Equal(t, Judgement{Park: []UnreadableFile{{ID: 1, Path: "a.txt", Err: errDisk}}}, u.Judge(now.Add(ParkAfter)))
	require.Equal(t, Judgement{}, u.Judge(now.Add(ParkAfter)), "once")
	require.True(t, u.Tried(1, "a.txt", 700, nil, now))
	require.Empty(t, u.files)

	u.Tried(2, "b.txt", 700, errDisk, now)
	require.Equal(t, Judgement{Over: []messages.FileID{2}}, u.Judge(now.Add(triedFor+1)), "it is not tried any more")

	u.Tried(3, "c.txt", FromCursor, errDisk, now)
	u.Tried(4, "d.txt", FromCursor, messages.ErrConfig, now)
	var end Judgement
	for later := now; later.Before(now.Add(FailAfter + time.Minute)); later = later.Add(time.Minute) {
		u.Tried(3, "c.txt", FromCursor, errDisk, later)
		u.Tried(4, "d.txt", FromCursor, messages.ErrConfig, later)
		end = u.Judge(later)
	}
	require.Len(t, end.Failed, 1, "a missing right is waited for")
	require.EqualValues(t, 3, end.Failed[0].ID)
	require.Contains(t, end.Failed[0].Reason, errDisk.Error())
	u.Restart(now.Add(FailAfter + time.Minute))
	require.Empty(t, u.Judge(now.Add(FailAfter+2*time.Minute)).Failed)
}

func TestUnreadableFileThatProgresses(t *testing.T) {
	t.Parallel()
	u, now := NewUnreadable(), time.Unix(1e9, 0)
	judge := func(f messages.File) Judgement {
		now = now.Add(time.Minute)
		u.Tried(1, "a.txt", 700, errDisk, now)
		u.Progressed(f, now)
		return u.Judge(now)
	}
	f := messages.File{ID: 1, Cursor: messages.Cursor{Index: 5}}
	for range 2 * int64(FailAfter/time.Minute) {
		f.DoneChunks++
		require.Equal(t, Judgement{}, judge(f), "a chunk of it is done every minute")
	}
	require.Len(t, judge(f).Park, 1)
	now = now.Add(FailAfter - 2*time.Minute)
	require.Len(t, judge(f).Failed, 1)
	require.True(t, u.Forget(1))
	require.False(t, u.Forget(1))
}

func TestUnreadableParksABoundedNumber(t *testing.T) {
	t.Parallel()
	u, now := NewUnreadable(), time.Unix(1e9, 0)
	for id := range messages.FileID(2 * maxParked) {
		u.Tried(id, "x", FromCursor, errDisk, now)
	}
	require.Len(t, u.Judge(now.Add(ParkAfter)).Park, maxParked)
	require.Empty(t, u.Judge(now.Add(ParkAfter)).Park)
}

// Retries of dead chunks and of failed items are progress, too, although the first lower what
// has ended and the others settle no chunk.
func TestUnreadableFileWhoseRetriesProgress(t *testing.T) {
	t.Parallel()
	for name, retry := range map[string]func(f *messages.File, round int64){
		"failed items":       func(f *messages.File, _ int64) { f.FailedItems, f.DoneItems = f.FailedItems-1, f.DoneItems+1 },
		"failed items begin": func(f *messages.File, _ int64) { f.FailedItems-- },
		"a dead chunk, begun and done": func(f *messages.File, round int64) {
			if round%2 == 0 {
				f.DeadChunks, f.DeadItems = f.DeadChunks-1, f.DeadItems-2
			} else {
				f.DoneChunks, f.DoneItems = f.DoneChunks+1, f.DoneItems+2
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, now := NewUnreadable(), time.Unix(1e9, 0)
			f := messages.File{ID: 1, Cursor: messages.Cursor{Index: 500}, DeadChunks: 200, DeadItems: 400, DoneChunks: 300, DoneItems: 600, FailedItems: 300}
			for round := range 2 * int64(FailAfter/time.Minute) {
				now = now.Add(time.Minute)
				u.Tried(1, "a.txt", 700, errDisk, now)
				retry(&f, round)
				u.Progressed(f, now)
				require.Equal(t, Judgement{}, u.Judge(now))
			}
		})
	}
}
