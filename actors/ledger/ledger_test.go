package ledger

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// stored is what a store would hold after the writes of a ledger.
type stored struct {
	files  map[messages.FileID]messages.File
	chunks map[messages.ChunkID]messages.OpenChunk
	given  map[*messages.File]messages.File // what the ledger returned, and what that was
}

func newStored() *stored {
	return &stored{files: map[messages.FileID]messages.File{}, chunks: map[messages.ChunkID]messages.OpenChunk{}, given: map[*messages.File]messages.File{}}
}

func (s *stored) apply(b messages.Batch) {
	for _, f := range b.Files {
		s.files[f.ID], s.given[f] = *f, *f
	}
	for _, id := range b.DropFiles {
		delete(s.files, id)
	}
	for _, c := range b.Chunks {
		s.chunks[c.ID] = c
	}
	for _, id := range b.DropChunks {
		delete(s.chunks, id)
	}
}

func (s *stored) snapshot() messages.Snapshot {
	var snap messages.Snapshot
	for _, id := range slices.Sorted(maps.Keys(s.files)) {
		f := s.files[id]
		s.given[&f] = f
		snap.Files = append(snap.Files, &f)
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.chunks), messages.ChunkID.Compare) {
		snap.Chunks = append(snap.Chunks, s.chunks[id])
	}
	return snap
}

// checkGiven checks that no record was changed that the ledger returned or was given.
func (s *stored) checkGiven(t require.TestingT) {
	for f, was := range s.given {
		require.Equal(t, was, *f)
	}
}

// testFile makes a file of n chunks of 10 bytes and 2 items each.
func testFile(id messages.FileID, chunks int) messages.File {
	return messages.File{
		ID: id, Generation: 1, Base: fmt.Sprintf("f%d", id), State: messages.FileRunning,
		Info: messages.FileInfo{Path: fmt.Sprintf("f%d.txt", id), Size: int64(10 * chunks)}, Cursor: messages.Cursor{Line: 1},
	}
}

func testCut(id messages.FileID, index int) Cut {
	return Cut{Chunk: messages.Chunk{
		ID: messages.ChunkID{File: id, Index: index}, Offset: int64(10 * index), Length: 10,
		FirstLine: int64(2*index + 1), Lines: 2, Items: 2, Hash: uint64(index)*7 + uint64(id),
	}, Text: []byte("a\nb\n")}
}

// testLedger returns an empty ledger with workers that offer no slot yet.
func testLedger(maxAttempts int, now time.Time, workers ...messages.WorkerID) *Ledger {
	l := New(Rules{MaxAttempts: maxAttempts}, messages.Snapshot{}, Sent{}, now)
	l.know(now, workers...)
	return l
}

// know lets workers offer nothing: they count as workers that take chunks.
func (l *Ledger) know(now time.Time, workers ...messages.WorkerID) {
	for _, w := range workers {
		l.Workers().Offer(Offer{Worker: w}, now)
	}
}

// plan lets the planner cut a chunk of testCut.
func (l *Ledger) plan(id messages.FileID, index int, now time.Time) {
	c := testCut(id, index)
	l.Files().Plan(c, now)
}

// progress is a progress message of a native worker.
func progress(worker messages.WorkerID, batchID string, processing, total int64) messages.Signal {
	return messages.Signal{Kind: messages.SignalProgress, Worker: worker, BatchID: batchID, Processing: processing, Total: total}
}

func (l *Ledger) verdict(s messages.Signal, now time.Time) Verdict {
	return l.Attempts().Judge(Result{Signal: s}, now).Verdict
}

// machine runs a ledger through a random schedule beside a naive model.
type machine struct {
	led     *Ledger
	store   *stored
	now     time.Time
	epoch   uint64
	sent    []Assigned
	done    map[messages.ChunkID]int // completions that the ledger accepted
	failed  map[messages.ChunkID]int64
	attempt map[messages.ChunkID]int
	ranges  map[messages.ChunkID]messages.Chunk
	total   map[messages.FileID]int
	workers []messages.WorkerID
	last    []messages.Signal
	// dispatch is how all hand-outs are steered.
	dispatch messages.Dispatch
}

