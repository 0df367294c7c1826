package actors

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
	s    slots
	view groupView
}

func newClassicBench(t *testing.T) *classicBench {
	b := &classicBench{t: t, now: time.Unix(1e9, 0)}
	b.s = slots{kind: messages.Classic, capacity: 1, timeout: time.Minute}
	b.s.classic.mine = []int32{1}
	b.view = groupView{stable: true, settled: true, lists: [][]int32{{0}, {1}}, committed: []int64{10, 10}, own: []int64{10, 10}}
	b.s.group(b.view, b.now)
	return b
}

// send sends a chunk; its message is at the offset.
func (b *classicBench) send(id string, offset int64) *slot {
	x := b.s.add(assignment{batchID: id}, b.now)
	x.partition, x.sent, x.offset = 1, true, offset
	return x
}

func (b *classicBench) commit(offset int64) {
	b.view.committed = []int64{10, offset}
	b.s.group(b.view, b.now)
}

func (b *classicBench) progress(id string, n, total int64) bool {
	return b.s.classicProgress(progress("c", id, n, total), b.now)
}

// pass lets time go by in small steps, as the actor looks, and returns what was
// concluded on the way, probes apart.
func (b *classicBench) pass(d time.Duration) (acts []slotAct) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(peekEvery)
		for _, a := range b.s.look(b.now) {
			if a.move != moveProbe {
				acts = append(acts, a)
			}
		}
	}
	return acts
}

func (b *classicBench) one(acts []slotAct, move slotMove) slotAct {
	b.t.Helper()
	require.Len(b.t, acts, 1)
	require.Equal(b.t, move, acts[0].move)
	return acts[0]
}

func TestSkippedChunkIsSentAgain(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	require.Empty(t, b.pass(50*time.Second), "committed <= offset: it will be read")
	b.commit(11)
	require.Empty(t, b.pass(skippedFor))
	b.one(b.pass(peekEvery), moveResend)
	require.False(t, x.sent)
	for copies := 2; copies < maxCopies; copies++ {
		x.sent, x.offset = true, int64(10+copies)
		b.commit(int64(11 + copies))
		b.one(b.pass(skippedFor+time.Second), moveResend)
	}
	x.sent, x.offset = true, 20
	b.commit(21)
	require.Equal(t, endUnstarted, b.one(b.pass(skippedFor+time.Second), moveEnd).how)
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
	require.Equal(t, endSilent, b.one(b.pass(4*time.Second), moveEnd).how)
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
	b.view.own = []int64{10, 30}
	b.commit(30)
	require.Empty(t, b.pass(10*time.Second), "it may still be running in a worker that was put out of the group")
}

func TestPartitionOfAnotherWorkerMovesTheChunk(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.s.classic.mine = []int32{0}
	b.one(b.pass(peekEvery), moveResend)
	require.Equal(t, int32(0), x.partition)
}

func TestChunkWaitsWhileTheGroupIsNotStable(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.view.stable, b.view.settled = false, false
	for range 300 {
		b.s.group(b.view, b.now)
		require.Empty(t, b.pass(time.Second))
		_, over := b.s.overdue(b.now)
		require.False(t, over, "the start deadline runs only while the group is Stable")
	}
	b.view.stable, b.view.settled = true, true
	b.s.group(b.view, b.now)
	b.pass(b.s.timeout)
	e, over := b.s.overdue(b.now)
	require.True(t, over)
	require.Equal(t, endUnstarted, e.how)
	require.Len(t, b.s.list, 1, "its message may still be read: the send stays open")
	free, _ := b.s.room()
	require.Zero(t, free)
	b.commit(11)
	b.pass(peekEvery)
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
	b.view.lists = [][]int32{{0}}
	b.s.group(b.view, b.now)
	require.Empty(t, b.pass(vanishedFor-peekEvery))
	require.Equal(t, moveLost, b.s.look(b.now.Add(peekEvery))[0].move)
}

func TestOneSlowItemIsNoDeath(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(5) {
		b.pass(5 * time.Second)
		b.progress("a", n+1, 9)
	}
	b.view.lists = [][]int32{{0}}
	b.s.group(b.view, b.now)
	require.Empty(t, b.pass(14*time.Second), "quiet is three times its longest gap")
	require.NotEmpty(t, b.pass(2*time.Second))
}

func TestNewRunsAgainWhatIsUncommitted(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.progress("a", 1, 9)
	require.Empty(t, b.s.reannounce([]int32{1}, b.now), "its partition is still the worker's: it runs again from the start")
	require.False(t, x.begun)
	require.Len(t, b.s.reannounce([]int32{0}, b.now), 1)
	b.commit(11)
	require.Len(t, b.s.reannounce([]int32{1}, b.now), 1, "committed: it will not")
}

