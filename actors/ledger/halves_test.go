package ledger

import (
	"math/bits"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// oneChunk is a file of one chunk whose items have one byte each.
func oneChunk(items int) (messages.File, messages.Chunk) {
	f := testFile(1, 0)
	f.Info.Size = int64(items)
	return f, messages.Chunk{ID: chunkNo(0), Length: int64(items), FirstLine: 1, Lines: int64(items), Items: items, Hash: 7}
}

// inTwo is what reading the range of a chunk again yields.
func inTwo(c messages.Chunk) [2]Cut {
	a, b := c, c
	a.ID, b.ID = c.ID.Halves()
	a.Items = (c.Items + 1) / 2
	a.Length, a.Lines = int64(a.Items), int64(a.Items)
	b.Items -= a.Items
	b.Length, b.Lines = int64(b.Items), int64(b.Items)
	b.Offset, b.FirstLine = a.End(), a.FirstLine+a.Lines
	a.Hash, b.Hash = c.Hash*3, c.Hash*3+1
	return [2]Cut{{Chunk: a}, {Chunk: b}}
}

// bisection is a ledger that halves, with a file of one chunk in work.
type bisection struct {
	*Ledger
	rules   Rules
	store   *stored
	now     time.Time
	workers []messages.WorkerID
}

func newBisection(t require.TestingT, items int, rules Rules, workers ...messages.WorkerID) *bisection {
	x := &bisection{rules: rules, store: newStored(), now: time.Unix(1e9, 0), workers: workers}
	x.Ledger = New(rules, messages.Snapshot{}, Sent{}, x.now)
	x.know(x.now, workers...)
	f, c := oneChunk(items)
	require.NoError(t, x.Files().Open(f, x.now))
	x.Files().Plan(Cut{Chunk: c, Text: []byte{}}, x.now)
	x.Files().PlanEnd(1, 0, x.now)
	return x
}

// sync stores what changed.
func (x *bisection) sync(t require.TestingT) {
	x.store.apply(x.Flush().Batch)
	require.Empty(t, x.files[1].imbalance())
	chunks := 0
	for id, e := range x.files[1].entries {
		require.Equal(t, e.Chunk, x.store.chunks[id].Chunk)
		chunks++
	}
	require.Len(t, x.store.chunks, chunks)
}

// restart begins another term with what is stored, and lets the workers be lost or go on.
func (x *bisection) restart(batchIDs ...string) {
	x.Ledger = New(x.rules, x.store.snapshot(), Sent{BatchIDs: batchIDs}, x.now)
	x.know(x.now, x.workers...)
}

// hand gives the next chunk to a worker.
func (x *bisection) hand(t require.TestingT, w messages.WorkerID) Assignment {
	x.now = x.now.Add(time.Minute) // no pause lasts as long
	a, ok := x.pick(w, false, x.now)
	require.True(t, ok)
	return a
}

// fail lets a worker fail the next chunk.
func (x *bisection) fail(t require.TestingT, w messages.WorkerID) Assignment {
	a := x.hand(t, w)
	x.Attempts().Judge(failure(w, a, "bad"), x.now)
	return a
}

func failure(w messages.WorkerID, a Assignment, reason string) Result {
	s := progress(w, a.BatchID, 0, int64(a.Chunk.Items))
	s.Outcome, s.Error = messages.OutcomeFailed, reason
	return Result{Signal: s}
}

// cut answers what waits for being cut, and returns how many halvings that were.
func (x *bisection) cut(t require.TestingT) (n int) {
	for _, h := range x.Halvings(x.now) {
		require.True(t, x.Halve(h.Chunk.ID, inTwo(h.Chunk), x.now))
		n++
	}
	return n
}

// Whatever makes items fail, they stand alone in the end, and everything else is done.
func TestHalvingLeavesTheBadItems(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.IntRange(1, 100).Draw(t, "items")
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, items-1), 0, min(items, 4), rapid.ID).Draw(t, "bad")
		workers := []messages.WorkerID{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "workers")]
		x := newBisection(t, items, Rules{MaxAttempts: rapid.IntRange(1, 5).Draw(t, "max attempts"), Bisect: true}, workers...)
		restarts := rapid.Bool().Draw(t, "restarts")
		failures := map[int]int{} // attempts that failed, by bad item
		for n := 0; !x.files[1].HasEnded(); n++ {
			require.Less(t, n, 10_000)
			x.now = x.now.Add(time.Minute)
			w := workers[n%len(workers)]
			if a, ok := x.pick(w, false, x.now); ok {
				x.play(t, a, bad, failures)
			}
			x.cutSome(t)
			x.sync(t)
			if restarts && rapid.IntRange(0, 19).Draw(t, "restart") == 0 {
				x.restart()
			}
		}
		f := x.files[1].File
		require.True(t, f.AddsUp())
		require.EqualValues(t, len(bad), f.DeadItems)
		for id, e := range x.files[1].entries {
			require.Equal(t, 1, e.Items, id)
			require.Contains(t, bad, int(e.Offset))
		}
		levels := bits.Len(uint(items - 1))
		for item, n := range failures {
			// Each chunk with the item may be handed out that often; see TestAttemptsOfOneKillerLine.
			require.LessOrEqual(t, n, (levels+1)*max(outerBound*x.rules.MaxAttempts, leastHandouts), "item %d of %d", item, items)
		}
	})
}

