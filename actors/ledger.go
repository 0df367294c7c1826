package actors

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

// ledger is the book of open chunks: who has what, what is ready, what is done.
// It is pure state without I/O or clock; the dispatcher owns the only one. Every
// change of it is noted in the batch that take returns, so that the store can
// follow.
type ledger struct {
	term        messages.Term
	maxAttempts int
	workers     int // workers that offer slots, as the dispatcher knows them
	files       map[messages.FileID]*book
	names       map[fileName]messages.FileID
	voids       map[chunkName]int // highest attempt of chunks that was sent and is not in the books
	unread      bool              // more of these may lie where nothing can be read in this term
	turn        []messages.FileID // files in work, in the order of their turns
	held        map[messages.WorkerID]map[messages.ChunkID]*entry
	ahead       map[messages.WorkerID][]*entry // of those, what waits behind others, in the order of hand-out
	out         messages.Batch
	ended       []messages.FileID        // files that became terminal since the last take
	touched     map[messages.FileID]bool // files that are not in work and changed since the last look
	buried      []messages.OpenChunk     // chunks that died, to be told
	lacks       losses                   // what the stored state turned out to lack
	counted     messages.Totals          // what ended since this ledger began
	trials      trials
}

// fileName is how batch ids name a file version.
type fileName struct {
	base       string
	generation int
}

// chunkName is how batch ids name a chunk.
type chunkName struct {
	fileName
	index int
}

// book is the ledger's page of one file version.
type book struct {
	messages.File
	planned []cutter.Cut // cut and never assigned, in index order
	bytes   int          // of the planned chunks' lines
	open    map[int]*entry
	again   queue // chunks that are to be handed out again
	live    int   // attempts out
	owed    owed  // what is neither done nor dead
	tempo   tempo // how long its chunks take
	allCut  bool  // the planner reached the end
	blank   int64 // length of an item-less rest
	changed bool
}

// entry is an open chunk.
type entry struct {
	messages.OpenChunk
	retries  int                       // in a row, for the back-off
	since    time.Time                 // when it was assigned, or became ready again
	after    time.Time                 // not before
	blamed   []messages.WorkerID       // workers that failed it, one for each failure
	doubted  bool                      // the last failure may be its worker's: it does not end the chunk
	began    time.Time                 // when the attempt showed progress first, zero before
	had      map[int]messages.WorkerID // who had the last attempts
	idle     int                       // hand-outs in a row that ended without a start
	returned int                       // how often it came back other than by a failure
	in       *entryHeap                // where it waits, nil while it does not
	at       int                       // its place there
	// Attempts from voidFrom to voidTo were sent by a former leader and are in no
	// book: nobody had them.
	voidFrom, voidTo int
	numbered         bool // it was handed out in this term
}

// assignment is a chunk for a worker.
type assignment struct {
	chunk      messages.Chunk
	worker     messages.WorkerID
	attempt    int
	batchID    string
	file       messages.FileInfo
	generation int
	lines      []byte // nil when the range has to be read again
}

func newLedger(term messages.Term, maxAttempts int) *ledger {
	return &ledger{
		term: term, maxAttempts: maxAttempts,
		files: map[messages.FileID]*book{},
		names: map[fileName]messages.FileID{},
		lacks: losses{files: map[messages.FileID]string{}},
		voids: map[chunkName]int{},
		held:  map[messages.WorkerID]map[messages.ChunkID]*entry{},

		touched: map[messages.FileID]bool{},
		trials:  trials{often: map[messages.ChunkID]*entry{}},
		ahead:   map[messages.WorkerID][]*entry{},
	}
}

// take returns what changed since the last call: the writes, and the files that
// became terminal.
func (l *ledger) take() (messages.Batch, []messages.File) {
	out := l.out
	l.out = messages.Batch{}
	ended := make([]messages.File, 0, len(l.ended))
	for _, id := range l.ended {
		ended = append(ended, l.files[id].File)
	}
	l.ended = nil
	return out, ended
}

// restore takes over a stored state.
func (l *ledger) restore(s messages.Snapshot, now time.Time) {
	for _, f := range s.Files {
		l.add(f)
	}
	for _, c := range s.Chunks {
		b := l.files[c.ID.File]
		if b == nil {
			l.orphan(c)
			continue
		}
		e := &entry{OpenChunk: c, since: now}
		b.owed.restored(b, c)
		e.restoreFailures()
		b.open[c.ID.Index] = e
		switch c.State {
		case messages.ChunkAssigned, messages.ChunkRunning:
			e.State = messages.ChunkAssigned
			b.live++
			l.hold(e)
		case messages.ChunkReady:
			b.again.put(e, now)
		}
	}
	for _, w := range s.Workers {
		l.advance(w.ID, w.Capacity)
	}
	l.missed(s)
	for _, f := range s.Files {
		l.audit(l.files[f.ID], now)
		l.settle(l.files[f.ID], now)
	}
}

