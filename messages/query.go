package messages

import (
	"errors"
	"time"
)

// The errors of an answer.
var (
	// ErrUnavailable says that a part that the answer needs is away; asking
	// again later helps.
	ErrUnavailable = errors.New("not available now")
	// ErrShrink says that a topic cannot have fewer partitions than it has.
	ErrShrink = errors.New("partitions cannot be removed")
	// ErrRange says that a value is outside of what is allowed.
	ErrRange = errors.New("out of range")
)

// A Query is a question that the API asks the actors; each has one answer type.
type Query interface{ query() }

type (
	// QueryWorkers asks for the workers. The answer is []WorkerStatus, ascending by
	// id. It is shared: nobody may change it. Fresh asks for what is so now; the
	// answer may else be half a second old.
	QueryWorkers struct{ Fresh bool }
	// QueryBatchSize asks for the batch size in force. The answer is an int.
	QueryBatchSize struct{}
	// SetBatchSize changes the batch size for every chunk that was not assigned
	// yet. The answer is the int in force, committed.
	SetBatchSize struct{ Items int }
	// QueryTopics asks for the topics of the cluster. The answer is []Topic.
	QueryTopics struct{}
	// GrowPartitions raises the partition count of the chunk topic. The answer
	// is []Topic; ErrShrink when Partitions is below the present count.
	GrowPartitions struct{ Partitions int }
	// QueryOverview asks how everything goes on. The answer is an Overview, shared
	// and as fresh as that of QueryWorkers.
	QueryOverview struct{ Fresh bool }
	// QueryHealth asks for the overview as it was published last. Nothing is waited
	// for, so the answer comes at once whatever else the master does.
	QueryHealth struct{}
	// QueryFiles asks for every file version that is remembered. The answer is
	// []*FileStatus, ascending by ID, shared and as fresh as that of QueryWorkers.
	QueryFiles struct{ Fresh bool }
	// QueryFile asks for one file version. The answer is a *FileStatus, nil when
	// there is none.
	QueryFile struct{ ID FileID }
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

// WorkerStatus is a worker as the API shows it.
type WorkerStatus struct {
	ID         WorkerID
	Kind       WorkerKind
	State      WorkerState
	Partitions []int32
	Capacity   int
	Held       []string    // batch ids of its attempts
	HeldSince  []time.Time // since when it has each of them
	Working    bool        // one of them shows progress
	Silent     bool        // one of them did, and is quiet for longer than that explains
	Seen       time.Time   // last sign of life
	Done       uint64      // messages "done" since its supervisor began; they decide nothing
	Note       string      // what keeps it from working, else empty
}

// FileStatus is a file as the API shows it.
type FileStatus struct {
	File
	Ready   int // chunks cut and waiting
	Running int // chunks at workers
}

// WorkerCounts counts workers by kind and state.
type WorkerCounts [Native + 1][WorkerGone + 1]int

// Present is the number of workers that are not lost and have not left.
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

// FileTotals is what all remembered files come to together.
type FileTotals struct {
	States                 [FileFailed + 1]int // files by state
	Items                  int64               // cut so far
	DoneItems, DeadItems   int64
	DoneChunks, DeadChunks int64
	Ready, Running         int // chunks
}

// Add counts a file n times; -1 takes it out again.
func (t *FileTotals) Add(f FileStatus, n int) {
	x := int64(n)
	t.States[f.State] += n
	t.Items += x * f.Items
	t.DoneItems += x * f.DoneItems
	t.DeadItems += x * f.DeadItems
	t.DoneChunks += x * f.DoneChunks
	t.DeadChunks += x * f.DeadChunks
	t.Ready += n * f.Ready
	t.Running += n * f.Running
}

// Overview is the state of the whole. It is immutable.
type Overview struct {
	Role       string       // "leader", "standby", "starting" or "stopping"
	Term       uint64       // the current one, as far as this master knows
	Leader     Leader       // who leads, empty when nobody does
	Files      FileTotals   // of all files that are remembered
	Working    []FileStatus // files that have not ended, ascending by ID
	Ended      []FileStatus // files that ended last, oldest first; see EndedCount
	EndedCount uint64       // files that ended since this process first led
	Settling   int          // files of the folder that are not taken yet
	Listed     int          // files in the folder, below 0 before it was listed
	Workers    WorkerCounts
	Counted    Totals    // what ended since this master began to lead
	Ignored    uint64    // worker messages that were dropped
	Problems   []Problem // what a person has to know of, in a fixed order
}