// play runs an attempt, which fails in one way or the other when it holds a bad item.
func (x *bisection) play(t *rapid.T, a Assignment, bad []int, failures map[int]int) {
	at := slices.IndexFunc(bad, func(i int) bool { return int64(i) >= a.Chunk.Offset && int64(i) < a.Chunk.End() })
	if at < 0 {
		n := int64(a.Chunk.Items)
		require.Equal(t, VerdictDone, x.verdict(progress(a.Worker, a.BatchID, n, n), x.now))
		return
	}
	failures[bad[at]]++
	how := rapid.IntRange(0, 4).Draw(t, "how it fails")
	if how < 3 {
		x.Attempts().Begin(a.Worker, a.BatchID, x.now)
	}
	switch how {
	case 0:
		require.Equal(t, VerdictFailed, x.Attempts().Judge(failure(a.Worker, a, "bad"), x.now).Verdict)
	case 1:
		require.True(t, x.Attempts().TakeBack(a.Worker, a.BatchID, EndSilent, "", x.now))
	case 4: // its worker is killed before it reports anything, and another one passes it over
		require.True(t, x.Attempts().TakeBack(a.Worker, a.BatchID, EndUnstarted, "", x.now))
	default: // its worker is killed, in case 3 before it reports anything
		require.Equal(t, 1, x.Workers().Lost(a.Worker, EndLost, "", x.now))
	}
}

// cutSome answers what waits for being cut; now and then the range cannot be read.
func (x *bisection) cutSome(t *rapid.T) {
	for _, h := range x.Halvings(x.now) {
		if rapid.IntRange(0, 3).Draw(t, "unreadable") == 0 {
			x.NotHalved(h.Chunk.ID, false, "away", x.now)
		} else {
			require.True(t, x.Halve(h.Chunk.ID, inTwo(h.Chunk), x.now))
		}
	}
}

func TestHalvingIsOneCommit(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 5, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.fail(t, "a")
	require.Empty(t, x.Halvings(x.now), "one failure says little")
	a := x.fail(t, "b")
	x.sync(t)
	require.Empty(t, x.Workers().Match(x.now))
	halvings := x.Halvings(x.now)
	require.Len(t, halvings, 1)
	require.Empty(t, x.Halvings(x.now), "it is being cut")
	halves := inTwo(a.Chunk)
	require.True(t, x.Halve(a.Chunk.ID, halves, x.now))
	batch := x.Flush().Batch
	require.Equal(t, []messages.ChunkID{a.Chunk.ID}, batch.DropChunks)
	require.Len(t, batch.Chunks, 2)
	for i, c := range batch.Chunks {
		require.Equal(t, halves[i].Chunk, c.Chunk)
		require.Equal(t, messages.ChunkReady, c.State)
		require.Zero(t, c.Failures+c.Attempt)
	}
	require.EqualValues(t, 1, batch.Files[len(batch.Files)-1].Halvings)
	require.False(t, x.Halve(a.Chunk.ID, halves, x.now), "it does not exist any more")
	require.Equal(t, "f1_chunk_0_s2", x.hand(t, "a").BatchID)
	require.Equal(t, "f1_chunk_0_s3", x.hand(t, "b").BatchID)
}

func TestWithoutBisectChunksDieAsAWhole(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 5, Rules{MaxAttempts: 3}, "a", "b")
	for _, w := range []messages.WorkerID{"a", "b", "a"} {
		x.fail(t, w)
	}
	require.EqualValues(t, 5, x.files[1].DeadItems)
	require.True(t, x.files[1].HasEnded())
}

