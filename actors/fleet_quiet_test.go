package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// settle lets workers announce themselves and say that they live, so that the fleet watches them.
func (b *fleetBundle) settle(ids ...string) {
	for _, of := range []func(id string) messages.Signal{
		func(id string) messages.Signal { return announce(id, 3, 1) },
		func(id string) messages.Signal { return beatOf(id, 1, 5) },
	} {
		var list []messages.Signal
		for _, id := range ids {
			list = append(list, of(id))
		}
		b.hear(list...)
	}
	b.input.clear()
	b.dispatcher.clear()
}

// The heartbeats of quiet workers are acknowledged together.
func TestHeartbeatsOfQuietWorkersAreAcknowledgedTogether(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.settle("u", "v", "w")
		b.hear(beatOf("u", 1, 5), beatOf("v", 1, 5), beatOf("w", 1, 5))
		require.Equal(t, &acked{batch: 1, n: 3, quiet: true}, expect[*acked](b.input))
		expectNone[*acked](b.input)
		b.hear(beatOf("u", 1, 6), beatOf("v", 1, 5)) // u has read something
		for range 2 {
			require.Equal(t, &acked{batch: 1, n: 1}, expect[*acked](b.input))
		}
		expectNone[*acked](b.input)
	})
}

// A quiet worker is judged by its silence at the same times as any other.
func TestSilenceOfAQuietWorkerIsJudged(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.settle("w", "other")
		for range 3 {
			time.Sleep(3 * time.Second)
			b.hear(beatOf("w", 1, 5), beatOf("other", 1, 5))
		}
		time.Sleep(3 * time.Second)
		b.hear(beatOf("other", 1, 5))
		time.Sleep(slots.SuspectAfter - 3*time.Second - time.Millisecond)
		expectNone[*askCaughtUp](b.input)
		expectNone[*withdraw](b.dispatcher)
		time.Sleep(2 * time.Millisecond)
		expect[*askCaughtUp](b.input)
		expect[*withdraw](b.dispatcher)
		require.Equal(t, messages.WorkerSuspect, b.status("w").State)
		b.hear(beatOf("other", 1, 5))
		expectNone[*workerLost](b.dispatcher)
		time.Sleep(slots.LostAfter - slots.SuspectAfter)
		require.Equal(t, messages.WorkerID("w"), expect[*workerLost](b.dispatcher).worker)
		require.Equal(t, messages.WorkerLost, b.status("w").State)
		require.Equal(t, messages.WorkerFree, b.status("other").State)
	})
}

// A worker that is given a chunk is not quiet any more: its heartbeats are compared with what it
// was sent, and its silence is judged from the last one that the fleet noted.
func TestQuietWorkerThatIsGivenAChunk(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.hear(announce("w", 3, 1))
		o := expect[*offer](b.dispatcher)
		for range 3 {
			b.hear(beatOf("w", 1, 5))
			time.Sleep(3 * time.Second)
		}
		expectNone[*attend](b.input)
		a := b.give(o, 0)
		expect[*attend](b.input)
		b.tell(o.pid, &sent{tag: a.BatchID, offset: 5})
		time.Sleep(slots.SuspectAfter - 3*time.Second - time.Millisecond)
		expectNone[*askCaughtUp](b.input)
		time.Sleep(2 * time.Millisecond)
		expect[*askCaughtUp](b.input)
		b.hear(beatOf("w", 1, 6))
		expectNone[*giveBack](b.dispatcher)
		b.hear(beatOf("w", 1, 6))
		require.Equal(t, a.BatchID, expect[*giveBack](b.dispatcher).batchID)
		require.Equal(t, messages.WorkerFree, b.status("w").State)
	})
}

// Whatever else a quiet worker says has its usual effect.
func TestQuietWorkerThatSaysMore(t *testing.T) {
	t.Parallel()
	beat := func(change func(s *messages.Signal)) messages.Signal {
		s := beatOf("w", 1, 5)
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		says messages.Signal
		then messages.WorkerState
	}{
		"note":                                  {beat(func(s *messages.Signal) { s.Note = "disk full" }), messages.WorkerAnnounced},
		"draining":                              {beat(func(s *messages.Signal) { s.Kind = messages.SignalDraining }), messages.WorkerDraining},
		"bye":                                   {beat(func(s *messages.Signal) { s.Kind = messages.SignalBye }), messages.WorkerGone},
		"a chunk that this master did not send": {beat(func(s *messages.Signal) { s.Running = []string{"x"} }), messages.WorkerBusy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageFleet(t, nil, nil, func(b *fleetBundle) {
				b.settle("w")
				b.hear(beatOf("w", 1, 5), tc.says)
				require.Equal(t, tc.then, b.status("w").State)
				b.forgive()
			})
		})
	}
}

func TestQuietWorkerThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.settle("w")
		b.hear(beatOf("w", 1, 5), beatOf("w", 2, 5), beatOf("w", 1, 5), beatOf("w", 2, 5))
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
		expectNone[*workerLost](b.dispatcher)
		for range 4 { // only the former process still speaks
			time.Sleep(3 * time.Second)
			b.hear(beatOf("w", 1, 5))
		}
		require.Equal(t, messages.WorkerFree, b.status("w").State, "any process may take the place of a lost one")
		require.Equal(t, ledger.EndLost, expect[*workerLost](b.dispatcher).how)
	})
}

// Silence means nothing while no messages can be read.
func TestSilenceOfAQuietWorkerIsExcused(t *testing.T) {
	t.Parallel()
	stageFleet(t, nil, nil, func(b *fleetBundle) {
		b.settle("w")
		time.Sleep(5 * time.Second)
		b.tell(b.fleet, &readsResumed{})
		time.Sleep(slots.SuspectAfter - time.Millisecond)
		expectNone[*askCaughtUp](b.input)
		time.Sleep(2 * time.Millisecond)
		expect[*askCaughtUp](b.input)
	})
}
