package actors

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
)

// unknownMessages returns the kinds of messages that actors of the system did not know.
func (s *System) unknownMessages() (kinds []string) {
	s.sys.Extensions.Get(unknownID).(*unknownMessages).logged.Range(func(kind, _ any) bool {
		kinds = append(kinds, kind.(string))
		return true
	})
	slices.Sort(kinds)
	return kinds
}

// clear forgets the unknown messages of a test that sends some.
func (u *unknownMessages) clear() { u.logged.Clear() }

// pids returns all actors of the world.
func (w *world) pids() (out []*actor.PID) {
	pids := w.sys.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		for _, key := range pids[i].Keys() {
			if strings.HasPrefix(key, "master") {
				out = append(out, actor.NewPID(w.sys.sys.Address(), key))
			}
		}
	}
	return out
}

// TestUnknownMessagesAreLogged sends every kind of actor a message that none knows.
func TestUnknownMessagesAreLogged(t *testing.T) {
	type strange struct{}
	inWorld(t, func(w *world) {
		w.stop()
		var out bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&out, nil))
		w.start()
		h := w.startWorker("w1", 0)
		w.startWorker("w2", 1)
		w.drop("a.txt", 1000)
		require.Empty(t, w.sys.unknownMessages())
		for range 3 {
			for _, pid := range w.pids() {
				w.sys.sys.Root.Send(pid, &strange{})
			}
		}
		synctest.Wait()
		kinds := w.sys.unknownMessages()
		require.Len(t, kinds, 16, "one for each kind of actor")
		var lines []string
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "message=*actors.strange") {
				lines = append(lines, line)
			}
		}
		require.Len(t, lines, len(kinds), "one line for each, however often it comes")
		h.work("a.txt")
		w.sys.sys.Extensions.Get(unknownID).(*unknownMessages).clear()
	})
}
