package slots

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// classicBench plays one classic worker and its group against its slots.
type classicBench struct {
	t    *testing.T
	now  time.Time
	s    *Slots
	view Group
}

func newClassicBench(t *testing.T) *classicBench {
	b := &classicBench{t: t, now: time.Unix(1e9, 0), s: New(time.Minute, time.Minute, 0)}
	b.follow(Change{}, 1)
	b.view = Group{Stable: true, Settled: true, Lists: [][]int32{{0}, {1}}, Committed: []int64{10, 10}, Own: []int64{10, 10}}
	b.show()
	return b
}

// follow is what the supervisor knows of the worker and its partitions.
func (b *classicBench) follow(c Change, partitions ...int32) {
	b.s.Follow(messages.Worker{Kind: messages.Classic, Partitions: partitions}, c, b.now)
}

// announce lets the worker announce itself with the partition.
func (b *classicBench) announce(partition int32) { b.follow(Change{Announced: true}, partition) }

// show passes the state of the group on.
func (b *classicBench) show() { b.s.Group(b.view, b.now) }

// send sends a chunk to partition 1; its message is at the offset.
func (b *classicBench) send(id string, offset int64) *slot {
	x := b.s.sendTo(id, offset, b.now)
	x.partition = 1
	return x
}

func (b *classicBench) commit(offset int64) {
	b.view.Committed = []int64{10, offset}
	b.show()
}

func (b *classicBench) progress(id string, n, total int64) (first bool) {
	return len(b.s.Hear(messages.Signal{Kind: messages.SignalProgress, BatchID: id, Processing: n, Total: total}, b.now).Begun) > 0
}

func (b *classicBench) free() int { return b.s.Room().Free }

// pass lets time go by in small steps, as the actor judges, and returns what was
// concluded from the group on the way, probes apart.
func (b *classicBench) pass(d time.Duration) (acts []Act) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(judgeEvery)
		for _, a := range b.s.judgeGroup(b.now) {
			if a.Move != Probe {
				acts = append(acts, a)
			}
		}
	}
	return acts
}

func (b *classicBench) one(acts []Act, move Move) Act {
	b.t.Helper()
	require.Len(b.t, acts, 1)
	require.Equal(b.t, move, acts[0].Move)
	return acts[0]
}

func TestSkippedChunkIsSentAgain(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	require.Empty(t, b.pass(50*time.Second), "committed <= offset: it will be read")
	b.commit(11)
	require.Empty(t, b.pass(skippedFor))
	b.one(b.pass(judgeEvery), Resend)
	require.False(t, x.sent)
	for copies := 2; copies < maxCopies; copies++ {
		x.sent, x.offset = true, int64(10+copies)
		b.commit(int64(11 + copies))
		b.one(b.pass(skippedFor+time.Second), Resend)
	}
	x.sent, x.offset = true, 20
	b.commit(21)
	require.False(t, b.one(b.pass(skippedFor+time.Second), End).Started)
	require.Empty(t, b.s.list)
}

func TestChunkInProgressIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.pass(time.Second)
	require.True(t, b.progress("a", 1, 9))
	require.Empty(t, b.pass(30*time.Second))
	require.False(t, b.progress("a", 2, 9))
}

func TestCommittedWithoutFinalEndsTheAttempt(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(5) {
		b.pass(time.Second)
		b.progress("a", n+1, 9)
	}
	b.commit(11)
	require.Empty(t, b.pass(endedFor))
	require.True(t, b.one(b.pass(4*time.Second), End).Started)
	require.Empty(t, b.s.list)
}

func TestMastersOwnCommitIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(5) {
		b.pass(time.Second)
		b.progress("a", n+1, 9)
	}
	b.view.Own = []int64{10, 30}
	b.commit(30)
	require.Empty(t, b.pass(10*time.Second), "it may still be running in a worker that was put out of the group")
}

