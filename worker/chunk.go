package worker

import (
	"context"
	"errors"

	"kafka-master/messages"
)

// Chunk is one piece of work: consecutive items of one input file.
type Chunk struct {
	// BatchID names this attempt. It differs from attempt to attempt.
	BatchID string
	// Name names the chunk without its attempt, and so its result.
	Name string
	// File is the input file's path below the input folder, "" when the sender
	// did not say. It is untrusted: check it before it becomes a path.
	File string
	// Generation counts the versions of File, from 1; 0 when not said.
	Generation int
	// Attempt counts the hand-outs of the chunk, from 1; 0 when not said.
	Attempt int
	// Term is the leadership that sent the chunk, 0 when not said.
	Term uint64
	// Deployment is the random id of what the sender's state store holds, "" when
	// not said. Batch ids are unique within one deployment only.
	Deployment string
	// FirstLine is the line number of the first item, from 1; 0 when not said.
	FirstLine int64
	// Offset and Length are the byte range of File that the items are, and Hash the
	// XXH64 of these bytes in 16 hexadecimal digits, "" when not said.
	Offset, Length int64
	Hash           string
	// Items are the lines without their line ends, as they are in the file.
	Items []string
	// Worker is the id of the worker that runs the chunk.
	Worker messages.WorkerID
}

// Handler works on one chunk. progress takes the number of items that are done
// so far; it is cheap, may be called after every item and from any goroutine,
// and has no effect once the handler returned.
//
// A nil error means that the whole chunk is done. ErrRetry gives the chunk back
// to run again later; every other error, and a panic, is a failed attempt. ctx
// ends when the worker has to stop; the handler must then return soon, since
// Run waits for it, and the chunk runs again elsewhere whatever it returns.
type Handler func(ctx context.Context, chunk Chunk, progress func(done int)) error

// ErrRetry is returned (or wrapped) by a Handler to say that the chunk cannot
// run now and is not to blame: it is handed out again later and does not count
// as a failure. Unfit says that it is the worker that cannot run any.
var ErrRetry = errors.New("to be retried later")

func newChunk(m messages.ChunkMessage) Chunk {
	return Chunk{
		BatchID: m.BatchID, Name: messages.ResultName(m.BatchID), File: m.File, Generation: m.Generation,
		Attempt: m.Attempt, Term: m.Term, Deployment: m.Deployment, FirstLine: m.FirstLine,
		Offset: m.Offset, Length: m.Length, Hash: m.Hash, Items: m.Data, Worker: messages.WorkerID(m.ID),
	}
}
