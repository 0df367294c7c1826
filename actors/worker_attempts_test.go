package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestWorkerIsShownWithItsLastAttempts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		detail := func(id messages.WorkerID) *messages.WorkerDetail {
			return w.ask(messages.QueryWorker{ID: id}).(*messages.WorkerDetail)
		}
		require.Nil(t, detail("w1"))
		h := w.startWorker("w1", 0)
		require.Empty(t, detail("w1").Attempts)
		w.drop("a.txt", 4)
		h.finish(messages.OutcomeFailed)
		m := h.finish(messages.OutcomeOK)
		h.work("a.txt")
		d := detail("w1")
		require.Equal(t, messages.WorkerFree, d.State)
		require.NotZero(t, d.Seen)
		require.Len(t, d.Attempts, 3)
		first, last := d.Attempts[2], d.Attempts[0]
		require.Equal(t, "failed", first.Result)
		require.Equal(t, "done", last.Result)
		require.Equal(t, 2, last.Number)
		require.Equal(t, "a.txt", last.Path)
		require.Equal(t, m.BatchID, d.Attempts[1].BatchID)
		require.Equal(t, 2, last.Items)
		require.True(t, last.Ended.After(first.Ended))
		require.WithinDuration(t, time.Now(), last.Ended, time.Minute)

		w.drain("w1")
		h.say(messages.Signal{Kind: messages.SignalBye, Protocol: 2})
		time.Sleep(time.Second)
		d = detail("w1")
		require.Equal(t, messages.WorkerGone, d.State, "it is drained, and can be resumed")
		require.Empty(t, d.Attempts, "it left, and so did its list")
	})
}
