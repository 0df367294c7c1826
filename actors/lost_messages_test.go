package actors

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// cut drops the records of a topic from an offset on, in every partition.
func (b *memBus) cut(topic string, from int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at, log := range b.logs {
		if at.topic == topic && int64(len(log)) > from {
			b.logs[at] = log[:from]
		}
	}
}

// refuse makes the partition of the chunk topic fail, nil ends that.
func (b *memBus) refuse(partition int32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = func(r messages.Record) error {
		if r.Topic == "chunks" && r.Partition == partition {
			return err
		}
		return nil
	}
}

func (b *memBus) length(topic string, partition int32) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.logs[place{topic, partition}]))
}

// Chunks whose messages vanish before they were read do not keep the worker's slots:
// neither when the topic is made again nor when it loses its last records only.
func TestVanishedChunksFreeTheirSlots(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"all records": 0, "the last records": 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				h := w.startWorker("w1", 0)
				if before > 0 {
					w.drop("before.txt", 2*before)
					h.work("before.txt")
				}
				time.Sleep(4 * time.Second) // a heartbeat
				w.drop("a.txt", 8)
				require.Equal(t, h.next+2, w.bus.length("chunks", 0))
				w.bus.cut("chunks", h.next)
				began := time.Now()
				h.work("a.txt")
				require.Equal(t, messages.FileDone, w.file("a.txt").State)
				require.Less(t, time.Since(began), 40*time.Second)
			})
		})
	}
}

// A worker that reads another partition than the one its chunks were sent to, since
// the topic was made again, is given them again.
func TestChunksOfAFormerPartitionComeBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 3)
		w.drop("a.txt", 8)
		require.Equal(t, int64(2), w.bus.length("chunks", 3))
		w.bus.mu.Lock()
		h.partition, h.next = 1, 0
		w.bus.mu.Unlock()
		h.say(messages.Signal{Kind: messages.SignalAnnounce, Capacity: 1, Protocol: 2})
		began := time.Now()
		h.work("a.txt")
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.Less(t, time.Since(began), 40*time.Second)
	})
}

// A chunk that cannot be written to its worker's partition goes to another worker
// soon, costs nothing, and the worker is shown with the reason until its partition
// can be written again.
func TestUndeliveredChunksGoToAnotherWorker(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.bus.refuse(0, fmt.Errorf("no leader: %w", messages.ErrNotWritten))
		w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		h2 := w.startWorker("w2", 1)
		began := time.Now()
		h2.work("a.txt")
		require.Less(t, time.Since(began), 15*time.Second)
		require.Equal(t, messages.FileDone, w.file("a.txt").State)
		require.Contains(t, w.worker("w1").Note, "its partition 0 cannot be written")
		o := w.overview()
		require.Len(t, o.Problems, 1, "Kafka as a whole can be written")
		require.Equal(t, messages.ProblemUndeliverable, o.Problems[0].Kind)
		require.Contains(t, o.Problems[0].Text, "w1: its partition 0")

		w.bus.refuse(0, nil)
		time.Sleep(2 * time.Second)
		require.Empty(t, w.overview().Problems)
		require.Equal(t, messages.WorkerFree, w.worker("w1").State)
	})
}

// While nothing at all can be written, chunks are not handed from worker to worker.
func TestNothingMovesWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h1, h2 := w.startWorker("w1", 0), w.startWorker("w2", 1)
		w.bus.refuse(0, fmt.Errorf("away: %w", messages.ErrNotWritten))
		fail := w.bus.fail
		w.bus.mu.Lock()
		w.bus.fail = func(r messages.Record) error {
			r.Partition = 0
			return fail(r)
		}
		w.bus.mu.Unlock()
		w.drop("a.txt", 40)
		time.Sleep(time.Hour)
		n := 0
		for _, c := range w.memory.Snapshot().Chunks {
			require.Zero(t, c.Failures)
			require.LessOrEqual(t, c.Attempt, 2, "handed out again while nothing can be written")
			n++
		}
		require.NotZero(t, n)
		w.bus.refuse(0, nil)
		time.Sleep(time.Second)
		require.NotEmpty(t, h1.read(), "work goes on at once")
		require.NotEmpty(t, h2.read())
	})
}

// A worker that died while Kafka lost its records is still missed: ingress forgets
// the former end of a partition.
func TestSilenceIsJudgedAfterKafkaLostItsRecords(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		h := w.startWorker("w1", 0)
		w.drop("a.txt", 8)
		h.finish(messages.OutcomeOK)
		h.kill()
		w.bus.cut("signals", 0)
		w.bus.cut("connections", 0)
		time.Sleep(30 * time.Second)
		require.Equal(t, messages.WorkerLost, w.worker("w1").State)
	})
}

