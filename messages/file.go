package messages

import (
	"errors"
	"time"
)

// ErrFileChanged is the error of a file that is not, or no longer, the expected
// version: its size or time differs, it was truncated or rewritten, or it is gone.
var ErrFileChanged = errors.New("file changed")

// ErrConfig is the error of an outside system that does not work with the present
// settings (wrong password, missing folder or share): a person has to act.
var ErrConfig = errors.New("a setting or a right is missing")

// FileInfo describes an input file as a listing shows it.
type FileInfo struct {
	Path    string // relative to the input folder, separated by slashes
	Size    int64
	ModTime time.Time
}

// SameVersion reports whether path, size and modification time of f and g are equal,
// so that both can be the same version of a file.
func (f FileInfo) SameVersion(g FileInfo) bool {
	return f.Path == g.Path && f.Size == g.Size && f.ModTime.Equal(g.ModTime)
}

// FileState is the state of a file version.
type FileState uint8

// The states of a file.
const (
	FileSettling        FileState = iota // may still be written, or was not read yet
	FileRunning                          // its chunks are cut and assigned
	FileDone                             // every chunk is done
	FileDoneWithRejects                  // every chunk is done or dead, at least one is dead or has failed items
	FileChanged                          // its content changed while it was in work
	FileFailed                           // cannot be worked on, see Reason
	FileCancelled                        // somebody cancelled it while it was in work

	// LastFileState is the last of the states.
	LastFileState = FileCancelled
)

var fileStates = [...]string{"settling", "running", "done", "done_with_rejects", "changed", "failed", "cancelled"}

// String returns the state's name as the API shows it.
func (s FileState) String() string { return name(fileStates[:], int(s)) }

// Terminal reports whether no more chunks of the file version are assigned. Workers
// may still have some of them, see File.HasEnded.
func (s FileState) Terminal() bool { return s >= FileDone }

// Cursor is the position up to which a file was assigned to workers. Every chunk before
// it is done, open, dead or cancelled; no chunk behind it was ever assigned.
type Cursor struct {
	Offset int64  // first byte of the next chunk
	Index  int    // index of the next chunk
	Line   int64  // number of the next chunk's first line, from 1
	Chain  uint64 // hash over the hashes of all chunks before the cursor
}

// File is the stored record of one version of an input file.
type File struct {
	ID          FileID
	Info        FileInfo
	Generation  int    // number of this version of the path, from 1
	Fingerprint uint64 // XXH64 of the first and last 64 KiB
	Base        string // part of its batch ids, see Base
	State       FileState
	Reason      string // why it failed or changed, or who cancelled it; else empty
	Cursor      Cursor

	Items      int64 // items of all chunks before the cursor
	DoneChunks int64
	DoneItems  int64 // items of done chunks that did not fail
	// FailedItems counts the items of done chunks that failed.
	FailedItems int64
	DeadChunks  int64
	DeadItems   int64
	Halvings    int64 // chunks that were halved: each of them made one chunk more
	Duplicates  int64 // ends that were counted in excess of the assigned chunks; 0 unless the stored state is damaged
	Repeats     int64 // results of chunks that were done already
	DeadBytes   int64 // length of the range behind the cursor that a change made unreadable

	// DiscardedChunks and DiscardedItems are those of the dead ones that a person took off
	// the list.
	DiscardedChunks, DiscardedItems int64
	// DiscardedFailed counts the failed items that a person took off the list.
	DiscardedFailed int64

	// CancelledChunks and CancelledItems are those that were not done when the file was
	// cancelled; CancelledBytes is the length of the range behind the cursor, which is not
	// cut any more.
	CancelledChunks, CancelledItems, CancelledBytes int64

	// Digest is the sum, modulo 2^64, of the digests of all done chunks. It does not
	// depend on their order, so that it can be compared with what was recorded
	// elsewhere although done chunks have no records.
	Digest         uint64
	RecordedChunks int64 // done chunks whose worker recorded the result in a manifest
	OutputLines    int64 // lines of these results
	// UnrecordedRetries counts the retries of failed items that are done, and whose worker
	// recorded no result. Earlier versions did not count them.
	UnrecordedRetries int64
	// Digested reports whether every done chunk was added to these three. Not so for a
	// file that an earlier version of the program began.
	Digested bool

	Steering // how people steer it
	// Acknowledged reports that a person has seen that it changed while it was in work.
	Acknowledged bool

	Started time.Time // time when work on it began
	Ended   time.Time // time when its last chunk ended, zero before
	Merged  time.Time // time when its results were merged, zero before and while it is in work again
	Left    time.Time // time when it was first missing from the folder, zero while it is there
}

// Totals counts chunks, and the items in them, by how they ended.
type Totals struct {
	DoneChunks, DoneItems int64
	FailedItems           int64 // of done chunks
	DeadChunks, DeadItems int64
	// CancelledChunks and CancelledItems are of files that were cancelled.
	CancelledChunks, CancelledItems int64
}

// EndedItems returns the number of items that are done, failed or dead. Items that were
// cancelled took nobody any time.
func (t Totals) EndedItems() int64 { return t.DoneItems + t.FailedItems + t.DeadItems }

// EndedItems returns the number of items that are done, failed, dead or cancelled.
func (f File) EndedItems() int64 { return f.DoneItems + f.FailedItems + f.DeadItems + f.CancelledItems }

// Missing returns the number of items that are neither done nor failed nor dead nor
// cancelled. It must be 0 when the file has ended.
func (f File) Missing() int64 { return f.Items - f.EndedItems() }

// HasEnded reports whether every assigned chunk is done, dead or cancelled and no more
// chunks follow.
func (f File) HasEnded() bool { return !f.Ended.IsZero() }

// Chunks returns the number of chunks before the cursor. A chunk that was halved is
// counted as its two halves.
func (f File) Chunks() int64 { return int64(f.Cursor.Index) + f.Halvings }

// ChunkName returns the name of one of the file's chunks in messages and results.
func (f File) ChunkName(id ChunkID) ChunkName {
	return ChunkName{Base: f.Base, Generation: f.Generation, Index: id.Index, Half: id.Half, Retry: id.Retry}
}

// BatchID returns the name of an attempt at one of the file's chunks.
func (f File) BatchID(id ChunkID, attempt int) string { return f.ChunkName(id).BatchID(attempt) }

// AddsUp reports whether every chunk and every item of an ended file was counted
// exactly once, as done, failed, dead or cancelled.
func (f File) AddsUp() bool {
	return f.Missing() == 0 && f.EndedChunks() == f.Chunks() && f.Duplicates == 0
}

// EndedChunks returns the number of chunks that are done, dead or cancelled.
func (f File) EndedChunks() int64 { return f.DoneChunks + f.DeadChunks + f.CancelledChunks }

// Whole reports whether nothing of the file was left out because it was cancelled.
func (f File) Whole() bool { return f.State != FileCancelled || f.CancelledItems+f.CancelledBytes == 0 }

// DigestKnown reports whether Digest covers every done chunk.
func (f File) DigestKnown() bool { return f.Digested || f.DoneChunks == 0 }

// AllCut reports whether the whole file was assigned to workers.
func (f File) AllCut() bool { return f.Cursor.Offset >= f.Info.Size || f.State == FileChanged }