func TestTwoWorkersHaveToFailAChunk(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 5, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.fail(t, "a")
	x.fail(t, "a")
	require.Empty(t, x.Halvings(x.now))
	x.fail(t, "b")
	require.Len(t, x.Halvings(x.now), 1)

	x = newBisection(t, 5, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.breaker.trial("b").until = x.now.Add(time.Hour)
	x.fail(t, "a")
	x.fail(t, "a")
	require.Len(t, x.Halvings(x.now), 1, "the other one is paused, so its failure would not count")

	alone := newBisection(t, 5, Rules{MaxAttempts: 3, Bisect: true}, "a")
	alone.fail(t, "a")
	alone.fail(t, "a")
	require.Len(t, alone.Halvings(alone.now), 1)
}

// What says nothing of the chunk does not halve it.
func TestEndingsThatHalveNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []Ending{EndRetry, EndReturned, EndUnfit, EndUnsent, EndRecalled} { // nor its hand-outs: there are few
		x := newBisection(t, 5, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
		for n := range 6 {
			w := []messages.WorkerID{"a", "b"}[n%2]
			a := x.hand(t, w)
			x.Attempts().TakeBack(w, a.BatchID, how, "", x.now)
		}
		require.Empty(t, x.Halvings(x.now), how)
	}
}

// A chunk that comes back again and again, whatever the reason, is halved before it is
// given up. A single item is given up.
func TestChunkThatComesBackTooOftenIsHalved(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 2, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	handouts := 0
	for ; !x.files[1].HasEnded(); handouts++ {
		a := x.hand(t, "a")
		x.Attempts().TakeBack("a", a.BatchID, EndUnstarted, "passed over", x.now)
		x.cut(t)
	}
	require.Equal(t, 3*leastHandouts, handouts, "by the same worker: another one might begin it")
	require.EqualValues(t, 1, x.files[1].Halvings)
	require.EqualValues(t, 2, x.files[1].DeadChunks)
}

// A half is recalled, and backed up, like any chunk.
func TestHalvesAreRecalledAndBackedUp(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 8, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.fail(t, "a")
	x.fail(t, "b")
	require.Equal(t, 1, x.cut(t))
	offer := func(w messages.WorkerID, epoch uint64, free, ahead int) []Assigned {
		x.Workers().Offer(Offer{Worker: w, Epoch: epoch, UpTo: free, Ahead: ahead, Depth: ahead - free, Recalls: true, Backup: true}, x.now)
		return x.Workers().Match(x.now)
	}
	held := offer("a", 1, 1, 2)
	require.Len(t, held, 2)
	x.Attempts().Begin("a", held[0].BatchID, x.now)
	x.now = x.now.Add(time.Minute)
	require.Empty(t, offer("b", 1, 1, 1))
	asked := x.Workers().Recall(x.now)
	require.Equal(t, []Recall{{Worker: "a", BatchIDs: []string{held[1].BatchID}}}, asked)
	back := progress("a", held[1].BatchID, 0, 4)
	back.Outcome, back.Error = messages.OutcomeRetry, messages.TextRecalled
	require.Equal(t, VerdictRecalled, x.verdict(back, x.now))
	moved := x.Workers().Match(x.now)
	require.Len(t, moved, 1)
	require.Equal(t, "f1_chunk_0_s3_a2", moved[0].BatchID)
	require.Equal(t, VerdictDone, x.verdict(progress("b", moved[0].BatchID, 4, 4), x.now))

	for range backupKnown {
		x.files[1].tempo.add(time.Millisecond)
	}
	require.Empty(t, offer("b", 2, 1, 1))
	second := x.Workers().Backup(x.now)
	require.Len(t, second, 1)
	require.Equal(t, "f1_chunk_0_s2_a2", second[0].BatchID)
	require.Equal(t, VerdictDone, x.verdict(progress("b", second[0].BatchID, 4, 4), x.now))
	require.Equal(t, VerdictRepeat, x.verdict(progress("a", held[0].BatchID, 4, 4), x.now))
	require.Zero(t, x.Report(x.now).Repeats, "it was to be expected")
	require.True(t, x.files[1].AddsUp())
}

// The result of a chunk that was halved counts for nothing, and so does that of a half
// whose halving the store lost.
func TestResultsOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 4, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	first := x.hand(t, "a")
	x.Attempts().Begin("a", first.BatchID, x.now)
	x.Attempts().TakeBack("a", first.BatchID, EndSilent, "", x.now)
	x.fail(t, "b")
	x.sync(t)
	before := x.store.snapshot()
	require.Equal(t, 1, x.cut(t))
	x.sync(t)
	whole := progress("a", first.BatchID, 4, 4)
	require.Equal(t, VerdictStale, x.verdict(whole, x.now))
	half := x.hand(t, "a")
	done := progress("a", half.BatchID, 2, 2)
	require.Equal(t, VerdictDone, x.verdict(done, x.now))
	require.Equal(t, VerdictRepeat, x.verdict(done, x.now))
	require.Equal(t, VerdictStale, x.verdict(whole, x.now), "one half is open still")
	require.EqualValues(t, 1, x.files[1].Repeats)
	x.fail(t, "a")
	x.fail(t, "b")
	require.Equal(t, 1, x.cut(t))
	require.Equal(t, VerdictStale, x.verdict(progress("a", "f1_chunk_0_s3", 2, 2), x.now), "it was halved again")
	require.Equal(t, VerdictStale, x.verdict(progress("a", "f1_chunk_0_s12", 1, 1), x.now), "it never existed")

	x.store = newStored()
	x.store.apply(before.Batch())
	x.restart(half.BatchID)
	require.Equal(t, VerdictStale, x.verdict(done, x.now), "the store lost the halving")
	require.Zero(t, x.files[1].Repeats+x.files[1].DoneItems)
	require.Equal(t, 1, x.cut(t))
	require.Equal(t, "f1_chunk_0_s2_a2", x.hand(t, "a").BatchID, "the attempt that was sent is not given again")
	require.Equal(t, VerdictStale, x.verdict(progress("c", half.BatchID, 2, 2), x.now))
}

