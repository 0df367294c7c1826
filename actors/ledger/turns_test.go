package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// feed opens files and keeps them supplied with chunks of their own size.
type feed struct {
	*Ledger
	now   time.Time
	items map[messages.FileID]int // of a chunk
	next  map[messages.FileID]int // index of the next chunk
	left  map[messages.FileID]int // chunks that are not cut yet
}

func newFeed() *feed {
	now := time.Unix(1e9, 0)
	return &feed{
		Ledger: testLedger(3, now, "w"), now: now,
		items: map[messages.FileID]int{}, next: map[messages.FileID]int{}, left: map[messages.FileID]int{},
	}
}

func (f *feed) open(t require.TestingT, id messages.FileID, chunks, items int) {
	require.NoError(t, f.Files().Open(testFile(id, chunks), f.now))
	f.items[id], f.left[id] = items, chunks
}

// supply lets every file have a chunk that is cut.
func (f *feed) supply() {
	for id, items := range f.items {
		if b := f.files[id]; len(b.cut) > 0 || f.left[id] == 0 {
			continue
		}
		c := testCut(id, f.next[id])
		c.Items = items
		f.Files().Plan(c, f.now)
		f.next[id]++
		if f.left[id]--; f.left[id] == 0 {
			f.Files().PlanEnd(id, 0, f.now)
		}
	}
}

// give hands out the next chunk and has it done. It returns the file, 0 without a chunk.
func (f *feed) give(t require.TestingT) messages.FileID {
	f.supply()
	a, ok := f.pick("w", false, f.now)
	if !ok {
		return 0
	}
	n := int64(a.Chunk.Items)
	require.Equal(t, VerdictDone, f.verdict(progress("w", a.BatchID, n, n), f.now))
	return a.Chunk.ID.File
}

func (f *feed) steer(t require.TestingT, s messages.SetFile) messages.FileSteered {
	out, err := f.Files().Steer(s, f.now)
	require.NoError(t, err)
	return out
}

// Files of one priority get items in proportion to their shares, to within one chunk of
// each, at any time, whatever the size of their chunks and whenever they come.
func TestSharesAreFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFeed()
		n := rapid.IntRange(2, 6).Draw(t, "files")
		got := map[messages.FileID]float64{}
		weight := map[messages.FileID]float64{}
		open := func(id messages.FileID) {
			share := rapid.IntRange(1, 10).Draw(t, "share")
			f.open(t, id, 1<<20, rapid.IntRange(1, 50).Draw(t, "items of a chunk"))
			f.steer(t, messages.SetFile{ID: id, Share: &share})
			weight[id] = float64(share)
		}
		for id := range messages.FileID(n - 1) {
			open(id + 1)
		}
		for range rapid.IntRange(0, 200).Draw(t, "before the last file") {
			f.give(t)
		}
		open(messages.FileID(n))
		for range 300 {
			id := f.give(t)
			got[id] += float64(f.items[id])
			for a := range weight {
				for b := range weight {
					// One chunk of each, and the turn that the others had when counting began.
					most := 2 * (float64(f.items[a])/weight[a] + float64(f.items[b])/weight[b])
					require.LessOrEqual(t, got[a]/weight[a]-got[b]/weight[b], most, "files %d and %d", a, b)
				}
			}
		}
	})
}

// Twenty files of different size and one urgent one: from the moment that it is urgent, it
// gets every chunk until nothing of it is left, and then the others go on, none of them
// neglected.
func TestUrgentFileIsFirst(t *testing.T) {
	t.Parallel()
	f := newFeed()
	total := 0
	for id := range messages.FileID(20) {
		f.open(t, id+1, int(id+1)*3, int(id)%7+1)
		total += int(id+1) * 3
	}
	for range 50 {
		require.NotZero(t, f.give(t))
	}
	const urgent = 20
	priority := messages.MaxPriority
	out := f.steer(t, messages.SetFile{ID: urgent, Priority: &priority})
	require.Equal(t, 0, out.Old.Priority)
	require.Equal(t, priority, out.New.Priority)
	left := 60 - f.files[urgent].Cursor.Index
	for n := range left {
		require.EqualValues(t, urgent, f.give(t), "chunk %d of %d", n, left)
	}
	require.True(t, f.files[urgent].HasEnded())
	for given := 50 + left; given < total; given++ {
		require.NotZero(t, f.give(t))
	}
	require.Empty(t, f.turns.list)
}

