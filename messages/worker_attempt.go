package messages

import "time"

// WorkerAttempt is an attempt that a worker has ended, for people.
type WorkerAttempt struct {
	Chunk   ChunkID
	Path    string // of the file, empty when it is not remembered any more
	BatchID string // empty with it
	Number  int
	Items   int       // items that its message had
	Failed  int64     // those of them that failed in a chunk that is done
	Began   time.Time // when it began, as far as that is known, else when it was handed out; zero for a late result
	Ended   time.Time
	Result  string // done, late, failed, lost, …: the outcome in the journal
	Error   string // why it ended without success, cut to some 100 bytes
}

// QueryWorker asks for one worker. The answer is a *WorkerDetail, nil when it is not known.
type QueryWorker struct{ ID WorkerID }

func (QueryWorker) query() {}

// WorkerDetail is a worker with its last attempts.
type WorkerDetail struct {
	WorkerStatus
	// Attempts are those that ended last, the newest first, since this master began to lead.
	Attempts []WorkerAttempt
}
