package actors

import "kafka-master/messages"

// assignment is a chunk for a worker.
type assignment struct {
	chunk      messages.Chunk
	worker     messages.WorkerID
	attempt    int
	batchID    string
	file       messages.FileInfo
	generation int
	lines      []byte // nil when the range has to be read again
}

type (
	ending  = Ending
	verdict = Verdict
)
