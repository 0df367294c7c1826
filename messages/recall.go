package messages

import "encoding/json"

// TextRecalled is the error of a chunk that its worker gave back because a recall listed
// it.
const TextRecalled = "recalled"

// TextStopped is the error of a chunk that its worker gave back because a person recalled it.
const TextStopped = "stopped, since a person recalled it"

// MaxRecalled is the largest number of chunks that are recalled at one time. All of their
// ids fit into one message.
const MaxRecalled = 64

// Recall asks a native worker to give back those chunks that it has queued and not begun, and,
// to be stopped, those that it runs. A worker of an earlier version does not know the latter.
// It travels in the worker's partition of the chunk topic, behind the chunks. A worker that
// does not know it skips it, since it has no batch id.
type Recall struct {
	Worker      WorkerID `json:"id"`
	Deployment  string   `json:"deployment,omitempty"`
	Incarnation string   `json:"incarnation"`
	BatchIDs    []string `json:"recall"`
	Stop        bool     `json:"stop,omitempty"` // those that run, too
}

// Encode returns the recall as a Kafka value.
func (r Recall) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil { // impossible with strings only
		panic(err)
	}
	return b
}

// RecallChunks has a worker give back chunks that it has, whether they run or wait, on behalf of
// a person: its command is ended, and the chunk runs again, at another worker if there is one.
// The answer is ChunksRecalled once the request is in the audit, ErrNotFound when the worker or
// the chunk is not there, or ErrConflict for a worker that cannot do it.
type RecallChunks struct {
	Worker  WorkerID
	BatchID string // empty for all that it has
	By      string
}

func (RecallChunks) query() {}

// ChunksRecalled are the batch ids that a worker was asked to give back.
type ChunksRecalled struct{ BatchIDs []string }