// A file with a lower priority gets its turn whenever the urgent one has nothing to hand
// out, so no worker waits for it.
func TestLowerPriorityFillsTheGaps(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.open(t, 1, 10, 2)
	f.open(t, 2, 10, 2)
	low := -3
	f.steer(t, messages.SetFile{ID: 1, Priority: &low})
	f.plan(1, 0, f.now)
	a, ok := f.pick("w", false, f.now)
	require.True(t, ok)
	require.EqualValues(t, 1, a.Chunk.ID.File, "nothing of the other one is cut yet")
	f.plan(1, 1, f.now)
	f.plan(2, 0, f.now)
	a, ok = f.pick("w", false, f.now)
	require.True(t, ok)
	require.EqualValues(t, 2, a.Chunk.ID.File)
}

// What may be cut ahead belongs to those that are handed out next.
func TestPlannersOfUrgentFilesGetTheCredit(t *testing.T) {
	t.Parallel()
	f := newFeed()
	for id := range messages.FileID(4) {
		f.open(t, id+1, 1<<20, 2)
		f.files[id+1].size = 4 // bytes of a chunk
	}
	for id := range messages.FileID(4) {
		f.Files().Replan(id + 1)
	}
	credit := func() (out [4]int) {
		all := f.allowance()
		for id := range messages.FileID(4) {
			out[id] = all.of(f.files[id+1])
		}
		return out
	}
	require.Equal(t, [4]int{4, 4, 4, 4}, credit())
	three, yes, high := 3, true, 1
	f.steer(t, messages.SetFile{ID: 1, Share: &three})
	require.Equal(t, [4]int{8, 2, 2, 2}, credit())
	f.steer(t, messages.SetFile{ID: 1, Paused: &yes})
	require.Equal(t, [4]int{1, 5, 5, 5}, credit(), "what is paused takes nothing from the others")
	require.Equal(t, []Grant{{2, 5}, {3, 5}, {4, 5}}, f.grants(), "and gets nothing")
	f.steer(t, messages.SetFile{ID: 2, Priority: &high})
	require.Equal(t, [4]int{1, 16, 1, 1}, credit())
	f.files[2].unread = "the share is away"
	require.Equal(t, [4]int{1, 8, 8, 8}, credit(), "what cannot be read holds up no other file")
	f.files[2].unread = ""
	f.Files().PlanEnd(2, 0, f.now)
	require.Equal(t, [4]int{1, 8, 8, 8}, credit(), "it needs no more")
}

func TestSteeringOfWrongFiles(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.open(t, 1, 1, 2)
	f.open(t, 2, 5, 2)
	require.EqualValues(t, 1, f.give(t))
	for _, n := range []int{-11, 11} {
		_, err := f.Files().Steer(messages.SetFile{ID: 2, Priority: &n}, f.now)
		require.ErrorIs(t, err, messages.ErrRange)
	}
	for _, n := range []int{-1, 0, 101} {
		_, err := f.Files().Steer(messages.SetFile{ID: 2, Share: &n}, f.now)
		require.ErrorIs(t, err, messages.ErrRange)
	}
	_, err := f.Files().Steer(messages.SetFile{ID: 1}, f.now)
	require.ErrorIs(t, err, messages.ErrEnded)
	_, err = f.Files().Steer(messages.SetFile{ID: 3}, f.now)
	require.ErrorIs(t, err, messages.ErrNoFile)
	require.Zero(t, f.files[2].Steering)
}