func TestIngressForgetsTheFormerEnd(t *testing.T) {
	t.Parallel()
	stageIngress(t, func(b *ingressBundle) {
		for i := range 5 {
			b.bus.say("s", progress("w", fmt.Sprint("a", i), 1, 3))
			got := expect[*signals](b.fleet)
			b.tell(b.pid, &acked{batch: got.batch, n: 1})
		}
		b.bus.cut("s", 0) // the topic is made again, and stays quiet
		time.Sleep(time.Second)
		b.tell(b.pid, &askCaughtUp{supervisor: b.owner.pid})
		time.Sleep(2 * fetchWait)
		expect[*caughtUp](b.fleet)
	})
}

var errNoLeader = errors.Join(errors.New("no leader"), messages.ErrNotWritten)

// What cannot be written for too long is answered as such, and what waits behind it.
func TestEgressGivesUpInTime(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		patient, hasty := b.send(1, 0, "patient"), b.send(1, 0, "hasty")
		hasty.giveUp = time.Now().Add(time.Second)
		b.tell(b.pid, patient, hasty)
		for range 10 {
			select {
			case b.bus.gate <- failing(messages.ErrNotWritten):
			case <-time.After(time.Second):
			}
		}
		got := expect[*sent](b.sender)
		require.Equal(t, "hasty", got.tag)
		require.ErrorIs(t, got.err, messages.ErrNotWritten)
		expectNone[*sent](b.sender)
		b.bus.gate <- ok
		require.Equal(t, "patient", expect[*sent](b.sender).tag)
	})
}

// A send that waits behind a request that timed out was surely not written, whatever
// became of that request.
func TestEgressGivesUpBehindATimeOut(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		first, second := b.send(1, 0, "first"), b.send(1, 0, "second")
		second.giveUp = time.Now().Add(time.Second)
		b.tell(b.pid, first, second)
		time.Sleep(produceTimeout + time.Second)
		got := expect[*sent](b.sender)
		require.ErrorIs(t, got.err, messages.ErrMaybeWritten)
		got = expect[*sent](b.sender)
		require.Equal(t, "second", got.tag)
		require.ErrorIs(t, got.err, messages.ErrNotWritten)
	})
}

// The leader of a partition moves while a send to it fails: the trouble is over when
// the send succeeds at the new leader.
func TestEgressTroubleEndsWhenItsSendsMoved(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"))
		b.bus.gate <- failing(messages.ErrNotWritten)
		require.Error(t, expect[*busState](b.owner).err)
		b.bus.move(func(int32) int32 { return 9 })
		b.bus.gate <- ok
		require.NoError(t, expect[*sent](b.sender).err)
		require.NoError(t, expect[*busState](b.owner).err)
	})
}

// A trouble ends as well when nothing is left to be sent.
func TestEgressTroubleEndsWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		b.tell(b.pid, b.send(1, 0, "a"))
		b.bus.gate <- failing(messages.ErrNotWritten)
		require.Error(t, expect[*busState](b.owner).err)
		b.tell(b.pid, &useTerm{term: messages.Term{Number: 2}})
		require.NoError(t, expect[*busState](b.owner).err)
	})
}

// A probe that cannot be written is no trouble of its own, and hides none.
func TestEgressQuietSends(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		probe := b.send(1, 0, "probe")
		probe.quiet = true
		b.tell(b.pid, probe)
		b.bus.gate <- failing(messages.ErrNotWritten)
		expectNone[*busState](b.owner)
		b.tell(b.pid, b.send(1, 0, "chunk"))
		b.bus.gate <- failing(errNoLeader)
		require.Error(t, expect[*busState](b.owner).err)
		b.bus.gate <- ok
		require.NoError(t, expect[*busState](b.owner).err)
		expect[*sent](b.sender)
		expect[*sent](b.sender)
	})
}

// A chunk of a term that ended does not go out under the lease of a later one.
func TestEgressDropsAnOldTermUnderANewLease(t *testing.T) {
	t.Parallel()
	stageEgress(t, func(b *egressBundle) {
		trust := func(term uint64) *trustTerm {
			return &trustTerm{term: messages.Term{Number: term}, until: time.Now().Add(time.Second)}
		}
		b.tell(b.pid, &useTerm{term: messages.Term{Number: 5}}, trust(5))
		b.tell(b.pid, &trustTerm{term: messages.Term{Number: 5}, until: time.Now().Add(-1)}) // its lease ends
		b.tell(b.pid, b.send(5, 0, "of term 5"))
		time.Sleep(time.Minute) // another master leads as term 6 and dies
		b.tell(b.pid, trust(7))
		time.Sleep(time.Second)
		require.Empty(t, b.bus.sizes())
	})
}