func (l *ledger) add(f messages.File) *book {
	b := &book{File: f, open: map[int]*entry{}, again: newQueue()}
	b.changed = f.State == messages.FileChanged || f.State == messages.FileFailed
	l.files[f.ID] = b
	l.touched[f.ID] = true
	// A file that ended without a chunk has no name on the wire: it may be one that
	// was refused because another file has that name.
	if f.Cursor.Index > 0 || !f.HasEnded() {
		l.names[b.name()] = f.ID
	}
	if !f.HasEnded() {
		l.turn = append(l.turn, f.ID)
	}
	return b
}

// openFile takes a new file version into work.
func (l *ledger) openFile(f messages.File, now time.Time) error {
	if other, taken := l.names[fileName{f.Base, f.Generation}]; taken && other != f.ID {
		return fmt.Errorf("open %q: its name on the wire, %q, is that of %q: rename it", f.Info.Path, f.Base, l.files[other].Info.Path)
	}
	b := l.add(f)
	l.put(b)
	l.countFiles()
	l.settle(b, now)
	return nil
}

// update records what a listing shows of a file; a zero time changes nothing.
func (l *ledger) update(id messages.FileID, left, modTime time.Time) {
	if b := l.files[id]; b != nil {
		if !left.IsZero() {
			b.Left = left
		}
		if !modTime.IsZero() {
			b.Info.ModTime = modTime
		}
		l.put(b)
	}
}

// forget drops a terminal file.
func (l *ledger) forget(id messages.FileID) {
	b := l.files[id]
	if b == nil || !b.HasEnded() {
		return
	}
	for i := range b.open {
		l.out.DropChunks = append(l.out.DropChunks, messages.ChunkID{File: id, Index: i})
	}
	l.out.DropFiles = append(l.out.DropFiles, id)
	if l.names[b.name()] == id {
		delete(l.names, b.name())
	}
	delete(l.files, id)
	delete(l.lacks.files, id)
	l.countFiles()
	l.touched[id] = true
}

func (l *ledger) put(b *book) {
	l.out.Files = append(l.out.Files, b.File)
	l.touched[b.ID] = true
}

