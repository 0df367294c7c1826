package slots

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestProcessOf(t *testing.T) {
	t.Parallel()
	inc := func(start int64) messages.Incarnation { return messages.Incarnation{StartMS: start, Random: "r"} }
	native := messages.Worker{ID: "w", Kind: messages.Native, Incarnation: inc(10)}
	classic := messages.Worker{ID: "w", Kind: messages.Classic}
	for _, c := range []struct {
		known messages.Worker
		state messages.WorkerState
		kind  messages.SignalKind
		inc   messages.Incarnation
		want  Process
	}{
		{native, messages.WorkerAnnounced, messages.SignalProgress, inc(10), Current},
		{native, messages.WorkerAnnounced, messages.SignalBye, inc(10), Current},
		{native, messages.WorkerAnnounced, messages.SignalAnnounce, inc(11), Current},
		{native, messages.WorkerAnnounced, messages.SignalHeartbeat, inc(11), Current},
		{native, messages.WorkerAnnounced, messages.SignalProgress, inc(11), Stranger},
		{native, messages.WorkerAnnounced, messages.SignalBye, inc(11), Stranger},
		{native, messages.WorkerAnnounced, messages.SignalDraining, inc(11), Stranger},
		{native, messages.WorkerAnnounced, messages.SignalProgress, inc(9), Former},
		{native, messages.WorkerAnnounced, messages.SignalBye, inc(9), Former},
		{native, messages.WorkerAnnounced, messages.SignalHeartbeat, inc(9), Former},
		{native, messages.WorkerAnnounced, messages.SignalProgress, inc0, Stranger},
		{native, messages.WorkerAnnounced, messages.SignalBye, inc0, Stranger},
		{native, messages.WorkerAnnounced, messages.SignalDone, inc0, Stranger},
		{native, messages.WorkerSuspect, messages.SignalAnnounce, inc0, Stranger},
		{native, messages.WorkerLost, messages.SignalAnnounce, inc0, Current},
		{native, messages.WorkerLost, messages.SignalHeartbeat, inc(9), Current},
		{native, messages.WorkerLost, messages.SignalProgress, inc(9), Former},
		{native, messages.WorkerLost, messages.SignalProgress, inc0, Stranger},
		{native, messages.WorkerLost, messages.SignalProgress, inc(10), Current},
		{classic, messages.WorkerAnnounced, messages.SignalProgress, inc0, Current},
		{classic, messages.WorkerAnnounced, messages.SignalHeartbeat, inc(1), Current},
	} {
		x := messages.Signal{Kind: c.kind, Worker: "w", Incarnation: c.inc}
		require.Equal(t, c.want, ProcessOf(c.known, c.state, x), "%s %s %s of %q", c.known.Kind, c.state, c.kind, c.inc)
	}
}

var inc0 messages.Incarnation
