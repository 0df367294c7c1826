package actors

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

// stored is what a store would hold after the writes of a ledger.
type stored struct {
	files  map[messages.FileID]messages.File
	chunks map[messages.ChunkID]messages.OpenChunk
}

func newStored() *stored {
	return &stored{files: map[messages.FileID]messages.File{}, chunks: map[messages.ChunkID]messages.OpenChunk{}}
}

func (s *stored) apply(b messages.Batch) {
	var g gathering
	g.add(b)
	out := g.batch()
	for _, f := range out.Files {
		s.files[f.ID] = f
	}
	for _, id := range out.DropFiles {
		delete(s.files, id)
	}
	for _, c := range out.Chunks {
		s.chunks[c.ID] = c
	}
	for _, id := range out.DropChunks {
		delete(s.chunks, id)
	}
}

func (s *stored) snapshot() messages.Snapshot {
	var snap messages.Snapshot
	for _, id := range slices.Sorted(maps.Keys(s.files)) {
		snap.Files = append(snap.Files, s.files[id])
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.chunks), compareChunks) {
		snap.Chunks = append(snap.Chunks, s.chunks[id])
	}
	return snap
}

// testFile makes a file of n chunks of 10 bytes and 2 items each.
func testFile(id messages.FileID, chunks int) messages.File {
	return messages.File{
		ID: id, Generation: 1, Base: fmt.Sprintf("f%d", id), State: messages.FileRunning,
		Info: messages.FileInfo{Path: fmt.Sprintf("f%d.txt", id), Size: int64(10 * chunks)}, Cursor: messages.Cursor{Line: 1},
	}
}

func testCut(id messages.FileID, index int) cutter.Cut {
	return cutter.Cut{Chunk: messages.Chunk{
		ID: messages.ChunkID{File: id, Index: index}, Offset: int64(10 * index), Length: 10,
		FirstLine: int64(2*index + 1), Lines: 2, Items: 2, Hash: uint64(index)*7 + uint64(id),
	}, Text: []byte("a\nb\n")}
}

// sentOut is an assignment that a simulated worker was handed.
type sentOut struct{ assignment }

// machine runs a ledger through a random schedule beside a naive model.
type machine struct {
	led     *ledger
	store   *stored
	now     time.Time
	sent    []*sentOut
	done    map[messages.ChunkID]int // completions that the ledger accepted
	attempt map[messages.ChunkID]int
	ranges  map[messages.ChunkID]messages.Chunk
	total   map[messages.FileID]int
	planned map[messages.FileID]int
	workers []messages.WorkerID
	last    []messages.Signal
}

func newMachine(t *rapid.T) *machine {
	m := &machine{
		led: newLedger(messages.Term{Number: 1}, 3), store: newStored(), now: time.Unix(1e9, 0),
		done: map[messages.ChunkID]int{}, attempt: map[messages.ChunkID]int{}, ranges: map[messages.ChunkID]messages.Chunk{},
		total: map[messages.FileID]int{}, planned: map[messages.FileID]int{},
		workers: []messages.WorkerID{"w1", "w2", "w3"},
	}
	m.led.workers = 3
	for id := messages.FileID(1); id <= 3; id++ {
		m.total[id] = rapid.IntRange(0, 6).Draw(t, "chunks")
		require.NoError(t, m.led.openFile(testFile(id, m.total[id]), m.now))
	}
	m.sync(t)
	return m
}

// sync stores what changed and checks everything that must always hold.
func (m *machine) sync(t require.TestingT) {
	batch, _ := m.led.take()
	m.store.apply(batch)
	m.check(t)
}

func (m *machine) file(t *rapid.T) messages.FileID {
	return messages.FileID(rapid.IntRange(1, 3).Draw(t, "file"))
}

