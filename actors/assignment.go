package actors

import (
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

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
	ending  = ledger.Ending
	verdict = ledger.Verdict
)

const (
	endLost      = ledger.EndLost
	endSilent    = ledger.EndSilent
	endUnstarted = ledger.EndUnstarted
	endReturned  = ledger.EndReturned
	endRetry     = ledger.EndRetry
	endUnsent    = ledger.EndUnsent
	verdictDone  = ledger.VerdictDone
)