func TestPartitionOfAnotherWorkerMovesTheChunk(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.follow(Change{}, 0)
	b.one(b.pass(judgeEvery), Resend)
	require.Equal(t, int32(0), x.partition)
}

func TestChunkWaitsWhileTheGroupIsNotStable(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.view.Stable, b.view.Settled = false, false
	for range 300 {
		b.show()
		require.Empty(t, b.pass(time.Second))
		require.Empty(t, b.s.overdue(b.now), "the start deadline runs only while the group is Stable")
	}
	b.view.Stable, b.view.Settled = true, true
	b.show()
	b.pass(b.s.timeout)
	require.False(t, b.one(b.s.overdue(b.now), End).Started)
	require.Len(t, b.s.list, 1, "its message may still be read: the send stays open")
	require.Zero(t, b.free())
	b.commit(11)
	b.pass(judgeEvery)
	require.Empty(t, b.s.list, "now it will not")
}

func TestVanishedWorkerIsLost(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(5) {
		b.pass(500 * time.Millisecond)
		b.progress("a", n+1, 9)
	}
	b.view.Lists = [][]int32{{0}}
	b.show()
	require.Empty(t, b.pass(vanishedFor-judgeEvery))
	require.Equal(t, Lost, b.s.judgeGroup(b.now.Add(judgeEvery))[0].Move)
}

func TestOneSlowItemIsNoDeath(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(5) {
		b.pass(5 * time.Second)
		b.progress("a", n+1, 9)
	}
	b.view.Lists = [][]int32{{0}}
	b.show()
	require.Empty(t, b.pass(14*time.Second), "quiet is three times its longest gap")
	require.NotEmpty(t, b.pass(2*time.Second))
}

func TestNewRunsAgainWhatIsUncommitted(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.progress("a", 1, 9)
	b.announce(1)
	require.False(t, x.begun)
	b.now = b.now.Add(movedWait)
	require.Empty(t, b.s.giveMoved(b.now), "its partition is still the worker's: it runs again from the start")
	b.commit(11)
	b.announce(1)
	require.Empty(t, b.s.giveMoved(b.now), "its final message may be on its way")
	b.now = b.now.Add(movedWait)
	require.Equal(t, "a", b.one(b.s.giveMoved(b.now), End).BatchID, "Committed: it will not")
	b.send("b", 12)
	b.announce(0)
	b.now = b.now.Add(movedWait)
	require.Equal(t, "b", b.one(b.s.giveMoved(b.now), End).BatchID, "another worker has its partition")
}

func TestNewReopensCompletedSends(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.progress("a", 9, 9)
	b.s.At("a").Finish(true, b.now)
	require.Equal(t, 1, b.free())
	b.announce(1)
	require.Zero(t, b.free(), "it was not Committed: it will run again")
	b.progress("a", 3, 9)
	b.progress("a", 9, 9)
	require.Zero(t, b.s.foreign)
	b.s.At("a").Drop(b.now) // judged as a repeat
	require.Equal(t, 1, b.free())
}

func TestForeignWorkKeepsTheWorkerBusy(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.progress("of another master", 1, 9)
	require.Zero(t, b.free())
	b.progress("of another master", 9, 9)
	require.Equal(t, 1, b.free())
	b.progress("again", 1, 9)
	b.announce(1)
	require.Equal(t, 1, b.free(), "a new clears it")
}

func TestUnknownOffsetIsBelievedForAWhile(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", messages.UnknownOffset)
	require.Empty(t, b.pass(unknownWait-time.Second))
	require.False(t, b.one(b.pass(2*time.Second), End).Started)
}

func TestSilentOpenSendIsProbed(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	probes := 0
	for range 60 * 4 {
		b.now = b.now.Add(judgeEvery)
		for _, a := range b.s.judgeGroup(b.now) {
			if a.Move == Probe {
				probes++
			}
		}
	}
	require.InDelta(t, 12, probes, 1, "one in 5 s")
}

