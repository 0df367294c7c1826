package messages

import (
	"errors"
	"time"
)

// AskTimeout bounds every answer: the API promises one within it, or a 503.
const AskTimeout = 3 * time.Second

// MaxBatchSize is the largest batch size, in items.
const MaxBatchSize = 1_000_000

// MaxTopicPartitions is the largest partition count that a topic is given.
const MaxTopicPartitions = 10_000

// The errors of an answer.
var (
	// ErrUnavailable is the error of a question that cannot be answered now, because
	// something that the answer needs does not respond. Asking later helps.
	ErrUnavailable = errors.New("not available now")
	// ErrShrink is the error of a request for fewer partitions than a topic has.
	ErrShrink = errors.New("partitions cannot be removed")
	// ErrRange is the error of a value that is not in the allowed range.
	ErrRange = errors.New("out of range")
)

// Query is a question of the API to the actors. Each has one type of answer.
type Query interface{ query() }

type (
	// QueryWorkers asks for the workers. The answer is []WorkerStatus, ordered by id.
	// It is shared: nobody may change it. It may be half a second old unless Fresh is
	// set.
	QueryWorkers struct{ Fresh bool }
	// QueryBatchSize asks for the batch size in force. The answer is an int.
	QueryBatchSize struct{}
	// SetBatchSize changes the batch size for all chunks that were not assigned yet.
	// The answer is the new size as an int, once it is committed. By is who asks, as in an
	// AuditEntry; so it is in every query that changes something.
	SetBatchSize struct {
		Items int
		By    string
	}
	// QueryTopics asks for the topics of the cluster. The answer is []Topic.
	QueryTopics struct{}
	// GrowPartitions raises the partition count of the chunk topic. The answer is
	// []Topic, or ErrShrink when Partitions is below the present count.
	GrowPartitions struct {
		Partitions int
		By         string
	}
	// QueryOverview asks for the overview. The answer is an Overview, shared and as
	// fresh as that of QueryWorkers.
	QueryOverview struct{ Fresh bool }
	// QueryHealth asks for the overview that was published last. The answer comes at
	// once, whatever the master does.
	QueryHealth struct{}
	// QueryFiles asks for all remembered file versions. The answer is []*FileStatus,
	// ordered by ID, shared and as fresh as that of QueryWorkers.
	QueryFiles struct{ Fresh bool }
	// QueryFile asks for one file version. The answer is a *FileStatus, nil when the
	// version is not known.
	QueryFile struct{ ID FileID }
	// QueryBooks asks for everything that is recorded of one file version. The answer is
	// a *Books, nil when the version is not known.
	QueryBooks struct{ ID FileID }
)

func (QueryWorkers) query()   {}
func (QueryBatchSize) query() {}
func (SetBatchSize) query()   {}
func (QueryTopics) query()    {}
func (GrowPartitions) query() {}
func (QueryOverview) query()  {}
func (QueryHealth) query()    {}
func (QueryFiles) query()     {}
func (QueryFile) query()      {}
func (QueryBooks) query()     {}

// HeldChunk is a chunk that was sent to a worker and has not ended there.
type HeldChunk struct {
	BatchID string
	Since   time.Time // time when it was assigned, or found there by a restarted master
	Began   time.Time // time when it began to run, zero while it is queued
	// StalledSince is since when it shows no progress, if that is unusually long.
	StalledSince time.Time
}

// WorkerStatus describes a worker for the API.
type WorkerStatus struct {
	ID         WorkerID
	Kind       WorkerKind
	State      WorkerState
	Partitions []int32
	Capacity   int
	Held       []HeldChunk // what was sent to it and has not ended there
	Working    bool        // an attempt reports progress
	Silent     bool        // an attempt reported progress, but not for an unusually long time
	Seen       time.Time   // time of the last sign of life
	Done       uint64      // number of "done" messages since its supervisor started
	Note       string      // why it does not work, else empty
	Why        Why         // why it runs nothing
	Drain      *Drain      // nil unless a person drained it
}

// FileStatus describes a file for the API.
type FileStatus struct {
	*File          // immutable
	Ready   int    // chunks that wait for a worker
	Running int    // chunks at workers
	Paused  string // why nothing new of it is begun, or nothing of it is handed out; else empty
	Why     Why    // why nothing of it runs
	Forecast
}

// WorkerCounts counts workers by kind and state.
type WorkerCounts [Native + 1][WorkerGone + 1]int

// Present returns the number of workers that are not lost and have not left.
func (c WorkerCounts) Present() (n int) {
	for _, kind := range c {
		for state, x := range kind {
			if s := WorkerState(state); s != WorkerLost && s != WorkerGone {
				n += x
			}
		}
	}
	return n
}

// In returns the number of workers in a state.
func (c WorkerCounts) In(s WorkerState) (n int) {
	for _, kind := range c {
		n += kind[s]
	}
	return n
}

// FileTotals sums up all remembered files.
type FileTotals struct {
	States                 [LastFileState + 1]int // number of files by state
	Items                  int64                  // items of the assigned chunks
	DoneItems, DeadItems   int64
	FailedItems            int64 // items of done chunks that failed
	DoneChunks, DeadChunks int64
	// CancelledItems and CancelledChunks are of files that were cancelled.
	CancelledItems, CancelledChunks int64
	Ready, Running                  int // chunks
}

// Add counts a file n times; with -1 it removes a file.
func (t *FileTotals) Add(f FileStatus, n int) {
	x := int64(n)
	t.States[f.State] += n
	t.Items += x * f.Items
	t.DoneItems += x * f.DoneItems
	t.FailedItems += x * f.FailedItems
	t.DeadItems += x * f.DeadItems
	t.DoneChunks += x * f.DoneChunks
	t.DeadChunks += x * f.DeadChunks
	t.CancelledItems += x * f.CancelledItems
	t.CancelledChunks += x * f.CancelledChunks
	t.Ready += n * f.Ready
	t.Running += n * f.Running
}

// Overview describes the state of the deployment. It is immutable.
type Overview struct {
	Role       string       // "leader", "standby", "starting" or "stopping"
	Term       uint64       // number of the current term, as far as this master knows
	Leader     Leader       // current leader, zero when nobody leads
	Files      FileTotals   // totals of all remembered files
	Working    []FileStatus // files that have not ended, ordered by ID
	Ended      []FileStatus // files that ended last, oldest first; see EndedCount
	EndedCount uint64       // number of files that ended since this process first led
	Settling   int          // number of files in the folder that are not in work yet
	Listed     int          // number of files in the folder, below 0 before the first listing
	Workers    WorkerCounts
	Forecast
	OldestReady time.Duration // how long the oldest of the ready chunks has waited
	Counted     Totals        // chunks and items that ended since this master began to lead
	Dispatch    Dispatch      // how people steer all hand-outs
	Ignored     uint64        // worker messages that were dropped
	Problems    []Problem     // in a fixed order
}