func newMachine(t *rapid.T) *machine {
	m := &machine{
		store: newStored(), now: time.Unix(1e9, 0),
		done: map[messages.ChunkID]int{}, failed: map[messages.ChunkID]int64{}, attempt: map[messages.ChunkID]int{}, ranges: map[messages.ChunkID]messages.Chunk{},
		total: map[messages.FileID]int{}, workers: []messages.WorkerID{"w1", "w2", "w3"},
	}
	m.led = testLedger(3, m.now, m.workers...)
	for id := messages.FileID(1); id <= 3; id++ {
		m.total[id] = rapid.IntRange(0, 6).Draw(t, "chunks")
		require.NoError(t, m.led.Files().Open(testFile(id, m.total[id]), m.now))
	}
	m.sync(t)
	return m
}

// sync stores what changed and checks everything that must always hold.
func (m *machine) sync(t require.TestingT) {
	m.store.apply(m.led.Flush().Batch)
	m.store.checkGiven(t)
	m.check(t)
}

func (m *machine) file(t *rapid.T) messages.FileID {
	return messages.FileID(rapid.IntRange(1, 3).Draw(t, "file"))
}

func (m *machine) worker(t *rapid.T) messages.WorkerID {
	return rapid.SampledFrom(m.workers).Draw(t, "worker")
}

func (m *machine) plan(t *rapid.T) {
	id := m.file(t)
	b := m.led.files[id]
	if b.stopped || b.allCut {
		return
	}
	next := b.Cursor.Index + len(b.cut)
	if next >= m.total[id] {
		m.led.Files().PlanEnd(id, 0, m.now)
		return
	}
	c := testCut(id, next)
	if rapid.IntRange(0, 9).Draw(t, "giant") == 0 {
		c.Dead, c.Text = "item too large", nil
	}
	m.led.Files().Plan(c, m.now)
}

// offer lets a worker take one chunk in place of what it offered before.
func (m *machine) offer(w messages.WorkerID) []Assigned {
	m.epoch++
	m.led.Workers().Offer(Offer{Worker: w, Epoch: m.epoch, UpTo: 1, Ahead: 1 + int(m.epoch%2), Depth: 1, Refill: true, Recalls: true, Backup: true}, m.now)
	return m.led.Workers().Match(m.now)
}

func (m *machine) assign(t *rapid.T) {
	for _, a := range m.offer(m.worker(t)) {
		m.assigned(t, a)
	}
}

func (m *machine) match(t *rapid.T) {
	for _, a := range m.led.Workers().Match(m.now) {
		m.assigned(t, a)
	}
}

func (m *machine) assigned(t *rapid.T, a Assigned) {
	id := a.Chunk.ID
	require.Equal(t, m.attempt[id]+1, a.Attempt, "S7: attempts rise by one")
	require.Zero(t, m.done[id], "S3: a done chunk is not handed out")
	require.False(t, m.dispatch.Paused, "S22: nothing is handed out while everything is paused")
	require.False(t, m.led.files[id.File].Held(), "S22: nothing is handed out of a paused file")
	m.attempt[id] = a.Attempt
	if old, ok := m.ranges[id]; ok {
		require.Equal(t, old, a.Chunk, "S9: an assigned chunk never changes its range")
	}
	m.ranges[id] = a.Chunk
	m.sent = append(m.sent, a)
}

func (m *machine) signal(t *rapid.T, s Assigned) messages.Signal {
	n := s.items()
	x := progress(s.Worker, s.BatchID, n, n)
	switch rapid.IntRange(0, 9).Draw(t, "kind of result") {
	case 0:
		x.Outcome, x.Processing = messages.OutcomeFailed, 0
	case 1:
		x.Outcome, x.Processing = messages.OutcomeRetry, 0
	case 2:
		x.Processing, x.Total = 3, 3 // wrong
	case 3:
		x.Worker = rapid.SampledFrom(m.workers).Draw(t, "other sender")
	default:
		x.FailedItems = rapid.Int64Range(0, n).Draw(t, "failed items")
		if x.FailedItems == 1 && rapid.Bool().Draw(t, "known") {
			i := rapid.Int32Range(0, int32(n-1)).Draw(t, "failed item")
			x.FailedRanges = []messages.ItemRange{{First: i, Last: i}}
		}
	}
	return x
}

