package actors

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

type ingressBundle struct {
	*stage
	bus                       *memBus
	pid                       *actor.PID
	fleet, persistence, owner *probe
}

func stageIngress(t *testing.T, f func(b *ingressBundle), from ...messages.Position) {
	onStage(t, func(s *stage) {
		b := &ingressBundle{stage: s, bus: newMemBus(), fleet: s.probe("fleet"), persistence: s.probe("persistence"), owner: s.probe("owner")}
		_, err := b.bus.Ensure(t.Context(), []messages.TopicSpec{{Name: "s", Partitions: 1}})
		require.NoError(t, err)
		if len(from) == 0 {
			from = []messages.Position{{Topic: "s"}}
		}
		b.pid, _ = s.spawn("ingress", func() actor.Actor {
			return newIngress(ingressDeps{bus: b.bus, log: s.log, group: "km", persistence: b.persistence.pid, owner: b.owner.pid}, from)
		})
		s.tell(b.pid, &readFor{fleet: b.fleet.pid})
		f(b)
	})
}

func progress(worker, batch string, processing, total int64) messages.Signal {
	return messages.Signal{Kind: messages.SignalProgress, Worker: messages.WorkerID(worker), BatchID: batch, Processing: processing, Total: total}
}

func TestIngressStoresTheLowWaterMark(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		b.bus.say("s", progress("w", "a", 1, 3))
		first := expect[*signals](b.fleet)
		b.bus.say("s", progress("w", "a", 2, 3))
		second := expect[*signals](b.fleet)
		b.tell(b.pid, &acked{batch: second.batch, n: 1})
		expectNone[*mark](b.persistence)
		b.tell(b.pid, &acked{batch: first.batch, n: 1})
		m := expect[*mark](b.persistence)
		require.Equal(t, int64(2), m.at[len(m.at)-1].Offset)
		time.Sleep(2 * showEvery)
		require.Equal(t, int64(2), b.bus.keptAt("km")[place{"s", 0}], "lag tools see it")
	})
}

func TestIngressCoalescesProgress(t *testing.T) {
	t.Parallel()
	list := coalesce([]messages.Signal{
		progress("w", "a", 1, 9), progress("v", "a", 1, 9), progress("w", "a", 2, 9), progress("w", "b", 1, 9),
		progress("w", "a", 1, 9),                           // falls: a repeated run
		progress("w", "a", 9, 9), progress("w", "a", 9, 9), // finals are kept
		{Kind: messages.SignalAnnounce, Worker: "v"}, progress("v", "a", 2, 9), // not across a status
	})
	require.Equal(t, []messages.Signal{
		progress("w", "a", 2, 9), progress("v", "a", 1, 9), progress("w", "b", 1, 9), progress("w", "a", 1, 9),
		progress("w", "a", 9, 9), progress("w", "a", 9, 9), {Kind: messages.SignalAnnounce, Worker: "v"}, progress("v", "a", 2, 9),
	}, list)
}

func TestIngressSkipsGarbageAndStoresItsOffset(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		b.bus.Produce(t.Context(), []messages.Record{{Topic: "s", Value: []byte("{")}})
		require.Equal(t, uint64(1), expect[*ignoredSignals](b.owner).total)
		require.Equal(t, int64(1), expect[*mark](b.persistence).at[0].Offset)
	})
}

// unreadableBus holds one batch that cannot be decoded, at the offsets 0 to 2.
type unreadableBus struct{ *memBus }

func (b unreadableBus) Fetch(ctx context.Context, from []messages.Position, wait time.Duration) ([]messages.Fetched, error) {
	if from[0].Offset > 2 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	at := messages.Position{Topic: "s", Offset: 3}
	return []messages.Fetched{{Position: at, End: 3, Skipped: 1, Reason: errors.New("batch at 0: too large")}}, nil
}

// A batch that cannot be read is reported, and met only once: the stored offset moves
// past it, also when it brought no message.
func TestIngressStoresTheOffsetBehindAnUnreadableBatch(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		persistence, owner, fleet := s.probe("persistence"), s.probe("owner"), s.probe("fleet")
		pid, _ := s.spawn("ingress", func() actor.Actor {
			return newIngress(ingressDeps{bus: unreadableBus{newMemBus()}, log: s.log, persistence: persistence.pid, owner: owner.pid},
				[]messages.Position{{Topic: "s"}})
		})
		s.tell(pid, &readFor{fleet: fleet.pid})
		p := expect[*childProblem](owner).problem
		require.Equal(t, messages.ProblemBadMessages, p.Kind)
		require.Equal(t, 1, p.Count)
		require.Contains(t, p.Text, "s/0")
		require.Equal(t, []messages.Position{{Topic: "s", Offset: 3}}, expect[*mark](persistence).at)
	})
}

func TestIngressClampsAnOffsetBeyondTheEnd(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		time.Sleep(time.Second)
		b.bus.say("s", progress("w", "a", 1, 3))
		require.Len(t, expect[*signals](b.fleet).list, 1)
	}, messages.Position{Topic: "s", Offset: 99})
}

// What was written into a partition that lost its records is read from its start:
// the results among it were never read.
func TestIngressGoesBackWhenRecordsWereLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ next, start, end, to int64 }{
		"all of them":       {263, 0, 7, 0},
		"the last ones":     {5_000_100, 0, 5_000_000, 5_000_000 - maxRewind},
		"dropped unread":    {5, 40, 90, 40},
		"what is there now": {50, 40, 90, 50},
	} {
		at := place{"s", 0}
		i := newIngress(ingressDeps{log: slog.New(slog.DiscardHandler)}, []messages.Position{{Topic: "s", Offset: c.next}}).(*ingress)
		i.clamp(&bounds{topic: "s", start: []int64{c.start}, end: []int64{c.end}})
		require.Equal(t, c.to, i.at[at].next, name)
	}
}

func TestIngressAnswersOnlyAfterEverythingWasRead(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		b.bus.mu.Lock()
		b.bus.down = messages.ErrNotWritten
		b.bus.mu.Unlock()
		time.Sleep(time.Second)
		b.tell(b.pid, &askCaughtUp{supervisor: b.owner.pid})
		time.Sleep(10 * time.Second)
		expectNone[*caughtUp](b.fleet)
		b.bus.mu.Lock()
		b.bus.down = nil
		b.bus.mu.Unlock()
		time.Sleep(5 * time.Second)
		expect[*caughtUp](b.fleet)
	})
}

func TestIngressDrainWaitsForAcknowledgements(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		b.bus.say("s", progress("w", "a", 1, 3))
		got := expect[*signals](b.fleet)
		b.root.RequestWithCustomSender(b.pid, &drain{}, b.owner.pid)
		expectNone[*drain](b.owner)
		b.tell(b.pid, &acked{batch: got.batch, n: 1})
		expect[*drain](b.owner)
		expect[*mark](b.persistence)
	})
}
