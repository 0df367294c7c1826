package worker

import (
	"context"
	"errors"

	"kafka-master/messages"
)

// Chunk is one unit of work: consecutive items of one input file. A field that
// the sender left out has its zero value.
type Chunk struct {
	// BatchID identifies this attempt. Every attempt has another one.
	BatchID string
	// Name identifies the chunk regardless of the attempt. Its result has this name.
	Name string
	// File is the path of the input file below the input folder. It is untrusted:
	// validate it before you use it as a path.
	File string
	// Generation is the version of File, counted from 1.
	Generation int
	// Attempt is the number of times that the chunk was handed out, counted from 1.
	Attempt int
	// Term is the term of the leader that sent the chunk.
	Term uint64
	// Deployment is the random id of the state in the sender's store. Batch ids are
	// unique within one deployment only.
	Deployment string
	// FirstLine is the line number of the first item, counted from 1. Blank lines at the
	// beginning of a file are counted too.
	FirstLine int64
	// Lines is the number of lines of the range if it has blank lines, else 0.
	Lines int64
	// Gaps are the runs of blank lines among these; nil if the sender does not tell them.
	Gaps []messages.Gap
	// Offset and Length are the byte range of the items in File.
	Offset, Length int64
	// Hash is the XXH64 of this range as 16 hexadecimal digits.
	Hash string
	// Retry is the round in which items of the chunk that failed are run again, counted
	// from 1; 0 for the chunk itself.
	Retry int
	// Positions are those of Items in the chunk, as ascending ranges counted from 0; nil
	// when Items are all items of the chunk. Only a retry has them.
	Positions []messages.ItemRange
	// Items are the lines of the file, unchanged but without their line ends.
	Items []string
	// Worker is the id of the worker that runs the chunk.
	Worker messages.WorkerID

	report *report // nil in a Chunk that no worker made
}

// Handler processes one chunk. progress takes the number of items that are done so
// far. It is cheap, may be called after every item and from any goroutine, and has
// no effect after the handler has returned.
//
// A nil error means that the whole chunk is done, except for the items that were
// reported by Chunk.Fail. ErrRetry gives the chunk back, to
// run again later. Every other error, and a panic, is a failed attempt. ctx ends
// when the worker has to stop or the chunk's deadline has passed. The handler must
// then return soon, since Run waits for it; the chunk does not count as done
// whatever the handler returns.
type Handler func(ctx context.Context, chunk Chunk, progress func(done int)) error

// ErrRetry is returned (or wrapped) by a Handler that cannot process the chunk now
// for a reason that is not the chunk's. The chunk is handed out again later, and
// the attempt does not count as a failure. A Handler that cannot process any chunk
// returns Unfit instead.
var ErrRetry = errors.New("to be retried later")

func newChunk(m messages.ChunkMessage) Chunk {
	positions := messages.PositionsOf(m.Positions, len(m.Data))
	return Chunk{
		BatchID: m.BatchID, Name: messages.ResultName(m.BatchID), File: m.File, Generation: m.Generation,
		Attempt: m.Attempt, Term: m.Term, Deployment: m.Deployment, FirstLine: m.FirstLine, Lines: m.Lines,
		Gaps:   messages.GapsOf(m.Gaps, m.Lines, positions, len(m.Data)),
		Offset: m.Offset, Length: m.Length, Hash: m.Hash, Items: m.Data, Worker: messages.WorkerID(m.ID),
		Retry: m.Retry, Positions: positions,
	}
}
