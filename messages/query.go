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
	// QueryWorkers asks for the workers. The answer is []WorkerStatus.
	QueryWorkers struct{}
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
	// QueryOverview asks how everything goes on. The answer is an Overview.
	QueryOverview struct{}
)

func (QueryWorkers) query()   {}
func (QueryBatchSize) query() {}
func (SetBatchSize) query()   {}
func (QueryTopics) query()    {}
func (GrowPartitions) query() {}
func (QueryOverview) query()  {}

// WorkerStatus is a worker as the API shows it.
type WorkerStatus struct {
	ID         WorkerID
	Kind       WorkerKind
	State      WorkerState
	Partitions []int32
	Capacity   int
	Held       []string  // batch ids of its attempts
	Working    bool      // one of them shows progress
	Silent     bool      // one of them did, and is quiet for longer than that explains
	Seen       time.Time // last sign of life
	Done       uint64    // messages "done" since its supervisor began; they decide nothing
	Note       string    // what keeps it from working, else empty
}

// FileStatus is a file as the API shows it.
type FileStatus struct {
	File
	Ready   int // chunks cut and waiting
	Running int // chunks at workers
}

// Overview is the state of the whole.
type Overview struct {
	Role     string       // "leader", "standby", "starting" or "stopping"
	Term     uint64       // the current one, as far as this master knows
	Leader   Leader       // who leads, empty when nobody does
	Files    []FileStatus // ascending by ID; terminal ones included
	Settling int          // files of the folder that are not taken yet
	Listed   int          // files in the folder, below 0 before it was listed
	Workers  int          // workers that are not lost
	Counted  Totals       // what ended since this master began to lead
	Ignored  uint64       // worker messages that were dropped
	Problems []Problem    // what keeps work from going on
}
