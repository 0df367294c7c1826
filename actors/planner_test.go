package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// brokenFiles fails after some bytes, a given number of times.
type brokenFiles struct {
	memFiles
	failures int
	after    int
	err      error
}

func (b *brokenFiles) Stream(ctx context.Context, f messages.FileInfo, off, length int64, feed func([]byte) error) error {
	if b.failures == 0 {
		return b.memFiles.Stream(ctx, f, off, length, feed)
	}
	b.failures--
	if err := b.memFiles.Stream(ctx, f, off, min(length, int64(b.after)), feed); err != nil {
		return err
	}
	return b.err
}

type plannerBundle struct {
	*stage
	files      *brokenFiles
	file       messages.File
	pid        *actor.PID
	dispatcher *probe
}

func stagePlanner(t *testing.T, lines int, f func(b *plannerBundle)) {
	onStage(t, func(s *stage) {
		b := &plannerBundle{stage: s, files: &brokenFiles{}, dispatcher: s.probe("dispatcher")}
		var text strings.Builder
		for i := range lines {
			fmt.Fprintf(&text, "line-%d\n", i)
		}
		b.files.put("a.txt", text.String(), time.Now())
		list, err := b.files.List(t.Context())
		require.NoError(t, err)
		b.file = messages.File{ID: 1, Info: list[0], Cursor: messages.Cursor{Line: 1}}
		b.pid, _ = s.spawn("planner", func() actor.Actor { return newPlanner(b.files, s.log, b.file, b.dispatcher.pid) })
		f(b)
	})
}

func (b *plannerBundle) expectChunks(from, to int) {
	b.t.Helper()
	for i := from; i < to; {
		for _, c := range expect[*planned](b.dispatcher).cuts {
			require.Equal(b.t, i, c.ID.Index)
			i++
		}
	}
	expectNone[*planned](b.dispatcher)
}

func TestPlannerCutsWhileItHoldsCredit(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 10, func(b *plannerBundle) {
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 2, upTo: 2})
		b.expectChunks(0, 2)
		b.tell(b.pid, &grant{epoch: 1, upTo: 3}, &grant{epoch: 1, upTo: 4}, &grant{epoch: 9, upTo: 99})
		b.expectChunks(2, 4)
		expectNone[*planEnd](b.dispatcher)
		b.tell(b.pid, &grant{epoch: 1, upTo: 50})
		b.expectChunks(4, 5)
		require.NoError(t, expect[*planEnd](b.dispatcher).err)
	})
}

func TestPlannerContinuesAfterAReadError(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 10, func(b *plannerBundle) {
		b.files.failures, b.files.after, b.files.err = 3, 20, errors.New("share away")
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 1, upTo: 50})
		time.Sleep(time.Minute)
		b.expectChunks(0, 10)
		require.NoError(t, expect[*planEnd](b.dispatcher).err)
	})
}

func TestPlannerReportsThatTheFileChanged(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 10, func(b *plannerBundle) {
		b.files.put("a.txt", "other", time.Now())
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 1, upTo: 50})
		require.ErrorIs(t, expect[*planEnd](b.dispatcher).err, messages.ErrFileChanged)
	})
}

// Chunks that are cut one after another without any waiting are sent together.
func TestPlannerSendsChunksTogether(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 2*plannedAtOnce+3, func(b *plannerBundle) {
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 1, upTo: 2})
		require.Len(t, expect[*planned](b.dispatcher).cuts, 2)
		b.tell(b.pid, &grant{epoch: 1, upTo: 50})
		require.Len(t, expect[*planned](b.dispatcher).cuts, plannedAtOnce)
		require.Len(t, expect[*planned](b.dispatcher).cuts, plannedAtOnce)
		require.Len(t, expect[*planned](b.dispatcher).cuts, 1)
		expect[*planEnd](b.dispatcher)
	})
}

func TestPlannerBeginsAgainUnderAnotherEpoch(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 10, func(b *plannerBundle) {
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 2, upTo: 1})
		at := expect[*planned](b.dispatcher).cuts[0]
		b.tell(b.pid, &planFrom{epoch: 2, at: messages.Cursor{Offset: at.End(), Index: 1, Line: 3}, batch: 4, upTo: 50})
		first := expect[*planned](b.dispatcher)
		require.Equal(t, uint64(2), first.epoch)
		require.Equal(t, 4, first.cuts[0].Items)
		require.Equal(t, int64(3), first.cuts[0].FirstLine)
	})
}

func TestPlannerEndsItsGoroutineWhenStopped(t *testing.T) {
	t.Parallel()
	stagePlanner(t, 10, func(b *plannerBundle) {
		b.tell(b.pid, &planFrom{epoch: 1, at: b.file.Cursor, batch: 2, upTo: 0}) // the bubble fails if the goroutine does not end
	})
}

// TestPanicBesideAPlanner makes the cutting goroutine panic. The process continues, the
// planner fails, and after some tries the file is failed; other files are not affected.
func TestPanicBesideAPlanner(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 400)
		require.Equal(t, messages.FileRunning, w.file("a.txt").State)
		w.files.setBug("a.txt")
		w.ask(messages.SetBatchSize{Items: 3}) // plans it again
		time.Sleep(time.Second)
		w.drop("b.txt", 4)
		h.work("b.txt")
		h.work("a.txt")
		f := w.file("a.txt")
		require.Equal(t, messages.FileFailed, f.State)
		require.Contains(t, f.Reason, "planner failed")
		require.Equal(t, messages.FileDone, w.file("b.txt").State)
		require.Equal(t, uint64(1), w.overview().Term, "the term continues")
	})
}

// TestPanicBesideAnActor makes work panic that an actor does beside its mailbox.
func TestPanicBesideAnActor(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		pid, parent := s.spawn("busy", func() actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*rescan); ok {
					run(ctx, func() any { panic("bug") })
				}
			})
		})
		s.tell(pid, &rescan{})
		require.True(t, expect[*actor.Terminated](parent).Who.Equal(pid))
	})
}