func (m *machine) plan(t *rapid.T) {
	id := m.file(t)
	b := m.led.files[id]
	if b.changed || b.allCut {
		return
	}
	next := b.Cursor.Index + len(b.planned)
	if next >= m.total[id] {
		m.led.planEnd(id, 0, m.now)
		return
	}
	c := testCut(id, next)
	if rapid.IntRange(0, 9).Draw(t, "giant") == 0 {
		c.Dead, c.Text = cutter.TooLarge, nil
	}
	m.led.plan(id, c, m.now)
}

func (m *machine) assign(t *rapid.T) {
	w := rapid.SampledFrom(m.workers).Draw(t, "worker")
	a, ok := m.led.pick(w, true, false, m.now)
	if !ok {
		return
	}
	id := a.chunk.ID
	require.Equal(t, m.attempt[id]+1, a.attempt, "S7: attempts rise by one")
	require.Zero(t, m.done[id], "S3: a done chunk is not handed out")
	m.attempt[id] = a.attempt
	if old, ok := m.ranges[id]; ok {
		require.Equal(t, old, a.chunk, "S9: an assigned chunk never changes its range")
	}
	m.ranges[id] = a.chunk
	m.sent = append(m.sent, &sentOut{assignment: a})
}

func (m *machine) signal(t *rapid.T, s *sentOut) messages.Signal {
	x := messages.Signal{Kind: messages.SignalProgress, Worker: s.worker, BatchID: s.batchID, Processing: 2, Total: 2}
	switch rapid.IntRange(0, 9).Draw(t, "kind of result") {
	case 0:
		x.Outcome, x.Processing = messages.OutcomeFailed, 1
	case 1:
		x.Outcome, x.Processing = messages.OutcomeRetry, 0
	case 2:
		x.Processing, x.Total = 3, 3 // wrong
	case 3:
		x.Worker = rapid.SampledFrom(m.workers).Draw(t, "other sender")
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
	m.judge(t, x)
}

func (m *machine) judge(t require.TestingT, x messages.Signal) {
	_, e, _ := m.led.find(x.BatchID)
	before := map[messages.WorkerID]int{}
	for w, held := range m.led.held {
		before[w] = len(held)
	}
	v := m.led.result(x, m.now)
	if v == verdictDone || v == verdictLate {
		m.done[e.ID]++
		require.Equal(t, int64(2), x.Total)
	}
	if v == verdictRepeat || v == verdictStale || v == verdictUnknown {
		for w := range before {
			require.Equal(t, before[w], len(m.led.held[w]), "S6: a result that does not count frees nobody")
		}
	}
}

func (m *machine) lost(t *rapid.T) {
	m.led.lost(rapid.SampledFrom(m.workers).Draw(t, "worker"), endLost, "lost", m.now)
}

func (m *machine) takeBack(t *rapid.T) {
	if len(m.sent) > 0 {
		s := rapid.SampledFrom(m.sent).Draw(t, "attempt")
		how := rapid.SampledFrom([]ending{endSilent, endUnstarted, endReturned, endRetry}).Draw(t, "how")
		m.led.takeBack(s.worker, s.batchID, how, "", m.now)
	}
}

func (m *machine) started(t *rapid.T) {
	if len(m.sent) > 0 {
		s := rapid.SampledFrom(m.sent).Draw(t, "attempt")
		m.led.started(s.worker, s.batchID)
	}
}

func (m *machine) replan(t *rapid.T) {
	m.led.replan(m.file(t))
}

func (m *machine) changed(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
		m.led.change(m.file(t), messages.FileChanged, "rewritten", m.now)
	}
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
}

// restart loads a new ledger from the store, as a new leader does.
func (m *machine) restart(t *rapid.T) {
	term := messages.Term{Number: m.led.term.Number + 1}
	m.led = newLedger(term, 3)
	m.led.workers = 3
	m.led.restore(m.store.snapshot(), m.now)
}

