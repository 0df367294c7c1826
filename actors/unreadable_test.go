package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

var errDisk = errors.New("input/output error")

func TestUnreadable(t *testing.T) {
	t.Parallel()
	u, now := unreadable{}, time.Unix(1e9, 0)
	require.False(t, u.note(1, "a.txt", fromCursor, nil, now))
	u.note(1, "a.txt", fromCursor, errDisk, now)
	n, _ := u.count(now)
	require.Zero(t, n, "it may just be touched")
	u.note(1, "a.txt", 700, errDisk, now.Add(2*time.Second))
	n, x := u.count(now.Add(unreadableAfter))
	require.Equal(t, 1, n)
	require.Equal(t, "a.txt", x.path)
	require.False(t, u.note(1, "a.txt", fromCursor, nil, now), "a range of it cannot be read still")
	require.Equal(t, unreadableVerdict{park: []messages.FileID{1}}, u.judge(now.Add(parkAfter)))
	require.Equal(t, unreadableVerdict{}, u.judge(now.Add(parkAfter)), "once")
	require.True(t, u.note(1, "a.txt", 700, nil, now))
	require.Empty(t, u)

	u.note(2, "b.txt", 700, errDisk, now)
	require.Equal(t, unreadableVerdict{over: []messages.FileID{2}}, u.judge(now.Add(unreadTryFor+1)), "nobody tries it any more")

	u.note(3, "c.txt", fromCursor, errDisk, now)
	u.note(4, "d.txt", fromCursor, messages.ErrConfig, now)
	var end unreadableVerdict
	for later := now; later.Before(now.Add(unreadableFor + time.Minute)); later = later.Add(time.Minute) {
		u.note(3, "c.txt", fromCursor, errDisk, later)
		u.note(4, "d.txt", fromCursor, messages.ErrConfig, later)
		end = u.judge(later)
	}
	require.Equal(t, []messages.FileID{3}, end.failed, "a missing right is waited for")
	u.excuse(now.Add(unreadableFor + time.Minute))
	require.Empty(t, u.judge(now.Add(unreadableFor+2*time.Minute)).failed)
}

func TestUnreadableParksABoundedNumber(t *testing.T) {
	t.Parallel()
	u, now := unreadable{}, time.Unix(1e9, 0)
	for id := range messages.FileID(2 * maxParked) {
		u.note(id, "x", fromCursor, errDisk, now)
	}
	require.Len(t, u.judge(now.Add(parkAfter)).park, maxParked)
	require.Empty(t, u.judge(now.Add(parkAfter)).park)
}

// TestUnreadableFilesGiveTheirPlacesAway: every file in work loses its right to be
// read. Another one is taken, and they go on when they can be read again.
func TestUnreadableFilesGiveTheirPlacesAway(t *testing.T) {
	inWorld(t, func(w *world) {
		var paths []string
		for i := range maxInWork {
			paths = append(paths, fmt.Sprintf("f%02d.txt", i))
			w.drop(paths[i], 200)
		}
		w.files.setBad(fmt.Errorf("%w: may not be read", messages.ErrConfig), paths...)
		w.ask(messages.SetBatchSize{Items: 10}) // plans all of them anew
		w.drop("good.txt", 4)
		require.Equal(t, messages.FileStatus{}, w.file("good.txt"), "all places are taken")
		time.Sleep(parkAfter + 3*scanEvery)
		h := w.hire("w1", 0)
		h.work("good.txt")
		p := w.overview().Problems
		require.Len(t, p, 1)
		require.Equal(t, messages.ProblemFile, p[0].Kind)
		require.Equal(t, maxInWork, p[0].Count)
		require.Contains(t, p[0].Text, `"f00.txt": `)
		time.Sleep(10 * time.Minute)
		w.files.setBad(nil, paths...)
		for _, path := range paths {
			h.work(path)
			require.Equal(t, messages.FileDone, w.file(path).State)
		}
		require.Empty(t, w.overview().Problems)
	})
}

// TestFileThatCannotBeReadIsFailed: a disk error is tried for an hour, in which the
// folder can be listed.
func TestFileThatCannotBeReadIsFailed(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.hire("w1", 0)
		w.drop("a.txt", 200)
		w.files.setBad(errDisk, "a.txt")
		w.ask(messages.SetBatchSize{Items: 10})
		time.Sleep(unreadableFor / 2)
		w.files.setGone(errors.New("share away"))
		time.Sleep(unreadableFor)
		w.files.setGone(nil)
		for len(h.read()) > 0 {
			h.finish(messages.OutcomeOK)
		}
		time.Sleep(unreadableFor - time.Minute)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		time.Sleep(2 * time.Minute)
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, errDisk.Error())
		require.True(t, f.HasEnded())
		require.Empty(t, w.overview().Problems)
	})
}

// TestRangeThatCannotBeReadAgain: the whole file was cut, and a chunk of it has to be
// read again.
func TestRangeThatCannotBeReadAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.hire("w1", 0)
		w.drop("a.txt", 4)
		require.Len(t, h.read(), 2)
		w.files.setBad(errDisk, "a.txt")
		h.finish(messages.OutcomeFailed)
		h.finish(messages.OutcomeOK)
		time.Sleep(unreadableFor / 2)
		require.Equal(t, messages.ProblemFile, w.overview().Problems[0].Kind)
		time.Sleep(unreadableFor)
		require.Equal(t, messages.FileFailed, w.file("a.txt").State)
		require.EqualValues(t, 2, w.file("a.txt").DeadItems)
	})
}

// TestFileThatProgressesIsNotFailed: one chunk of a file cannot be read again for more
// than an hour, while the workers finish its other chunks.
func TestFileThatProgressesIsNotFailed(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.hire("w1", 0)
		const chunks = 17
		w.drop("a.txt", 2*chunks) // all of them are cut at once
		h.read()
		w.files.setBad(errDisk, "a.txt")
		h.finish(messages.OutcomeFailed)
		for range chunks - 1 {
			time.Sleep(unreadableFor / 10)
			require.Equal(t, messages.FileRunning, w.file("a.txt").State)
			h.finish(messages.OutcomeOK)
		}
		p, shown := w.problem(messages.ProblemFile)
		require.True(t, shown)
		require.Contains(t, p.Text, errDisk.Error())
		time.Sleep(unreadableFor - time.Minute)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		w.files.setBad(nil, "a.txt")
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.EqualValues(t, 2*chunks, w.file("a.txt").DoneItems)
	})
}

// TestIgnoredNamesAreAHint: a list of addresses that is named .csv would wait for ever.
func TestIgnoredNamesAreAHint(t *testing.T) {
	inWorld(t, func(w *world) {
		w.files.put("x.csv", "203.0.113.7\n", time.Now())
		memFolder{w.files}.Mkdir(t, "sub")
		time.Sleep(2 * scanEvery)
		p, _ := w.problem(messages.ProblemIgnoredFiles)
		require.Equal(t, 2, p.Count)
		require.Contains(t, p.Text, `["x.csv" "sub/"]`)
		w.files.remove("x.csv")
		w.files.remove("sub")
		time.Sleep(2 * scanEvery)
		_, shown := w.problem(messages.ProblemIgnoredFiles)
		require.False(t, shown)
	})
}
