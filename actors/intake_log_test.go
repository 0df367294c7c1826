package actors

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Of many files that end together a few have a line each, and one line has the number of the
// others. A file that failed has a line of its own.
func TestManyFilesThatEndAreSummedUp(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		var out bytes.Buffer
		persistence, view := s.probe("persistence"), s.probe("view")
		pid, _ := s.spawn("intake", func() actor.Actor {
			return newIntake(intakeDeps{log: slog.New(slog.NewTextHandler(&out, nil)), persistence: persistence.pid, view: view.pid}, messages.Snapshot{})
		})
		for id := range messages.FileID(maxFileLines + 200) {
			s.tell(pid, &fileEnded{file: messages.File{ID: id, State: messages.FileDone, Items: 3, DoneItems: 3}})
		}
		s.tell(pid, &fileEnded{file: messages.File{ID: 9999, State: messages.FileFailed}})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, maxFileLines+1, strings.Count(out.String(), "duration_s="))
		require.Contains(t, out.String(), "taken=0 ended=200 items=600")
		time.Sleep(time.Second)
		s.tell(pid, &fileEnded{file: messages.File{ID: 10000, State: messages.FileDone}})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, maxFileLines+2, strings.Count(out.String(), "duration_s="), "the next second begins from the start")
		require.Equal(t, 1, strings.Count(out.String(), "taken="))
	})
}
