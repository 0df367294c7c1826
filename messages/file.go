package messages

import (
	"errors"
	"time"
)

// ErrFileChanged says that a file is not, or no longer, the version that was
// asked for: other size or time, truncated, rewritten or gone.
var ErrFileChanged = errors.New("file changed")

// ErrConfig says that an outside system refuses what the settings say (wrong
// password, missing folder or share): a person has to change something.
var ErrConfig = errors.New("a setting or a right is missing")

// FileInfo is an input file as a listing shows it.
type FileInfo struct {
	Path    string // below the input folder, slash separated
	Size    int64
	ModTime time.Time
}

// SameVersion reports whether g can be the same content as f, judged by size
// and modification time.
func (f FileInfo) SameVersion(g FileInfo) bool {
	return f.Path == g.Path && f.Size == g.Size && f.ModTime.Equal(g.ModTime)
}

// FileState is where a file stands.
type FileState uint8

// The states of a file.
const (
	FileSettling        FileState = iota // still being written, or not looked at yet
	FileRunning                          // chunks are cut and handed out
	FileDone                             // every chunk is done
	FileDoneWithRejects                  // every chunk is done or dead, at least one is dead
	FileChanged                          // its bytes changed while it was in work
	FileFailed                           // it cannot be worked on, with a reason
)

var fileStates = [...]string{"settling", "running", "done", "done_with_rejects", "changed", "failed"}

// String returns the state's name as the API shows it.
func (s FileState) String() string { return name(fileStates[:], int(s)) }

// Terminal reports whether nothing of the file version is handed out any more.
// Chunks of it may still be at workers: File.HasEnded tells when they are not.
func (s FileState) Terminal() bool { return s >= FileDone }

// Cursor is how far a file was handed out: everything before it is done or
// open, nothing behind it was ever assigned.
type Cursor struct {
	Offset int64 // first byte of the next chunk
	Index  int   // index of the next chunk
	Line   int64 // number of the next chunk's first line, from 1
	Chain  uint64
}

// File is the stored record of one version of an input file.
type File struct {
	ID          FileID
	Info        FileInfo
	Generation  int    // 1 for the first version of a path
	Fingerprint uint64 // XXH64 of the first and last 64 KiB
	Base        string // its part of batch ids
	State       FileState
	Reason      string // why it failed or changed, else empty
	Cursor      Cursor

	Items      int64 // items of all chunks before the cursor
	DoneChunks int64
	DoneItems  int64
	DeadChunks int64
	DeadItems  int64
	Duplicates int64 // chunks that were counted as ended beyond those that were handed out; 0 unless the stored state is damaged
	Repeats    int64 // completions that changed nothing: the chunk was done already
	DeadBytes  int64 // length of the range behind the cursor that a change made unreadable

	Started time.Time // when it was taken into work
	Ended   time.Time // when it became terminal
	Left    time.Time // when it was first missing from the folder, zero while it is there
}

// Totals counts what became of chunks and of their items.
type Totals struct {
	DoneChunks, DoneItems int64
	DeadChunks, DeadItems int64
}

// Missing is the number of items that are neither done nor dead. At the end of
// a file it must be 0.
func (f File) Missing() int64 { return f.Items - f.DoneItems - f.DeadItems }

// HasEnded reports whether every chunk that was handed out is done or dead and
// nothing more follows.
func (f File) HasEnded() bool { return !f.Ended.IsZero() }

// AddsUp reports whether every chunk and every item of an ended file is counted
// once, as done or dead.
func (f File) AddsUp() bool {
	return f.Missing() == 0 && f.DoneChunks+f.DeadChunks == int64(f.Cursor.Index) && f.Duplicates == 0
}

// AllCut reports whether every byte was handed out.
func (f File) AllCut() bool { return f.Cursor.Offset >= f.Info.Size || f.State == FileChanged }
