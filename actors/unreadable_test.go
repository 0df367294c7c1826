package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

var errDisk = errors.New("input/output error")

// TestUnreadableFilesGiveTheirPlacesAway makes every file in work unreadable. Another one is
// taken, and they continue when they can be read again.
func TestUnreadableFilesGiveTheirPlacesAway(t *testing.T) {
	inWorld(t, func(w *world) {
		var paths []string
		const places = catalog.MaxInWork * catalog.SmallPerPlace // the files are small
		for i := range places {
			paths = append(paths, fmt.Sprintf("f%03d.txt", i))
			w.drop(paths[i], 200)
		}
		w.files.setBad(fmt.Errorf("%w: may not be read", messages.ErrConfig), paths...)
		w.ask(messages.SetBatchSize{Items: 10}) // plans all of them again
		w.drop("good.txt", 4)
		require.Zero(t, *w.file("good.txt").File, "all places are taken")
		time.Sleep(catalog.ParkAfter + 3*scanEvery)
		h := w.startWorker("w1", 0)
		h.work("good.txt")
		p := w.overview().Problems
		require.Len(t, p, 1)
		require.Equal(t, messages.ProblemFile, p[0].Kind)
		require.Equal(t, places, p[0].Count)
		require.Contains(t, p[0].Text, `"f000.txt": `)
		time.Sleep(10 * time.Minute)
		w.files.setBad(nil, paths...)
		for _, path := range paths {
			h.work(path)
			require.Equal(t, messages.FileDone, w.file(path).State)
		}
		require.Empty(t, w.overview().Problems)
	})
}

// TestFileThatCannotBeReadIsFailed has reads fail by a disk error for an hour in which the
// folder can be listed.
func TestFileThatCannotBeReadIsFailed(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 200)
		w.files.setBad(errDisk, "a.txt")
		w.ask(messages.SetBatchSize{Items: 10})
		time.Sleep(catalog.FailAfter / 2)
		w.files.setGone(errors.New("share away"))
		time.Sleep(catalog.FailAfter)
		w.files.setGone(nil)
		for len(h.read()) > 0 {
			h.finish(messages.OutcomeOK)
		}
		time.Sleep(catalog.FailAfter - time.Minute)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		time.Sleep(2 * time.Minute)
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, errDisk.Error())
		require.True(t, f.HasEnded())
		require.Equal(t, "a.txt", w.trouble(messages.ProblemFailedFile).Path)
		require.Len(t, w.overview().Problems, 1)
	})
}

// TestRangeThatCannotBeReadAgain has the whole file cut, and one chunk of it fail to be read
// again.
func TestRangeThatCannotBeReadAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 4)
		require.Len(t, h.read(), 2)
		w.files.setBad(errDisk, "a.txt")
		h.finish(messages.OutcomeFailed)
		h.finish(messages.OutcomeOK)
		time.Sleep(catalog.FailAfter / 2)
		require.Equal(t, messages.ProblemFile, w.overview().Problems[0].Kind)
		time.Sleep(catalog.FailAfter)
		require.Equal(t, messages.FileFailed, w.file("a.txt").State)
		require.EqualValues(t, 2, w.file("a.txt").DeadItems)
	})
}

// TestFileThatProgressesIsNotFailed has one chunk fail to be read again for more than an
// hour, while the workers finish the other chunks of the file.
func TestFileThatProgressesIsNotFailed(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		const chunks = 17
		w.drop("a.txt", 2*chunks) // all of them are cut at once
		h.read()
		w.files.setBad(errDisk, "a.txt")
		h.finish(messages.OutcomeFailed)
		for range chunks - 1 {
			time.Sleep(catalog.FailAfter / 10)
			require.Equal(t, messages.FileRunning, w.file("a.txt").State)
			h.finish(messages.OutcomeOK)
		}
		p, shown := w.problem(messages.ProblemFile)
		require.True(t, shown)
		require.Contains(t, p.Text, errDisk.Error())
		time.Sleep(catalog.FailAfter - time.Minute)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		w.files.setBad(nil, "a.txt")
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.EqualValues(t, 2*chunks, w.file("a.txt").DoneItems)
	})
}

// TestIgnoredNamesAreAHint has a file with another ending in the folder, which would wait for
// ever without a hint.
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