// A late result that comes before the halving is that of the chunk.
func TestLateResultBeforeTheHalving(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]bool{"before the range is read": false, "while it is read": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newBisection(t, 4, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
			first := x.hand(t, "a")
			x.Attempts().Begin("a", first.BatchID, x.now)
			x.Attempts().TakeBack("a", first.BatchID, EndSilent, "", x.now)
			x.fail(t, "b")
			if begun {
				require.Len(t, x.Halvings(x.now), 1)
			}
			require.Equal(t, VerdictLate, x.verdict(progress("a", first.BatchID, 4, 4), x.now))
			require.Empty(t, x.Halvings(x.now))
			require.False(t, x.Halve(first.Chunk.ID, inTwo(first.Chunk), x.now))
			require.True(t, x.files[1].HasEnded())
			require.EqualValues(t, 4, x.files[1].DoneItems)
			x.sync(t)
		})
	}
}

// A chunk that waits to be halved waits for it again in the next term.
func TestHalvingAfterARestart(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 4, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.fail(t, "a")
	x.fail(t, "b")
	x.sync(t)
	x.restart()
	require.Equal(t, 1, x.cut(t))
	x.sync(t)
	x.restart()
	require.Equal(t, "f1_chunk_0_s2", x.hand(t, "a").BatchID)
	x.sync(t)
	x.rules.Bisect = false
	x.fail(t, "b")
	x.fail(t, "a")
	x.sync(t)
	x.restart()
	require.Empty(t, x.Halvings(x.now), "the setting decides")
	x.fail(t, "b")
	require.EqualValues(t, 2, x.files[1].DeadItems)
}

// A file that changed is not halved any more.
func TestHalvingOfAFileThatChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(x *bisection, id messages.ChunkID){
		"its range has other bytes": func(x *bisection, id messages.ChunkID) { x.NotHalved(id, true, "other bytes", x.now) },
		"a listing shows it":        func(x *bisection, _ messages.ChunkID) { x.Files().Fail(1, messages.FileChanged, "resized", x.now) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newBisection(t, 4, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
			x.fail(t, "a")
			x.fail(t, "b")
			h := x.Halvings(x.now)
			change(x, h[0].Chunk.ID)
			require.False(t, x.Halve(h[0].Chunk.ID, inTwo(h[0].Chunk), x.now))
			require.Equal(t, messages.FileChanged, x.files[1].State)
			require.True(t, x.files[1].HasEnded())
			require.EqualValues(t, 4, x.files[1].DeadItems)
			x.sync(t)
		})
	}
}

