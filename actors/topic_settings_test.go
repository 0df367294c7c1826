package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// A topic that was set up for compaction is a problem with its cure, until it is
// corrected.
func TestCompactedTopicIsAProblem(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		policy := func(p string) {
			w.bus.mu.Lock()
			defer w.bus.mu.Unlock()
			w.bus.policies = map[string]string{w.cfg.SignalTopic: p, w.cfg.HeartbeatTopic: "compact"}
		}
		count := func() (n int) {
			for _, p := range w.overview().Problems {
				if p.Kind == messages.ProblemTopic {
					require.Contains(t, p.Text, w.cfg.SignalTopic)
					n++
				}
			}
			return n
		}
		policy("compact")
		time.Sleep(2 * checkEvery)
		require.Equal(t, 1, count())
		policy("delete")
		time.Sleep(2 * checkEvery)
		require.Zero(t, count())
	})
}