func (m *machine) result(t *rapid.T) {
	if len(m.sent) == 0 {
		return
	}
	x := m.signal(t, rapid.SampledFrom(m.sent).Draw(t, "attempt"))
	if len(m.last) > 0 && rapid.Bool().Draw(t, "repeat an old message") {
		x = rapid.SampledFrom(m.last).Draw(t, "old message")
	}
	m.last = append(m.last, x)
	m.judge(t, Result{Signal: x, Unfit: rapid.IntRange(0, 9).Draw(t, "unfit") == 0, Foreign: rapid.IntRange(0, 19).Draw(t, "foreign") == 0, Refill: rapid.Bool().Draw(t, "refill")})
}

func (m *machine) judge(t require.TestingT, r Result) {
	_, _, e, _ := m.led.find(r.BatchID)
	before := map[messages.WorkerID]int{}
	for w, held := range m.led.held {
		before[w] = len(held)
	}
	v := m.led.Attempts().Judge(r, m.now).Verdict
	if v == VerdictDone || v == VerdictLate {
		m.done[e.ID]++
		m.failed[withoutRetry(e.ID)] = r.FailedItems
		require.Equal(t, e.Sent(), r.Total)
	}
	if v == VerdictRepeat || v == VerdictStale || v == VerdictUnknown || v == VerdictForeign {
		for w := range before {
			require.Equal(t, before[w], len(m.led.held[w]), "S6: a result that does not count frees nobody")
		}
	}
}

// recall asks chunks back, and some of them are given back.
func (m *machine) recall(t *rapid.T) {
	m.now = m.now.Add(2 * time.Second)
	for _, r := range m.led.Workers().Recall(m.now) {
		for _, id := range r.BatchIDs {
			_, e := m.led.current(r.Worker, id)
			require.NotNil(t, e, "only what the worker holds is recalled")
			if before := *e; rapid.IntRange(0, 3).Draw(t, "answer") > 0 {
				m.judge(t, recalled(r.Worker, id))
				require.False(t, e.inFlight())
				require.Equal(t, [2]int{before.Failures, before.Handouts}, [2]int{e.Failures, e.Handouts})
			}
		}
	}
}

// backup hands slow chunks out once more.
func (m *machine) backup(t *rapid.T) {
	m.now = m.now.Add(10 * time.Second)
	for _, a := range m.led.Workers().Backup(m.now) {
		m.assigned(t, a)
	}
}

func (m *machine) lost(t *rapid.T) {
	m.led.Workers().Lost(m.worker(t), EndLost, "lost", m.now)
}

func (m *machine) withdraw(t *rapid.T) {
	w := m.worker(t)
	m.led.Workers().Withdraw(w, m.epoch)
	if rapid.Bool().Draw(t, "comes back") {
		m.led.know(m.now, w)
	}
}

func (m *machine) takeBack(t *rapid.T) {
	if len(m.sent) > 0 {
		s := rapid.SampledFrom(m.sent).Draw(t, "attempt")
		how := rapid.SampledFrom([]Ending{EndSilent, EndUnstarted, EndReturned, EndRetry, EndUnsent}).Draw(t, "how")
		m.led.Attempts().TakeBack(s.Worker, s.BatchID, how, "", m.now)
	}
}

func (m *machine) unsendable(t *rapid.T) {
	if len(m.sent) > 0 && rapid.IntRange(0, 4).Draw(t, "really") == 0 {
		s := rapid.SampledFrom(m.sent).Draw(t, "attempt")
		how := rapid.SampledFrom([]Ending{EndUnsendable, EndOtherBytes}).Draw(t, "how")
		m.led.Attempts().TakeBack(s.Worker, s.BatchID, how, "it cannot be sent", m.now)
	}
}

func (m *machine) begin(t *rapid.T) {
	if len(m.sent) > 0 {
		s := rapid.SampledFrom(m.sent).Draw(t, "attempt")
		m.led.Attempts().Begin(s.Worker, s.BatchID, m.now)
	}
}

func (m *machine) replan(t *rapid.T) {
	m.led.Files().Replan(m.file(t))
}

func (m *machine) changed(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
		m.led.Files().Fail(m.file(t), messages.FileChanged, "rewritten", m.now)
	}
}

func (m *machine) cancel(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
		_, _, _ = m.led.Files().Cancel(m.file(t), "cancelled by somebody", m.now)
	}
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
	m.led.Tick(m.now)
}