// check is S1, S2, S3, S4, S7 and S10 on the ledger and the store.
func (m *machine) check(t require.TestingT) {
	perWorker := map[messages.WorkerID]int{}
	for id, b := range m.led.files {
		var done, dead, live int64
		for i := range b.Cursor.Index {
			e := b.open[i]
			switch {
			case e == nil:
				done++
				require.LessOrEqual(t, m.done[messages.ChunkID{File: id, Index: i}], 1, "S3: a chunk counts once")
			case e.State == messages.ChunkDead:
				dead++
			case e.out():
				live++
				perWorker[e.Worker]++
				require.Same(t, e, m.led.held[e.Worker][e.ID])
			default:
				require.NotNil(t, e.in, "a chunk that is ready is in the queue")
			}
		}
		require.Equal(t, done, b.DoneChunks)
		require.Equal(t, dead, b.DeadChunks)
		require.Equal(t, int(live), b.live)
		require.Equal(t, 2*(done), b.DoneItems)
		require.Equal(t, int64(2*b.Cursor.Index), b.Items)
		require.Zero(t, b.Duplicates)
		require.Empty(t, b.imbalance(), "the totals agree with the entries")
		require.Equal(t, int64(10*b.Cursor.Index), b.Cursor.Offset, "S1: the ranges cover what was handed out")
		if !b.Ended.IsZero() {
			require.Zero(t, b.Missing(), "S2 and S4: at the end every item is done or dead")
			require.Zero(t, live)
			if b.State != messages.FileChanged {
				require.Equal(t, b.Info.Size, b.Cursor.Offset)
			}
		}
		require.Equal(t, b.File, m.store.files[id], "the store follows")
		for i, e := range b.open {
			kept := m.store.chunks[messages.ChunkID{File: id, Index: i}]
			require.Equal(t, e.Attempt, kept.Attempt)
			require.Equal(t, e.Failures, kept.Failures)
		}
	}
	open := 0
	for _, b := range m.led.files {
		open += len(b.open)
	}
	require.Len(t, m.store.chunks, open, "the store holds the open chunks and no other")
}

// drainAll lets honest workers do what is left; everything must end.
func (m *machine) drainAll(t require.TestingT) {
	for step := 0; ; step++ {
		require.Less(t, step, 2000, "everything that is open ends")
		m.now = m.now.Add(retryMax)
		for id, b := range m.led.files {
			for next := b.Cursor.Index + len(b.planned); !b.changed && next < m.total[id]; next++ {
				m.led.plan(id, testCut(id, next), m.now)
			}
			m.led.planEnd(id, 0, m.now)
		}
		m.led.lost("w1", endLost, "gone for good", m.now)
		m.led.lost("w3", endLost, "gone for good", m.now)
		for _, e := range slices.Collect(maps.Values(m.led.held["w2"])) {
			b := m.led.files[e.ID.File]
			m.judge(t, messages.Signal{Kind: messages.SignalProgress, Worker: "w2", Processing: 2, Total: 2,
				BatchID: messages.BatchID(b.Base, e.ID.Index, 1, e.Attempt)})
		}
		m.sync(t)
		m.led.pick("w2", false, false, m.now)
		if len(m.led.turn) == 0 {
			break
		}
	}
	for _, b := range m.led.files {
		require.False(t, b.Ended.IsZero(), "L2: file %d ends", b.ID)
	}
}

func TestLedgerSchedules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		steps := map[string]func(*rapid.T){
			"plan": m.plan, "plan2": m.plan, "assign": m.assign, "assign2": m.assign, "result": m.result, "result2": m.result,
			"lost": m.lost, "takeBack": m.takeBack, "started": m.started, "replan": m.replan, "changed": m.changed,
			"wait": m.wait, "restart": m.restart,
		}
		names := slices.Sorted(maps.Keys(steps))
		for range rapid.IntRange(0, 120).Draw(t, "steps") {
			steps[rapid.SampledFrom(names).Draw(t, "step")](t)
			m.sync(t)
		}
		m.drainAll(t)
	})
}
