package messages

import "fmt"

// The errors of a change of one file.
var (
	// ErrNoFile is the error of a change of a file version that is not known. It wraps
	// ErrNotFound.
	ErrNoFile = fmt.Errorf("%w: no file has this id", ErrNotFound)
	// ErrEnded is the error of a change that is possible only while a file is in work. It
	// wraps ErrConflict.
	ErrEnded = fmt.Errorf("%w: the file has ended", ErrConflict)
)

type (
	// CancelFile has a file in work not finished: nothing more of it is handed out, and what
	// is neither done nor at a worker is cancelled. The answer is FileChange, once that is
	// committed, or ErrNoFile or ErrEnded.
	CancelFile struct {
		ID FileID
		By string // who asked for it
	}
	// AcknowledgeFile takes the problem off the list that a file changed while it was in work.
	// The answer is FileChange, once that is committed, ErrNoFile, or ErrConflict for a file
	// that did not change.
	AcknowledgeFile struct {
		ID FileID
		By string
	}
	// Rescan has the input folder listed now. The answer is Rescanned, once it is.
	Rescan struct{ By string }
)

func (CancelFile) query()      {}
func (AcknowledgeFile) query() {}
func (Rescan) query()          {}

// FileChange is a file as it was before a change, and as it is.
type FileChange struct{ Old, New *FileStatus }

// Rescanned is what a listing of the input folder shows.
type Rescanned struct {
	Files    int // in the folder
	Settling int // those of them that are not in work yet
}
