package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// Files is the side of a ledger that concerns files: taking them into work,
// cutting them, and what listings show of them.
type Files struct{ l *Ledger }

// Files returns the ledger's side that concerns files.
func (l *Ledger) Files() Files { return Files{l} }

// fileName is the name of a file version in batch ids.
type fileName struct {
	base       string
	generation int
}

// book is the ledger's page of one file version.
type book struct {
	*messages.File        // see book.own
	shared         bool   // others have it too
	stopped        bool   // nothing more of it is cut or handed out
	unread         string // why its planner cannot read it, else empty
	*work
	entries map[messages.ChunkID]*entry // chunks that were handed out and are not done
	rejects rejects                     // chunks that are done with failed items
	open    openTotals                  // totals of those that are neither done nor dead
	halves  map[int]map[int]bool        // those of entries that are halves, by index and heap number
	twice   map[messages.ChunkID]bool   // chunks that two workers got: one of the two results is a repeat
}

// work is what a book needs while its file is in work.
type work struct {
	plan
	waiting queue   // chunks to be handed out again
	live    int     // attempts in flight
	tag     float64 // see turns
	blind   int     // halvings since a chunk of the file was last done
	tempo   tempo
}

func newWork() *work {
	return &work{plan: plan{size: messages.MaxChunkBytes}, waiting: newQueue()}
}

// ownWork gives a file that had ended work of its own: it has something to do again.
func (l *Ledger) ownWork(b *book) {
	if b.work == l.rest {
		b.work = newRest()
	}
}

// newRest returns the work of all files that have ended, with nothing to do. They share it,
// since there may be very many of them, and it never changes.
func newRest() *work {
	rest := newWork()
	rest.allCut = true
	return rest
}

func (b *book) name() fileName { return fileName{b.Base, b.Generation} }

// paused reports whether nothing new of a file in work is begun, because too many of its
// items are dead or failed. What was begun is brought to its end. Nothing of this is stored:
// it follows from the figures, so it ends with its cause.
func (b *book) paused(limit messages.DeadLimit) bool {
	more := b.Cursor.Offset < b.Info.Size && (!b.allCut || len(b.cut) > 0)
	return more && limit.Reached(b.File) && !b.stopped && !b.HasEnded()
}

// own makes the record one that only this book has, so that it may be changed. The record
// of a file in work always is. That of an ended file is the one that was stored: there may
// be many of them, and everybody who remembers the file shares it.
func (b *book) own() {
	if b.shared {
		f := *b.File
		b.File, b.shared = &f, false
	}
}

func newBook(f messages.File) *book {
	return &book{File: &f, work: newWork(), entries: map[messages.ChunkID]*entry{}}
}

func (l *Ledger) add(f messages.File) *book {
	b := newBook(f)
	l.enterBook(b)
	return b
}

// restoreFile adds a stored file version.
func (l *Ledger) restoreFile(f *messages.File) {
	b := newBook(*f)
	if f.HasEnded() {
		b.File, b.shared, b.work = f, true, l.rest
	}
	l.enterBook(b)
}

func (l *Ledger) enterBook(b *book) {
	f := b.File
	b.stopped = f.State.Terminal() && f.State != messages.FileDone && f.State != messages.FileDoneWithRejects
	l.files[f.ID] = b
	l.touched[f.ID] = true
	// A file that ended without a chunk has no name on the wire: it may be one that
	// was refused because another file has that name.
	if f.Cursor.Index > 0 || !f.HasEnded() {
		l.names[b.name()] = f.ID
	}
	if !f.HasEnded() {
		l.turns.join(b)
	}
}

// Open takes a new file version into the books. A file that cannot be processed ends
// at once; the error is the reason.
func (x Files) Open(f messages.File, now time.Time) error {
	l := x.l
	if f.State != messages.FileRunning {
		l.refuse(f, f.Reason, now)
		return errors.New(f.Reason)
	}
	if other, taken := l.names[fileName{f.Base, f.Generation}]; taken && other != f.ID {
		err := fmt.Errorf("open %q: its name on the wire, %q, is that of %q: rename it", f.Info.Path, f.Base, l.files[other].Info.Path)
		l.refuse(f, err.Error(), now)
		return err
	}
	b := l.add(f)
	l.store(b)
	l.countFiles()
	l.endWhenComplete(b, now)
	return nil
}

// refuse records a file that cannot be processed.
func (l *Ledger) refuse(f messages.File, reason string, now time.Time) {
	f.State, f.Reason, f.Ended = messages.FileFailed, reason, now
	b := newBook(f)
	b.stopped, b.work = true, l.rest
	l.files[f.ID] = b
	l.store(b)
	l.countFiles()
	l.noteChanged(b)
	l.ended = append(l.ended, f.ID)
}

// Update takes over what a listing shows of a file; a zero time changes nothing. left
// is when the file was first missing from the folder.
func (x Files) Update(id messages.FileID, modTime, left time.Time) {
	b := x.l.files[id]
	if b == nil {
		return
	}
	b.own()
	if !modTime.IsZero() {
		b.Info.ModTime = modTime
	}
	if !left.IsZero() {
		b.Left = left
	}
	x.l.store(b)
}

// Merged records that the results of a file were merged as they were when it ended at this
// time. It changes nothing when the file is in work again, or has ended once more.
func (x Files) Merged(id messages.FileID, ended, merged time.Time) {
	b := x.l.files[id]
	if b == nil || !b.HasEnded() || !b.Ended.Equal(ended) {
		return
	}
	b.own()
	b.Merged = merged
	x.l.store(b)
}

