package actors

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// The table of open chunks is evicted while no master runs, and the workers die with it.
func TestLostChunkRecordIsNotDone(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		require.Len(t, h.read(), 2)
		h.kill()
		w.stop()
		term, err := w.memory.Acquire(t.Context(), messages.Claim{Holder: "x"}, time.Second)
		require.NoError(t, err)
		snap := w.memory.Snapshot()
		b := messages.Batch{Number: snap.Number + 1, ID: "x"}
		for _, c := range snap.Chunks {
			b.DropChunks = append(b.DropChunks, c.ID)
		}
		require.Len(t, b.DropChunks, 2)
		require.NoError(t, w.memory.Commit(t.Context(), term.Term, b))
		require.NoError(t, w.memory.Release(t.Context(), term.Term))
		var log bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.start()
		h2 := w.startWorker("w2", 1)
		time.Sleep(20 * time.Second)
		require.Empty(t, h2.read(), "nothing more of the file is handed out")
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.True(t, f.HasEnded())
		require.EqualValues(t, 4, f.Missing())
		require.Equal(t, messages.ProblemStateLost, w.overview().Problems[0].Kind)
		w.files.remove("a.txt")
		time.Sleep(catalog.EmptyFor + 2*scanEvery)
		require.Empty(t, w.overview().Problems, "the file left the folder")
		w.drop("a.txt", 8)
		h2.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State, "it is done again as a whole")
		w.stop()
		require.Contains(t, log.String(), "level=ERROR msg=\"the state of a file is incomplete")
		w.start()
	})
}

// Two names have one name on the wire. After a restart that still belongs to the file that
// was first.
func TestRefusedFileDoesNotTakeTheName(t *testing.T) {
	inWorld(t, func(w *world) {
		require.Equal(t, messages.Base("My list.txt"), messages.Base("My_list-b59d1226.txt"))
		h := w.startWorker("w1", 0)
		w.drop("My list.txt", 20)
		require.Len(t, h.read(), 2)
		w.drop("My_list-b59d1226.txt", 4)
		require.Equal(t, messages.FileFailed, w.file("My_list-b59d1226.txt").State)
		h.finish(messages.OutcomeOK)
		w.stop()
		w.start()
		time.Sleep(5 * time.Second)
		h.work("My list.txt")
		require.Equal(t, messages.FileDone, w.file("My list.txt").State)
	})
}
