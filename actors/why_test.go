package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Files and workers that do not run say why.
func TestFilesAndWorkersSayWhyTheyDoNotRun(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.drop("a.txt", 8)
		require.Equal(t, messages.Why{Reason: messages.WhyNoWorker, Text: "there is no worker"}, w.file("a.txt").Why)
		h := w.startWorker("w1", 0)
		require.Len(t, h.read(), 2)
		h.beat()
		time.Sleep(time.Second)
		require.Equal(t, messages.Why{}, w.file("a.txt").Why)
		require.Equal(t, messages.Why{}, w.worker("w1").Why)
		held := w.worker("w1").Held
		require.Len(t, held, 2)
		require.False(t, held[0].Began.IsZero())
		h.finish(messages.OutcomeOK)
		h.kill()
		time.Sleep(12 * time.Second)
		require.Equal(t, messages.WhySilent, w.worker("w1").Why.Reason)
		require.Equal(t, messages.WhyNoWorker, w.file("a.txt").Why.Reason, "a lost worker is none")
		x := w.startWorker("w2", 1)
		x.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Note: "no disk"})
		time.Sleep(time.Second)
		require.Equal(t, messages.WhyUnfit, w.worker("w2").Why.Reason)
		for len(x.read()) > 0 {
			x.finish(messages.OutcomeRetry)
		}
		time.Sleep(500 * time.Millisecond)
		x.say(messages.Signal{Kind: messages.SignalHeartbeat, Capacity: 1, Protocol: 2, Note: "no disk"})
		time.Sleep(time.Second)
		require.Equal(t, messages.WhyUnfit, w.file("a.txt").Why.Reason)
		require.Contains(t, w.file("a.txt").Why.Text, "none of 1 worker takes chunks, such as w2: reports that it cannot work: no disk")
		x.work("a.txt")
		time.Sleep(time.Second)
		require.Equal(t, messages.Why{Reason: messages.WhyNoWork, Text: "nothing is ready for it"}, w.worker("w2").Why)
	})
}