// Forget drops a terminal file.
func (x Files) Forget(id messages.FileID) {
	l := x.l
	b := l.files[id]
	if b == nil || !b.HasEnded() {
		return
	}
	l.out.DropChunks = slices.AppendSeq(l.out.DropChunks, maps.Keys(b.entries))
	l.out.DropChunks = slices.AppendSeq(l.out.DropChunks, maps.Keys(b.rejects.of))
	l.out.DropFiles = append(l.out.DropFiles, id)
	if l.names[b.name()] == id {
		delete(l.names, b.name())
	}
	delete(l.files, id)
	delete(l.losses.files, id)
	l.countFiles()
	l.touched[id] = true
}

// Unread takes in why the planner of a file cannot read it now; an empty reason means that
// it can.
func (x Files) Unread(id messages.FileID, reason string) {
	if b := x.l.files[id]; b != nil {
		b.unread = reason
	}
}

// Fail ends the planning of a file that cannot be read any more, or whose bytes are not
// what they were. Done chunks stay, chunks at workers may still end, the rest is dead.
func (x Files) Fail(id messages.FileID, state messages.FileState, reason string, now time.Time) {
	if b := x.l.files[id]; b != nil {
		x.l.fail(b, state, reason, now)
	}
}

func (l *Ledger) fail(b *book, state messages.FileState, reason string, now time.Time) {
	if b.stopped || b.HasEnded() {
		return
	}
	l.stop(b, state, reason, now)
	l.noteChanged(b)
	l.endWhenComplete(b, now)
}

// stop ends the planning of a file and gives up what waits.
func (l *Ledger) stop(b *book, state messages.FileState, reason string, now time.Time) {
	b.skipBlank()
	b.State, b.Reason, b.stopped = state, reason, true
	b.cut = nil
	b.DeadBytes, b.CancelledBytes = b.Info.Size-b.Cursor.Offset, 0
	if state == messages.FileCancelled {
		b.DeadBytes, b.CancelledBytes = 0, b.DeadBytes
	}
	for _, e := range b.waiting.empty() {
		l.giveUp(b, e, now)
	}
	l.store(b)
}

// giveUp gives a chunk up because its file was stopped.
func (l *Ledger) giveUp(b *book, e *entry, now time.Time) {
	if b.State == messages.FileCancelled {
		l.markCancelled(b, e, b.Reason, now)
	} else {
		l.markDead(b, e, b.Reason, now)
	}
}

// skipBlank moves the cursor over a rest without any item, which is in no chunk.
func (b *book) skipBlank() {
	if b.allCut && len(b.cut) == 0 && b.blank > 0 && b.Cursor.Offset+b.blank == b.Info.Size {
		b.Cursor.Offset = b.Info.Size
	}
}

// store writes the record of a file.
func (l *Ledger) store(b *book) {
	f := *b.File
	l.out.Files = append(l.out.Files, &f)
	l.touched[b.ID] = true
	if f.HasEnded() {
		b.File, b.shared = &f, true
	}
}

// endWhenComplete ends the file when every chunk is terminal.
func (l *Ledger) endWhenComplete(b *book, now time.Time) {
	if b.HasEnded() {
		return
	}
	b.skipBlank()
	if !b.stopped && (b.Cursor.Offset < b.Info.Size || len(b.cut) > 0) {
		return
	}
	if b.live > 0 || b.waiting.len() > 0 {
		return
	}
	l.audit(b, now) // A file that does not add up is never called done.
	switch {
	case b.stopped:
	case b.DeadChunks > 0 || b.FailedItems > 0:
		b.State = messages.FileDoneWithRejects
	default:
		b.State = messages.FileDone
	}
	b.Ended = now
	b.PausedBy, b.PausedSince = "", time.Time{}
	l.turns.leave(b)
	l.shrink(b)
	l.store(b)
	l.ended = append(l.ended, b.ID)
}

// shrink frees what only a file in work needs, since ended files are remembered for long.
func (l *Ledger) shrink(b *book) {
	b.work = l.rest
	if len(b.entries) == 0 {
		b.entries, b.halves = nil, nil
	}
}

// frozen returns a record that is never changed.
func (b *book) frozen() *messages.File {
	if b.shared {
		return b.File
	}
	f := *b.File
	return &f
}

// Books returns everything that is recorded of a file, as the store will hold it.
func (x Files) Books(id messages.FileID) (messages.Books, bool) {
	b := x.l.files[id]
	if b == nil {
		return messages.Books{}, false
	}
	out := messages.Books{File: *b.File}
	for _, e := range b.entries {
		out.Chunks = append(out.Chunks, e.OpenChunk)
	}
	out.Chunks = slices.AppendSeq(out.Chunks, maps.Values(b.rejects.of))
	slices.SortFunc(out.Chunks, func(a, b messages.OpenChunk) int { return a.ID.Compare(b.ID) })
	return out, true
}

// Changed returns what became of the files since the last call: the status of those in
// work and of those whose record was written, and the ids of those that were forgotten.
// Its cost depends on what changed, not on how many files are remembered.
func (x Files) Changed(now time.Time) (changed []*messages.FileStatus, forgotten []messages.FileID) {
	l := x.l
	for _, b := range l.turns.list {
		l.touched[b.ID] = true
	}
	for id := range l.touched {
		if b := l.files[id]; b != nil {
			changed = append(changed, l.status(b, now))
		} else {
			forgotten = append(forgotten, id)
		}
	}
	l.touched = map[messages.FileID]bool{} // A map that once was large stays slow to iterate.
	slices.Sort(forgotten)
	slices.SortFunc(changed, func(a, b *messages.FileStatus) int { return cmp.Compare(a.ID, b.ID) })
	return changed, forgotten
}
