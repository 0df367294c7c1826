package messages

import "encoding/json"

// TextRecalled is the error of a chunk that its worker gave back because a recall listed
// it.
const TextRecalled = "recalled"

// MaxRecalled is the largest number of chunks that are recalled at one time. All of their
// ids fit into one message.
const MaxRecalled = 64

// Recall asks a native worker to give back those chunks that it has queued and not begun.
// It travels in the worker's partition of the chunk topic, behind the chunks. A worker that
// does not know it skips it, since it has no batch id.
type Recall struct {
	Worker      WorkerID `json:"id"`
	Deployment  string   `json:"deployment,omitempty"`
	Incarnation string   `json:"incarnation"`
	BatchIDs    []string `json:"recall"`
}

// Encode returns the recall as a Kafka value.
func (r Recall) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil { // impossible with strings only
		panic(err)
	}
	return b
}
