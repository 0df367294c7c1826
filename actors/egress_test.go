package actors

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// gatedBus is a Producer whose requests wait for the test.
type gatedBus struct {
	mu       sync.Mutex
	requests [][]messages.Record
	gate     chan func(messages.Record) messages.Produced
	leaders  func(p int32) int32
}

func newGatedBus() *gatedBus {
	return &gatedBus{gate: make(chan func(messages.Record) messages.Produced), leaders: func(p int32) int32 { return p % 2 }}
}

func (g *gatedBus) Leader(_ string, p int32) int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leaders(p)
}

// move changes who leads.
func (g *gatedBus) move(leaders func(p int32) int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaders = leaders
}

func (g *gatedBus) Produce(ctx context.Context, records []messages.Record) []messages.Produced {
	g.mu.Lock()
	g.requests = append(g.requests, records)
	g.mu.Unlock()
	out := make([]messages.Produced, len(records))
	select {
	case answer := <-g.gate:
		for i, r := range records {
			out[i] = answer(r)
		}
	case <-ctx.Done():
		for i := range out {
			out[i] = messages.Produced{Offset: messages.UnknownOffset, Err: messages.ErrMaybeWritten}
		}
	}
	return out
}

func (g *gatedBus) sizes() (out []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.requests {
		out = append(out, len(r))
	}
	return out
}

func ok(messages.Record) messages.Produced { return messages.Produced{Offset: 7} }

func failing(err error) func(messages.Record) messages.Produced {
	return func(messages.Record) messages.Produced {
		return messages.Produced{Offset: messages.UnknownOffset, Err: fmt.Errorf("produce: %w", err)}
	}
}

type egressBundle struct {
	*stage
	bus           *gatedBus
	pid           *actor.PID
	owner, sender *probe
}

func stageEgress(t *testing.T, f func(b *egressBundle)) {
	onStage(t, func(s *stage) {
		b := &egressBundle{stage: s, bus: newGatedBus(), owner: s.probe("owner"), sender: s.probe("sender")}
		b.pid, _ = s.spawn("egress", func() actor.Actor { return newEgress(b.bus, s.log, b.owner.pid, b.owner.pid) })
		b.tell(b.pid, &trustTerm{until: time.Now().Add(time.Hour)})
		f(b)
	})
}

func (b *egressBundle) send(term uint64, partition int32, tag string) *send {
	return &send{term: messages.Term{Number: term}, reply: b.sender.pid, tag: tag, record: messages.Record{Topic: "t", Partition: partition, Value: []byte(tag)}}
}

func TestEgressGathersWhileARequestIsInFlight(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"), b.send(1, 2, "b"), b.send(1, 4, "c"), b.send(1, 1, "other leader"))
		require.ElementsMatch(t, []int{1, 1}, b.bus.sizes(), "one request in flight per leader")
		b.bus.gate <- ok
		b.bus.gate <- ok
		synctest.Wait()
		require.Equal(t, 2, b.bus.sizes()[2], "what became ready meanwhile goes together")
		b.bus.gate <- ok
		for range 4 {
			require.NoError(t, expect[*sent](b.sender).err)
		}
	})
}

// TestEgressRequestSize shows how many of the chunks that wait go into a request: half a MiB of
// them, or up to one MiB while they are few.
func TestEgressRequestSize(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{8 << 10: 64, 40 << 10: 16, 100 << 10: 10, 2 << 20: 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			stageEgress(t, func(b *egressBundle) {
				b.tell(b.pid, b.send(1, 0, "in flight"))
				for range 100 {
					m := b.send(1, 0, "")
					m.record.Value = make([]byte, size)
					b.tell(b.pid, m)
				}
				b.bus.gate <- ok
				synctest.Wait()
				require.Equal(t, want, b.bus.sizes()[1])
			})
		})
	}
}

func TestEgressTriesAgainWhatWasNotWritten(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"))
		b.bus.gate <- failing(messages.ErrNotWritten)
		synctest.Wait()
		expectNone[*sent](b.sender)
		require.Error(t, expect[*busState](b.owner).err)
		b.bus.gate <- ok // after the pause
		require.Equal(t, int64(7), expect[*sent](b.sender).offset)
		require.NoError(t, expect[*busState](b.owner).err)
	})
}