// Of a file that a person pauses nothing is handed out, not even what was begun; what is at
// workers is brought to its end, the others go on, and the next leader knows it.
func TestPersonPausesAFile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	l, store := testLedger(3, now, "w"), newStored()
	for id := range messages.FileID(2) {
		require.NoError(t, l.Files().Open(testFile(id+1, 3), now))
		for n := range 3 {
			l.plan(id+1, n, now)
		}
		l.Files().PlanEnd(id+1, 0, now)
	}
	pick := func() string {
		a, ok := l.pick("w", false, now)
		if !ok {
			return ""
		}
		return a.BatchID
	}
	first := pick()
	require.Equal(t, "f1_chunk_0", first)
	require.Equal(t, "f2_chunk_0", pick())
	second := pick()
	require.Equal(t, "f1_chunk_1", second)

	yes, no := true, false
	out, err := l.Files().Steer(messages.SetFile{ID: 1, Paused: &yes, By: "api"}, now)
	require.NoError(t, err)
	require.Empty(t, out.Old.Paused)
	require.Equal(t, "paused by api since 2001-09-09T01:46:40Z", out.New.Paused)
	require.True(t, l.Attempts().TakeBack("w", second, EndReturned, "", now))
	require.Equal(t, "f2_chunk_1", pick())
	require.Equal(t, "f2_chunk_2", pick())
	require.Empty(t, pick())
	require.False(t, l.ready(now))
	waiting, last := l.backlog()
	require.Zero(t, waiting)
	require.True(t, last, "what is paused is nothing to wait for")
	require.False(t, l.Report(now).Idle)
	for _, id := range []string{first, "f2_chunk_0", "f2_chunk_1", "f2_chunk_2"} {
		require.Equal(t, VerdictDone, l.verdict(progress("w", id, 2, 2), now))
	}
	require.True(t, l.files[2].HasEnded())
	require.False(t, l.files[1].HasEnded())
	require.True(t, l.Report(now).Idle, "a pause is no standstill")

	store.apply(l.Flush().Batch)
	l = New(Rules{MaxAttempts: 3}, store.snapshot(), Sent{}, now)
	l.know(now, "w")
	l.Files().Replan(1)
	l.plan(1, 2, now)
	l.Files().PlanEnd(1, 0, now)
	require.Empty(t, pick())
	out, err = l.Files().Steer(messages.SetFile{ID: 1, Paused: &no, By: "api"}, now)
	require.NoError(t, err)
	require.Empty(t, out.New.Paused)
	for _, id := range []string{"f1_chunk_1_a2", "f1_chunk_2"} {
		require.Equal(t, id, pick())
		require.Equal(t, VerdictDone, l.verdict(progress("w", id, 2, 2), now))
	}
	require.Equal(t, messages.FileDone, l.files[1].State)
}

// fail hands the next chunk out and has it fail; false means that nothing is handed out.
func (f *feed) fail() bool {
	f.supply()
	a, ok := f.pick("w", false, f.now)
	if ok {
		f.Attempts().Judge(failure("w", a, "bad"), f.now)
	}
	return ok
}

// A person lets a file go on that MAX_DEAD paused: it is paused again once as many more are
// dead.
func TestPersonResumesAFileBeyondItsLimit(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]messages.DeadLimit{"items": {Items: 100}, "share": {Percent: 50}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFeed()
			f.rules = Rules{MaxAttempts: 1, MaxDead: limit}
			f.open(t, 1, 1<<20, 100)
			no := false
			for round := range 3 {
				require.True(t, f.fail(), "round %d", round)
				require.False(t, f.fail())
				require.Equal(t, 1, f.Report(f.now).Paused)
				out := f.steer(t, messages.SetFile{ID: 1, Paused: &no})
				require.NotEmpty(t, out.Old.Paused)
				require.Empty(t, out.New.Paused)
				require.Zero(t, f.Report(f.now).Paused)
			}
			require.True(t, f.fail())
			require.Contains(t, f.Report(f.now).FirstPaused, "100 of 100 items that were tried since it was resumed")
		})
	}
}

// What a person let pass of MAX_DEAD does not hide new rejects once the old ones were
// discarded.
func TestLimitCountsAgainAfterADiscard(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.rules = Rules{MaxAttempts: 1, MaxDead: messages.DeadLimit{Items: 100}}
	f.open(t, 1, 1<<20, 100)
	no := false
	for range 5 {
		require.True(t, f.fail())
		f.steer(t, messages.SetFile{ID: 1, Paused: &no})
	}
	var dead []messages.ChunkID
	for i := range 5 {
		dead = append(dead, messages.ChunkID{File: 1, Index: i})
	}
	require.Equal(t, 5, f.Letters().Discard(dead).Accepted)
	require.True(t, f.fail())
	require.False(t, f.fail(), "100 new items are dead, as many as the limit")
}
