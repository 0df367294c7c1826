package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// countedFiles is a folder in memory whose listings are counted.
type countedFiles struct {
	memFiles
	listings, changes atomic.Int64
}

// List implements Files.
func (f *countedFiles) List(ctx context.Context) ([]messages.FileInfo, error) {
	f.listings.Add(1)
	return f.memFiles.List(ctx)
}

// Stamp implements Stamped.
func (f *countedFiles) Stamp(context.Context) (time.Time, error) {
	return time.Unix(f.changes.Load(), 0), nil
}

// A folder with many files that are all done is listed seldom. A file that comes is seen as
// soon as ever, and one that is rewritten in place within the rest.
func TestManyFilesThatRestAreListedSeldom(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		const count, rest = 5000, 10 * time.Second
		files, snap := &countedFiles{}, messages.Snapshot{}
		for n := range count {
			path := fmt.Sprintf("%04d.txt", n)
			files.put(path, "x\n", time.Unix(1, 0))
			snap.Files = append(snap.Files, &messages.File{
				ID: messages.FileID(n + 1), Info: messages.FileInfo{Path: path, Size: 2, ModTime: time.Unix(1, 0)},
				Generation: 1, State: messages.FileDone, Ended: time.Unix(2, 0),
			})
		}
		dispatcher, persistence, view := s.probe("dispatcher"), s.probe("persistence"), s.probe("view")
		pid, _ := s.spawn("intake", func() actor.Actor {
			return newIntake(intakeDeps{cfg: Config{Settle: time.Second}, files: files, log: s.log, persistence: persistence.pid, view: view.pid}, snap)
		})
		s.tell(pid, &planFor{dispatcher: dispatcher.pid})
		time.Sleep(2*scanEvery + time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 3, files.listings.Load(), "until the time of the folder is old enough")
		time.Sleep(3 * rest)
		synctest.Wait()
		require.InDelta(t, 6, files.listings.Load(), 1)

		listings := files.listings.Load()
		files.put("new.txt", "y\n", time.Now())
		files.changes.Add(1)
		time.Sleep(scanEvery)
		synctest.Wait()
		require.Greater(t, files.listings.Load(), listings)
		time.Sleep(2 * scanEvery)
		f := expect[*adopt](dispatcher).file
		require.Equal(t, "new.txt", f.Info.Path)
		f.Ended = time.Now()
		s.tell(pid, &fileEnded{file: f})
		time.Sleep(time.Minute)

		files.put("0007.txt", "z\n", time.Now())
		time.Sleep(rest + 3*scanEvery)
		require.Equal(t, "0007.txt", expect[*adopt](dispatcher).file.Info.Path)
	})
}