func TestNewReopensCompletedSends(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	x := b.send("a", 10)
	b.progress("a", 9, 9)
	b.s.finish(x, b.now)
	free, _ := b.s.room()
	require.Equal(t, 1, free)
	b.s.reannounce([]int32{1}, b.now)
	free, _ = b.s.room()
	require.Zero(t, free, "it was not committed: it will run again")
	b.progress("a", 3, 9)
	b.progress("a", 9, 9)
	require.Zero(t, b.s.foreign)
	b.s.remove(b.s.find("a"), b.now) // judged as a repeat
	free, _ = b.s.room()
	require.Equal(t, 1, free)
}

func TestForeignWorkKeepsTheWorkerBusy(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.progress("of another master", 1, 9)
	free, _ := b.s.room()
	require.Zero(t, free)
	b.progress("of another master", 9, 9)
	free, _ = b.s.room()
	require.Equal(t, 1, free)
	b.progress("again", 1, 9)
	b.s.reannounce([]int32{1}, b.now)
	free, _ = b.s.room()
	require.Equal(t, 1, free, "a new clears it")
}

func TestUnknownOffsetIsBelievedForAWhile(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", messages.UnknownOffset)
	require.Empty(t, b.pass(unknownWait-time.Second))
	require.Equal(t, endUnstarted, b.one(b.pass(2*time.Second), moveEnd).how)
}

func TestSilentOpenSendIsProbed(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	probes := 0
	for range 60 * 4 {
		b.now = b.now.Add(peekEvery)
		for _, a := range b.s.look(b.now) {
			if a.move == moveProbe {
				probes++
			}
		}
	}
	require.InDelta(t, 12, probes, 1, "one in 5 s")
}

// A worker whose partitions another one announced has left, whatever it holds.
func TestDisownedWorkerThatIsQuietHasVanished(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	for n := range int64(4) {
		b.progress("a", n+1, 9)
		b.pass(peekEvery)
	}
	b.s.classic.mine = nil
	require.Empty(t, b.pass(vanishedFor-2*peekEvery))
	require.Equal(t, moveLost, b.pass(3 * peekEvery)[0].move)
}

// One that leaves in its first items is missed as soon: no slow item costs it its
// member.
func TestWorkerThatLeavesEarlyHasVanished(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.progress("a", 1, 9)
	b.view.lists = [][]int32{{0}}
	b.s.group(b.view, b.now)
	require.Empty(t, b.pass(vanishedFor-peekEvery))
	require.Equal(t, moveLost, b.pass(2 * peekEvery)[0].move)
}

// A lost worker that comes back to a partition which it has not committed runs its
// chunk again: it gets no other one meanwhile.
func TestLostWorkerRunsItsUncommittedChunkAgain(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.progress("a", 1, 9)
	b.s.forget()
	free, _ := b.s.room()
	require.Equal(t, 1, free)
	require.Empty(t, b.s.reannounce([]int32{1}, b.now), "nothing has to be given back")
	free, _ = b.s.room()
	require.Zero(t, free)
	b.commit(11)
	b.pass(peekEvery)
	free, _ = b.s.room()
	require.Equal(t, 1, free)
}

// While the group is not Stable nobody begins a chunk, however long that lasts.
func TestStartDeadlineStandsStillWhileTheGroupRebalances(t *testing.T) {
	t.Parallel()
	b := newClassicBench(t)
	b.send("a", 10)
	b.view.stable, b.view.settled = false, false
	b.s.group(b.view, b.now)
	b.now = b.now.Add(10 * time.Minute)
	_, due := b.s.due()
	require.False(t, due)
	b.view.stable, b.view.settled = true, true
	b.s.group(b.view, b.now)
	at, due := b.s.due()
	require.True(t, due)
	require.Equal(t, b.now.Add(time.Minute), at)
}

func TestTwins(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	tw := newDuplicateIDs()
	owners := map[int32]messages.WorkerID{0: "w", 1: "w", 2: "x"}
	tw.announced("w", []int32{0}, []int32{1})
	both := groupView{stable: true, lists: [][]int32{{0}, {1}, {2}}}
	lists := map[messages.WorkerID][]int32{"w": {1}}
	require.True(t, tw.look(both, lists, owners, now))
	require.Empty(t, tw.found(now.Add(duplicateAfter-1)))
	require.Equal(t, []messages.WorkerID{"w"}, tw.found(now.Add(duplicateAfter)))

	owners[0] = "x" // another worker announced it: an ordinary rebalance
	require.False(t, tw.look(both, lists, owners, now))
	require.Empty(t, tw.found(now.Add(duplicateAfter)))

	owners[0] = "w"
	require.False(t, tw.look(groupView{stable: true, lists: [][]int32{{1}, {2}}}, lists, owners, now), "one of them is gone")
	require.False(t, tw.look(both, lists, owners, now), "and forgotten")
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
	b.s.finish(b.send("b", 46), b.now) // which a worker that was restarted would read again
	b.s.group(groupView{note: "the group cannot be looked at"}, b.now)
	b.commit(messages.UnknownOffset)
	b.commit(3)
	b.pass(unknownWait + time.Second)
	require.Empty(t, b.s.list)
	b.s.reannounce([]int32{1}, b.now)
	require.Empty(t, b.s.list)
}