// A worker that turns out to be the cause takes its failures with it, and with them the
// halving.
func TestPardonedChunksAreNotHalved(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 4, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	x.fail(t, "a")
	x.fail(t, "b")
	h := x.Halvings(x.now)
	x.pardon(h[0].Chunk.ID, "a", x.now)
	require.False(t, x.Halve(h[0].Chunk.ID, inTwo(h[0].Chunk), x.now))
	require.Equal(t, "f1_chunk_0_a3", x.hand(t, "a").BatchID)
}

// Where everything fails, the lines are not the cause: no more than a bounded number of
// chunks is halved, and the rest dies as a whole.
func TestWhereEverythingFailsFewChunksAreHalved(t *testing.T) {
	t.Parallel()
	const items = 1 << 14
	x := newBisection(t, items, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
	attempts := 0
	for !x.files[1].HasEnded() {
		x.fail(t, []messages.WorkerID{"a", "b"}[attempts%2])
		attempts++
		x.cut(t)
		x.Flush()
	}
	f := x.files[1].File
	require.EqualValues(t, items, f.DeadItems)
	require.EqualValues(t, maxBlind, f.Halvings)
	require.True(t, f.AddsUp())
	require.Less(t, attempts, 6*maxBlind)
}

// One killer line in a batch of a million.
func TestAttemptsOfOneKillerLine(t *testing.T) {
	t.Parallel()
	const items = 1_000_000
	for _, killer := range []int{0, 1, items/2 - 1, items / 2, 777_777, items - 1} {
		t.Run(strconv.Itoa(killer), func(t *testing.T) {
			t.Parallel()
			x := newBisection(t, items, Rules{MaxAttempts: 3, Bisect: true}, "a", "b")
			killed, attempts := 0, 0
			for ; !x.files[1].HasEnded(); attempts++ {
				w := []messages.WorkerID{"a", "b"}[attempts%2]
				a := x.hand(t, w)
				if first := int64(killer) == a.Chunk.Offset; int64(killer) >= a.Chunk.Offset && int64(killer) < a.Chunk.End() {
					if !first {
						x.Attempts().Begin(w, a.BatchID, x.now)
					}
					x.Workers().Lost(w, EndLost, "killed", x.now)
					killed++
				} else {
					n := int64(a.Chunk.Items)
					require.Equal(t, VerdictDone, x.verdict(progress(w, a.BatchID, n, n), x.now))
				}
				x.cut(t)
			}
			f := x.files[1].File
			require.EqualValues(t, 1, f.DeadItems)
			require.EqualValues(t, items-1, f.DoneItems)
			t.Logf("%d attempts, %d of them with the line", attempts, killed)
			require.LessOrEqual(t, killed, 2*20+3, "2 × log2(1,000,000), rounded up, + MAX_ATTEMPTS")
		})
	}
}

// One bad line in many halves does not make its workers look broken, and a worker that is
// broken is found as before.
func TestHalvesAndTheBreaker(t *testing.T) {
	t.Parallel()
	x := newBisection(t, 64, Rules{MaxAttempts: 3, Bisect: true}, "a", "b", "c")
	for n := 0; !x.files[1].HasEnded(); n++ {
		w := x.workers[n%3]
		a := x.hand(t, w)
		if bad := a.Chunk.Offset == 0; bad {
			require.Nil(t, x.Attempts().Judge(failure(w, a, "bad"), x.now).Paused)
		} else {
			items := int64(a.Chunk.Items)
			require.Equal(t, VerdictDone, x.verdict(progress(w, a.BatchID, items, items), x.now))
			x.breaker.forget(w) // it starts again and is not known to be well
		}
		x.cut(t)
	}
	require.EqualValues(t, 1, x.files[1].DeadItems)

	l := testLedger(3, x.now, "broken", "well")
	l.rules.Bisect = true
	require.NoError(t, l.Files().Open(testFile(1, 4), x.now))
	for n := range 4 {
		l.plan(1, n, x.now)
	}
	var pause *Pause
	for range failedInARow {
		a, ok := l.pick("broken", false, x.now)
		require.True(t, ok)
		pause = l.Attempts().Judge(failure("broken", a, "no such program"), x.now).Paused
	}
	require.NotNil(t, pause)
	for id, e := range l.files[1].entries {
		require.Zero(t, e.Failures, id)
	}
	require.Empty(t, l.Halvings(x.now))
}
