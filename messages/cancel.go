package messages

import "errors"

// The errors of a change of one file.
var (
	// ErrNoFile is the error of a change of a file version that is not known.
	ErrNoFile = errors.New("no file has this id")
	// ErrEnded is the error of a change that is possible only while a file is in work.
	ErrEnded = errors.New("the file has ended")
)

type (
	// CancelFile has a file in work not finished: nothing more of it is handed out, and what
	// is neither done nor at a worker is cancelled. The answer is FileChange, once that is
	// committed, or ErrNoFile or ErrEnded.
	CancelFile struct {
		ID FileID
		By string // who asked for it
	}
	// Rescan has the input folder listed now. The answer is Rescanned, once it is.
	Rescan struct{ By string }
)

func (CancelFile) query() {}
func (Rescan) query()     {}

// FileChange is a file as it was before a change, and as it is.
type FileChange struct{ Old, New *FileStatus }

// Rescanned is what a listing of the input folder shows.
type Rescanned struct {
	Files    int // in the folder
	Settling int // those of them that are not in work yet
}