// changes returns what became of the files since the last call: those in work, and
// those that a record was written of. It costs what changed, however many files
// are remembered.
func (l *ledger) changes() *booksSeen {
	out := &booksSeen{counted: l.counted}
	for _, id := range l.turn {
		l.touched[id] = true
	}
	for id := range l.touched {
		if b := l.files[id]; b != nil {
			out.changed = append(out.changed, &messages.FileStatus{File: b.File, Ready: len(b.planned) + b.again.len(), Running: b.live})
		} else {
			out.forgotten = append(out.forgotten, id)
		}
	}
	l.touched = map[messages.FileID]bool{} // a map that once was large is slow for ever
	slices.Sort(out.forgotten)
	slices.SortFunc(out.changed, func(a, b *messages.FileStatus) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// plan takes a chunk from the planner; chunks come in index order.
func (l *ledger) plan(id messages.FileID, c cutter.Cut, now time.Time) {
	b := l.files[id]
	if b == nil || b.changed || b.allCut || c.ID.Index != b.Cursor.Index+len(b.planned) {
		return
	}
	b.planned = append(b.planned, c)
	b.bytes += len(c.Text)
	l.passDead(b, now)
}

// planEnd says that every chunk of the file was planned; blank is the length of
// a rest that holds no item and is in no chunk.
func (l *ledger) planEnd(id messages.FileID, blank int64, now time.Time) {
	if b := l.files[id]; b != nil && !b.changed {
		b.allCut, b.blank = true, blank
		l.settle(b, now)
	}
}

// replan forgets the chunks that were planned and never assigned; the planner
// begins again at the returned cursor. ok is false when nothing is left to plan.
func (l *ledger) replan(id messages.FileID) (at messages.Cursor, ok bool) {
	b := l.files[id]
	if b == nil || b.changed || b.HasEnded() || b.Cursor.Offset >= b.Info.Size {
		return messages.Cursor{}, false
	}
	b.planned, b.bytes, b.allCut, b.blank = nil, 0, false, 0
	return b.Cursor, true
}

// passDead moves the cursor over chunks that are dead from the start.
func (l *ledger) passDead(b *book, now time.Time) {
	for len(b.planned) > 0 && b.planned[0].Dead != "" {
		c := l.pass(b)
		l.bury(b, l.enter(b, c.Chunk), c.Dead)
	}
	l.settle(b, now)
}

// pass moves the file's cursor over its next planned chunk.
func (l *ledger) pass(b *book) cutter.Cut {
	c := b.planned[0]
	b.planned[0] = cutter.Cut{}
	b.planned = b.planned[1:]
	b.bytes -= len(c.Text)
	b.Cursor = messages.Cursor{
		Offset: c.End(), Index: c.ID.Index + 1, Line: c.FirstLine + c.Lines, Chain: chain(b.Cursor.Chain, c.Hash),
	}
	b.Items += int64(c.Items)
	return c
}

func (l *ledger) enter(b *book, c messages.Chunk) *entry {
	e := &entry{OpenChunk: messages.OpenChunk{Chunk: c}}
	b.open[c.ID.Index] = e
	b.owed.add(c, 1)
	return e
}

// bury gives a chunk up.
func (l *ledger) bury(b *book, e *entry, reason string) {
	e.State, e.Reason = messages.ChunkDead, reason
	b.owed.add(e.Chunk, -1)
	l.trials.over(e)
	l.buried = append(l.buried, e.OpenChunk)
	b.DeadChunks++
	b.DeadItems += int64(e.Items)
	l.counted.DeadChunks++
	l.counted.DeadItems += int64(e.Items)
	l.out.Chunks = append(l.out.Chunks, e.OpenChunk)
	l.put(b)
}

// settle ends the file when every chunk is terminal.
func (l *ledger) settle(b *book, now time.Time) {
	if b.HasEnded() {
		return
	}
	if b.allCut && len(b.planned) == 0 && b.blank > 0 && b.Cursor.Offset+b.blank == b.Info.Size {
		b.Cursor.Offset = b.Info.Size
	}
	if !b.changed && (b.Cursor.Offset < b.Info.Size || len(b.planned) > 0) {
		return
	}
	if b.live > 0 || b.again.len() > 0 {
		return
	}
	l.audit(b, now) // nothing that does not add up is called done
	switch {
	case b.changed:
	case b.DeadChunks > 0:
		b.State = messages.FileDoneWithRejects
	default:
		b.State = messages.FileDone
	}
	b.Ended = now
	l.put(b)
	l.ended = append(l.ended, b.ID)
	for i, id := range l.turn {
		if id == b.ID {
			l.turn = append(l.turn[:i:i], l.turn[i+1:]...)
			break
		}
	}
}

// change ends the planning of a file whose bytes are not what they were: done
// chunks stay, chunks at workers may still end, the rest is one dead range.
func (l *ledger) change(id messages.FileID, state messages.FileState, reason string, now time.Time) {
	b := l.files[id]
	if b == nil || b.changed || b.HasEnded() {
		return
	}
	l.giveUp(b, state, reason)
	l.settle(b, now)
}

// giveUp ends the planning of a file and buries what waits.
func (l *ledger) giveUp(b *book, state messages.FileState, reason string) {
	b.State, b.Reason, b.changed = state, reason, true
	b.planned, b.bytes = nil, 0
	b.DeadBytes = b.Info.Size - b.Cursor.Offset
	for _, e := range b.again.empty() {
		l.bury(b, e, reason)
	}
	l.put(b)
}

func (b *book) name() fileName { return fileName{b.Base, b.Generation} }

// chain continues a file's running hash with the hash of its next chunk.
func chain(sum, hash uint64) uint64 {
	const prime = 0x9E3779B185EBCA87 // the first prime of XXH64
	sum ^= hash
	sum = (sum<<31 | sum>>33) * prime
	return sum
}

// kill gives an attempt's chunk up, whatever its failures.
func (l *ledger) kill(b *book, e *entry, reason string, now time.Time) {
	l.journal(e, e.Attempt, e.Worker, "dead", now)
	l.release(b, e)
	l.bury(b, e, reason)
	l.settle(b, now)
}

// refuse notes a file that cannot be worked on.
func (l *ledger) refuse(f messages.File, reason string, now time.Time) {
	f.State, f.Reason, f.Ended = messages.FileFailed, reason, now
	l.files[f.ID] = &book{File: f, open: map[int]*entry{}, again: newQueue(), changed: true}
	l.put(l.files[f.ID])
	l.countFiles()
	l.ended = append(l.ended, f.ID)
}
