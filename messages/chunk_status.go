package messages

import "time"

// The states in which chunks are listed. Chunks that are done are not remembered.
const (
	ListedReady   = "ready"    // waits for a worker
	ListedBackOff = "back_off" // waits for a time, or for its range to be cut again
	ListedQueued  = "queued"   // at a worker, which has not begun it
	ListedRunning = "running"
	ListedDead    = "dead"
	ListedFailed  = "failed" // done, and some of its items failed
)

// ListedStates lists them.
func ListedStates() []string {
	return []string{ListedReady, ListedBackOff, ListedQueued, ListedRunning, ListedDead, ListedFailed}
}

// QueryChunks asks for the chunks of one file that have not ended, in the order of their ids.
// The answer is a *ChunkPage, nil when the file is not known.
type QueryChunks struct {
	File  FileID
	State string  // one of the first four of ListedStates, empty for all of these
	After ChunkID // only chunks behind this one are listed; zero for all
	Limit int     // most chunks that are listed, at least 1
}

func (QueryChunks) query() {}

// ChunkPage is a part of the list of chunks.
type ChunkPage struct {
	Total int           // matching chunks, on all pages
	List  []ChunkStatus // the first ones behind After
	More  bool          // others follow
}

// ChunkStatus is what people see of a chunk that has not ended.
type ChunkStatus struct {
	Chunk
	Name    string // its name in batch ids, without an attempt
	State   string
	Worker  WorkerID  // that has it, or had it last
	Attempt int       // number of the current or last attempt, 0 for none
	Since   time.Time // time when this state began
	// StalledSince is since when a running chunk shows no progress, if that is unusually long.
	StalledSince time.Time
	Items        int64 // that its message has; those of the retry of failed items only
	Why          Why   // why it does not run
}

// StalledChunk is a chunk in work that shows no progress for unusually long.
type StalledChunk struct {
	BatchID string
	Worker  WorkerID
	Since   time.Time // time of its last progress
	File    FileID
	Path    string        // of the file
	Lines   string        // its lines in the file, for people
	Usual   time.Duration // the median of its file's chunks, 0 while none is known
}
