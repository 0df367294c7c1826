package messages

import (
	"errors"
	"time"
)

// ErrFenced says that a commit was refused since the store has another term, or
// another batch number than the writer believes. The writer must step down at
// once and load again.
var ErrFenced = errors.New("fenced: the store has a newer term or another batch number")

// Batch is a list of writes that a store applies all or not at all, and only if
// the term is current and Number is the stored number + 1. The same number with
// the same ID was applied already and is a success.
type Batch struct {
	Number uint64
	ID     string // random, the same for every try of this batch

	Files       []File
	DropFiles   []FileID
	Chunks      []OpenChunk
	DropChunks  []ChunkID
	Workers     []Worker
	DropWorkers []WorkerID
	Offsets     []Position // offsets read up to, and send marks
	Values      []Value    // settings and counters
	Journal     []Attempt
}

// Empty reports whether the batch writes nothing.
func (b Batch) Empty() bool {
	return len(b.Files)+len(b.DropFiles)+len(b.Chunks)+len(b.DropChunks)+len(b.Workers)+
		len(b.DropWorkers)+len(b.Offsets)+len(b.Values)+len(b.Journal) == 0
}

// Value is a named setting or counter; counters are written as values, never as
// increments, so that a repeated write is harmless.
type Value struct {
	Name  string
	Value string
}

// The names of stored values.
const (
	ValueBatchSize       = "batch_size"        // the setting in force
	ValueBatchSizeOrigin = "batch_size_origin" // the variable's value when it was last taken over
	ValueNextFile        = "next_file"         // the next FileID
	ValueFileCount       = "file_count"        // how many file records there are
	ValueIdentity        = "identity"          // input folder and topics, JSON
	ValueSample          = "input_sample"      // some files of the input folder, JSON
	ValueDeployment      = "deployment"        // random id, made with the state: tells deployments apart
)

// Attempt is one journal entry: how a hand-out of a chunk ended.
type Attempt struct {
	Chunk   ChunkID
	Number  int
	Worker  WorkerID
	Sent    time.Time
	Ended   time.Time
	Outcome string // done, failed, lost, ...
	Hash    uint64
}

// JournalCap is how many attempts a store keeps; older ones are dropped.
const JournalCap = 10_000

// Snapshot is everything that a store holds but the journal.
type Snapshot struct {
	Number  uint64 // of the last batch
	Files   []File // ascending by ID
	Chunks  []OpenChunk
	Workers []Worker
	Offsets []Position
	Values  map[string]string
}

// Batch returns the writes that make an empty store hold s; number and id are
// those of the last batch that led to it, which is not repeated.
func (s Snapshot) Batch() Batch {
	b := Batch{Number: s.Number, Files: s.Files, Chunks: s.Chunks, Workers: s.Workers, Offsets: s.Offsets}
	for name, value := range s.Values {
		b.Values = append(b.Values, Value{Name: name, Value: value})
	}
	return b
}