// restart loads a new ledger from the store, as a new leader does.
func (m *machine) restart(*rapid.T) {
	m.led = New(Rules{MaxAttempts: 3}, m.store.snapshot(), Sent{}, m.now)
	m.led.know(m.now, m.workers...)
	m.led.UseDispatch(m.dispatch, m.now)
}

// steer pauses, resumes and weighs files as a person does.
func (m *machine) steer(t *rapid.T) {
	s := messages.SetFile{ID: m.file(t), By: "somebody"}
	paused, priority, share := rapid.Bool().Draw(t, "paused"), rapid.IntRange(-2, 2).Draw(t, "priority"), rapid.IntRange(1, 5).Draw(t, "share")
	if rapid.Bool().Draw(t, "pauses") {
		s.Paused = &paused
	}
	if rapid.Bool().Draw(t, "weighs") {
		s.Priority, s.Share = &priority, &share
	}
	out, err := m.led.Files().Steer(s, m.now)
	if b := m.led.files[s.ID]; b.HasEnded() || b.stopped {
		require.ErrorIs(t, err, messages.ErrEnded)
		return
	}
	require.NoError(t, err)
	if s.Paused != nil {
		require.Equal(t, paused, out.New.Held())
	}
	if s.Share != nil {
		require.Equal(t, [2]int{priority, share}, [2]int{out.New.Priority, out.New.Weight()})
	}
}

// dispatched pauses and resumes everything, or bounds its rate.
func (m *machine) dispatched(t *rapid.T) {
	m.dispatch = messages.Dispatch{Paused: rapid.Bool().Draw(t, "paused"), MaxItemsPerS: float64(rapid.IntRange(0, 2).Draw(t, "rate"))}
	m.led.UseDispatch(m.dispatch, m.now)
}

// check is S1, S2, S3, S4, S7 and S10 on the ledger and the store.
func (m *machine) check(t require.TestingT) {
	chunks := 0
	for _, b := range m.led.files {
		m.checkFile(t, b)
		chunks += len(b.entries) + len(b.rejects.of)
	}
	require.Len(t, m.store.chunks, chunks, "the store holds the open chunks, those with failed items, and no other")
	require.Empty(t, m.led.losses.files)
	rest := m.led.rest
	require.Zero(t, rest.live+rest.blind+rest.waiting.len()+rest.waiting.retried+rest.tempo.n+rest.upTo, "what ended files share never changes")
	require.Equal(t, plan{size: messages.MaxChunkBytes, allCut: true}, rest.plan)
}

func (m *machine) checkFile(t require.TestingT, b *book) {
	var done, dead, cancelled, live int64
	for i := range b.Cursor.Index {
		e := b.entries[messages.ChunkID{File: b.ID, Index: i}]
		switch {
		case e == nil:
			done++
			require.LessOrEqual(t, m.done[messages.ChunkID{File: b.ID, Index: i}], 1, "S3: a chunk counts once")
		case e.State == messages.ChunkDead:
			dead++
		case e.State == messages.ChunkCancelled:
			cancelled++
		case e.inFlight():
			live++
			require.Same(t, e, m.led.held[e.Worker][e.ID])
		default:
			require.NotNil(t, e.in, "a chunk that is ready is in the queue")
		}
	}
	live += m.checkRejects(t, b, done)
	require.Equal(t, done, b.DoneChunks)
	require.Equal(t, dead, b.DeadChunks)
	require.Equal(t, cancelled, b.CancelledChunks)
	if b.State == messages.FileCancelled {
		require.Zero(t, b.waiting.len()+len(b.cut), "nothing of it is handed out")
		require.Equal(t, b.Info.Size-b.Cursor.Offset, b.CancelledBytes)
	}
	require.Equal(t, int(live), b.live)
	require.Equal(t, int64(2*b.Cursor.Index), b.Items)
	require.Zero(t, b.Duplicates)
	require.Empty(t, b.imbalance(), "the totals agree with the entries")
	require.Equal(t, int64(10*b.Cursor.Index), b.Cursor.Offset, "S1: the ranges cover what was handed out")
	if !b.Ended.IsZero() {
		require.Zero(t, b.Missing(), "S2 and S4: at the end every item is done, failed, dead or cancelled")
		require.Zero(t, live)
		if !b.stopped {
			require.Equal(t, b.Info.Size, b.Cursor.Offset)
		}
	}
	require.Equal(t, *b.File, m.store.files[b.ID], "the store follows")
	for id, e := range b.entries {
		kept := m.store.chunks[id]
		require.Equal(t, e.Attempt, kept.Attempt)
		require.Equal(t, e.Failures, kept.Failures)
	}
}