// The memory of a message is used again once its record is surely written, and at no other
// time: a request that failed may still be reading it.
func TestEgressFreesTheMemoryOfWhatIsWritten(t *testing.T) {
	t.Parallel()
	const tag = "a"
	for name, c := range map[string]struct {
		answers []func(messages.Record) messages.Produced
		freed   bool
	}{
		"written":               {[]func(messages.Record) messages.Produced{ok}, true},
		"maybe written":         {[]func(messages.Record) messages.Produced{failing(messages.ErrMaybeWritten)}, false},
		"refused":               {[]func(messages.Record) messages.Produced{failing(messages.ErrRefused)}, false},
		"written the next time": {[]func(messages.Record) messages.Produced{failing(messages.ErrNotWritten), ok}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageEgress(t, func(b *egressBundle) {
				m := b.send(1, 0, tag)
				value := bytes.Repeat([]byte("v"), minBuffer)
				m.record.Value = value
				b.tell(b.pid, m)
				for _, answer := range c.answers {
					require.Equal(t, bytes.Repeat([]byte("v"), minBuffer), value, "it is still needed")
					b.bus.gate <- answer
					synctest.Wait()
				}
				expect[*sent](b.sender)
				require.Equal(t, c.freed, !bytes.Equal(bytes.Repeat([]byte("v"), minBuffer), value))
			})
		})
	}
}

func TestEgressDoesNotRepeatWhatMayBeWritten(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"maybe": messages.ErrMaybeWritten, "refused": messages.ErrRefused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stageEgress(t, func(b *egressBundle) {
				b.tell(b.pid, b.send(1, 0, "a"))
				b.bus.gate <- failing(err)
				got := expect[*sent](b.sender)
				require.ErrorIs(t, got.err, err)
				require.Equal(t, messages.UnknownOffset, got.offset)
				time.Sleep(time.Minute)
				require.Len(t, b.bus.sizes(), 1)
			})
		})
	}
}

func TestEgressTimesOutAsMaybeWritten(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"))
		time.Sleep(produceTimeout + time.Second)
		require.ErrorIs(t, expect[*sent](b.sender).err, messages.ErrMaybeWritten)
	})
}

func TestEgressRefusesLowerTerms(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "in flight"), b.send(1, 0, "waiting"), &useTerm{term: messages.Term{Number: 2}}, b.send(1, 0, "late"))
		b.bus.gate <- ok
		require.Equal(t, "in flight", expect[*sent](b.sender).tag)
		expectNone[*sent](b.sender)
		require.Len(t, b.bus.sizes(), 1)
	})
}

func TestEgressFlushedWaitsForWhatIsInFlight(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"))
		b.root.RequestWithCustomSender(b.pid, &flushed{}, b.sender.pid)
		expectNone[*flushed](b.sender)
		b.bus.gate <- ok
		expect[*flushed](b.sender)
	})
}

func TestEgressUnknownLeaderWaitsAlone(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.bus.move(func(int32) int32 { return messages.NoLeader })
		b.tell(b.pid, b.send(1, 0, "a"), b.send(1, 1, "b"), b.send(1, 2, "c"))
		for range 3 {
			b.bus.gate <- ok
			synctest.Wait()
		}
		require.Equal(t, []int{1, 1, 1}, b.bus.sizes())
	})
}

// Nothing is sent once the lease may have ended: another master may lead.
func TestEgressSendsNothingWithoutTrustInItsLease(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, &trustTerm{until: time.Now().Add(time.Second)})
		time.Sleep(2 * time.Second)
		b.tell(b.pid, b.send(1, 0, "late"))
		time.Sleep(time.Second)
		require.Empty(t, b.bus.sizes())
		b.tell(b.pid, &trustTerm{until: time.Now().Add(time.Hour)})
		b.bus.gate <- ok
		require.NoError(t, expect[*sent](b.sender).err)
	})
}
