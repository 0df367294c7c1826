package messages

import (
	"errors"
	"time"
)

// ErrFenced is the error of a commit that the store refuses because it has another
// term, or another batch number, than the writer expects. The writer must stop leading
// at once and load the state again.
var ErrFenced = errors.New("fenced: the store has a newer term or another batch number")

// Batch is a list of writes that a store applies as a whole or not at all, and only if
// the term is current and Number is the stored number + 1. A batch with the stored
// number and the stored ID was applied before: committing it again succeeds without an
// effect.
type Batch struct {
	Number uint64
	ID     string // random; the same in every attempt to commit this batch

	Files       []*File // immutable, and shared by everything that keeps them
	DropFiles   []FileID
	Chunks      []OpenChunk
	DropChunks  []ChunkID
	Workers     []Worker
	DropWorkers []WorkerID
	Offsets     []Position // next offsets to read, and send marks
	Values      []Value    // settings and counters
	Journal     []Attempt
}

// Empty reports whether the batch writes nothing.
func (b Batch) Empty() bool {
	return len(b.Files)+len(b.DropFiles)+len(b.Chunks)+len(b.DropChunks)+len(b.Workers)+
		len(b.DropWorkers)+len(b.Offsets)+len(b.Values)+len(b.Journal) == 0
}

// Value is a named setting or counter. Counters are written as values, never as
// increments, so that a repeated write is harmless.
type Value struct {
	Name  string
	Value string
}

// The names of stored values.
const (
	ValueBatchSize       = "batch_size"        // batch size in force
	ValueBatchSizeOrigin = "batch_size_origin" // BATCH_SIZE when it was last applied
	ValueNextFile        = "next_file"         // next FileID; ids of files are never used twice
	ValueFileCount       = "file_count"        // number of file records
	ValueIdentity        = "identity"          // input folder and topics, JSON
	ValueSample          = "input_sample"      // some files of the input folder, JSON
	ValueDeployment      = "deployment"        // random id of the state, which tells deployments apart
	ValueWishes          = "wishes"            // priorities of files that are not taken yet, see EncodeWishes
	ValueDispatch        = "dispatch"          // how people steer all hand-outs, see Dispatch
	ValueAudit           = "audit"             // last changes that people made, see Audit
	ValueLogLevel        = "log_level"         // of all masters, one of LogLevels
	ValueDrained         = "drained"           // workers that people drained, see Drained
)

// Attempt is an entry of the journal: how one assignment of a chunk to a worker ended.
type Attempt struct {
	Chunk   ChunkID
	Number  int
	Worker  WorkerID
	Sent    time.Time
	Ended   time.Time
	Outcome string // done, failed, lost, ...
	Hash    uint64
}

// JournalCap is the number of attempts that a store keeps; older ones are dropped.
const JournalCap = 10_000

// Snapshot is everything that a store holds, except for the journal.
type Snapshot struct {
	Number  uint64  // number of the last batch
	Files   []*File // ascending by ID, immutable as those of a batch
	Chunks  []OpenChunk
	Workers []Worker
	Offsets []Position
	Values  map[string]string
}

// Batch returns the writes that bring an empty store to the state s. The batch has the
// number of the last one that led to s, and no ID, since it is never committed as such.
func (s Snapshot) Batch() Batch {
	b := Batch{Number: s.Number, Files: s.Files, Chunks: s.Chunks, Workers: s.Workers, Offsets: s.Offsets}
	for name, value := range s.Values {
		b.Values = append(b.Values, Value{Name: name, Value: value})
	}
	return b
}