// finish lets an honest worker do what is left; everything must end.
func (m *machine) finish(t *rapid.T) {
	m.led.Workers().Withdraw("w1", m.epoch)
	m.led.Workers().Withdraw("w3", m.epoch)
	m.dispatch = messages.Dispatch{}
	m.led.UseDispatch(m.dispatch, m.now)
	resume := false
	for id := range m.led.files {
		_, _ = m.led.Files().Steer(messages.SetFile{ID: id, Paused: &resume}, m.now) // some have ended
	}
	for step := 0; len(m.led.turns.list) > 0; step++ {
		require.Less(t, step, 2000, "everything that is open ends")
		m.now = m.now.Add(retryMax)
		for id, b := range m.led.files {
			for next := b.Cursor.Index + len(b.cut); !b.stopped && next < m.total[id]; next++ {
				m.led.plan(id, next, m.now)
			}
			m.led.Files().PlanEnd(id, 0, m.now)
		}
		m.led.Workers().Lost("w1", EndLost, "gone for good", m.now)
		m.led.Workers().Lost("w3", EndLost, "gone for good", m.now)
		for _, e := range slices.Collect(maps.Values(m.led.held["w2"])) {
			b := m.led.files[e.ID.File]
			m.judge(t, Result{Signal: progress("w2", b.BatchID(e.ID, e.Attempt), e.Sent(), e.Sent())})
		}
		m.sync(t)
		m.offer("w2")
	}
	for _, b := range m.led.files {
		require.False(t, b.Ended.IsZero(), "L2: file %d ends", b.ID)
	}
}

func TestLedgerSchedules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"":     func(t *rapid.T) { m.sync(t) },
			"plan": m.plan, "plan another": m.plan, "assign": m.assign, "assign another": m.assign,
			"result": m.result, "another result": m.result, "match": m.match, "withdraw": m.withdraw,
			"lost": m.lost, "recall": m.recall, "backup": m.backup, "take back": m.takeBack, "unsendable": m.unsendable, "begin": m.begin,
			"replan": m.replan, "changed": m.changed, "cancel": m.cancel, "wait": m.wait, "restart": m.restart, "retry": m.retry, "discard": m.discard,
			"steer": m.steer, "dispatched": m.dispatched,
		})
		m.finish(t)
	})
}

// BenchmarkRound judges a result, hands out the next chunk, and returns what changed,
// with 16 files in work and 64 workers.
func BenchmarkRound(b *testing.B) {
	now := time.Unix(1e9, 0)
	l := testLedger(3, now)
	for id := messages.FileID(1); id <= 16; id++ {
		if err := l.Files().Open(testFile(id, 1<<30), now); err != nil {
			b.Fatal(err)
		}
		l.Files().Replan(id)
	}
	for i := range 64 {
		l.Workers().Offer(Offer{Worker: messages.WorkerID(fmt.Sprint("w", i)), UpTo: 1, Ahead: 2, Depth: 1, Refill: true}, now)
	}
	sent, next := []Assigned{}, map[messages.FileID]int{}
	plan := func(n int) {
		for id := messages.FileID(1); id <= 16; id++ {
			for ; next[id] < n; next[id]++ {
				l.plan(id, next[id], now)
			}
		}
	}
	plan(20)
	sent = append(sent, l.Workers().Match(now)...)
	l.Flush()
	b.ReportAllocs()
	for b.Loop() {
		a := sent[0]
		j := l.Attempts().Judge(Result{Signal: progress(a.Worker, a.BatchID, 2, 2), Refill: true}, now)
		if j.Verdict != VerdictDone {
			b.Fatal(j.Verdict)
		}
		sent = append(sent[1:], l.Workers().Match(now)...)
		l.Flush()
		plan(a.Chunk.ID.Index + 20)
	}
}