// A worker whose partitions another one announced has left, whatever it holds.
func TestRevokedWorkerThatIsQuietHasVanished(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(4) {
		b.progress("a", n+1, 9)
		b.pass(judgeEvery)
	}
	b.follow(Change{})
	require.Empty(t, b.pass(vanishedFor-2*judgeEvery))
	require.Equal(t, Lost, b.pass(3 * judgeEvery)[0].Move)
}

// One that leaves in its first items is missed as soon: no slow item costs it its
// member.
func TestWorkerThatLeavesEarlyHasVanished(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.progress("a", 1, 9)
	b.view.Lists = [][]int32{{0}}
	b.show()
	require.Empty(t, b.pass(vanishedFor-judgeEvery))
	require.Equal(t, Lost, b.pass(2 * judgeEvery)[0].Move)
}

// A lost worker that comes back to a partition which it has not committed runs its
// chunk again: it gets no other one meanwhile.
func TestLostWorkerRunsItsUncommittedChunkAgain(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.progress("a", 1, 9)
	b.follow(Change{Fresh: true}, 1)
	require.Equal(t, 1, b.free())
	b.announce(1)
	b.now = b.now.Add(movedWait)
	require.Empty(t, b.s.giveMoved(b.now), "nothing has to be given back")
	require.Zero(t, b.free())
	b.commit(11)
	b.pass(judgeEvery)
	require.Equal(t, 1, b.free())
}

// While the group is not Stable nobody begins a chunk, however long that lasts.
func TestStartDeadlineStandsStillWhileTheGroupRebalances(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.view.Stable, b.view.Settled = false, false
	b.show()
	b.now = b.now.Add(10 * time.Minute)
	_, due := b.s.deadline()
	require.False(t, due)
	b.view.Stable, b.view.Settled = true, true
	b.show()
	at, due := b.s.deadline()
	require.True(t, due)
	require.Equal(t, b.now.Add(time.Minute), at)
}

// The message of a chunk that was taken back keeps its slot while it may still be
// read. When its partition is made again it never will be.
func TestSlotOfAPartitionThatWasMadeAgainBecomesFree(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.commit(40)
	x := b.send("a", 45)
	x.gone = true
	b.pass(time.Minute)
	require.Len(t, b.s.list, 1, "it may be read still")
	b.send("b", 46)
	b.s.At("b").Finish(true, b.now) // which a worker that was restarted would read again
	b.s.Group(Group{Note: "the group cannot be read"}, b.now)
	b.commit(messages.UnknownOffset)
	b.commit(3)
	b.pass(unknownWait + time.Second)
	require.Empty(t, b.s.list)
	b.announce(1)
	require.Empty(t, b.s.list)
}

// A worker that ends whenever it runs a chunk reads it again after every start, and would
// do so for ever: after the second time it is lost, which takes it out of its group.
func TestWorkerThatAChunkKillsIsLost(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.progress("a", 1, 4)
	b.announce(1) // one restart says nothing: it does the chunk now
	require.Empty(t, b.pass(2*time.Second))
	for range 5 { // and neither does a rebalance before it has begun again
		b.announce(1)
	}
	require.Empty(t, b.pass(2*time.Second))
	b.progress("a", 1, 4)
	b.announce(1)
	acts := b.pass(time.Second)
	require.NotEmpty(t, acts)
	require.Equal(t, Lost, acts[0].Move)
	require.Equal(t, maxInterrupted, x.interrupted)
}

// The same without any progress takes longer to tell from rebalances.
func TestWorkerThatAFirstItemKillsIsLost(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for range 2 * maxUnread { // a group that is rebalanced again and again
		b.announce(1)
		require.Empty(t, b.pass(time.Second))
	}
	var acts []Act
	for end := b.now.Add(time.Minute); len(acts) == 0 && b.now.Before(end); {
		acts = b.pass(5 * time.Second)
		b.announce(1)
	}
	require.NotEmpty(t, acts)
	require.Equal(t, Lost, acts[0].Move)
}
