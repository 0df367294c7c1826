package messages

import "time"

// MaxChunkBytes is the largest size of the encoded items of a chunk message. It leaves
// room for the other fields below the brokers' default limit of 1,048,588 bytes for a
// batch, with any compression.
const MaxChunkBytes = 900 << 10

// Chunk is a byte range of a file version. The ranges of a file are disjoint, ordered
// and cover the file. A range never changes once it was assigned.
type Chunk struct {
	ID        ChunkID
	Offset    int64  // first byte
	Length    int64  // number of bytes, with blank lines and line ends
	FirstLine int64  // number of the range's first line, from 1
	Lines     int64  // number of lines, with blank ones
	Items     int    // number of lines that are not blank
	Hash      uint64 // XXH64 of the range's bytes
}

// End is the offset after the chunk's last byte.
func (c Chunk) End() int64 { return c.Offset + c.Length }

// Range returns the part of the file that the chunk covers.
func (c Chunk) Range() ByteRange {
	return ByteRange{Offset: c.Offset, Length: c.Length, Hash: c.Hash}
}

// ChunkState is the state of a chunk.
type ChunkState uint8

// The states of a chunk. Done chunks have no record: a chunk below its file's cursor
// that has none is done. One that is done with failed items has a record, so that these
// can be run again.
const (
	ChunkReady          ChunkState = iota // waits for a worker
	ChunkAssigned                         // assigned to a worker, no progress reported yet
	ChunkRunning                          // its worker reports progress; kept in memory only, stored as assigned
	ChunkDone                             // completed
	ChunkDead                             // given up, see Reason
	ChunkDoneWithFailed                   // completed, some of its items failed
	ChunkCancelled                        // not done when its file was cancelled
)

var chunkStates = [...]string{"ready", "assigned", "running", "done", "dead", "done_with_failed", "cancelled"}

// String returns the state's name as the API shows it.
func (s ChunkState) String() string { return name(chunkStates[:], int(s)) }

// Terminal reports whether the state is final.
func (s ChunkState) Terminal() bool {
	return s == ChunkDone || s == ChunkDead || s == ChunkDoneWithFailed || s == ChunkCancelled
}

// OpenChunk is the stored record of a chunk that was assigned at least once and is not
// done.
type OpenChunk struct {
	Chunk
	State    ChunkState
	Attempt  int      // number of the current or last attempt, from 1
	Failures int      // reported failures, and losses after the first progress
	Handouts int      // attempts that ended without a result although the chunk did not wait behind others
	Unbegun  int      // those of them that ended without any progress, at a worker that was lost or passed the chunk over
	Ahead    bool     // the chunk was assigned to wait behind others
	Worker   WorkerID // worker of the current or last attempt
	Workers  int      // number of workers that failed it, 2 means two or more
	Reason   string   // why it is dead or cancelled, or was taken back; else empty

	// FirstItem is the beginning of its first item, for people; see FirstItem. It is empty
	// where it is not known, as in records of earlier versions.
	FirstItem string
	FailedBy  []WorkerID // workers that failed it, the last one last, at most MaxFailedBy
	EndedAt   time.Time  // when it became dead, cancelled, or done with failed items, zero before
	Discarded bool       // it is dead, and a person took it off the list

	// Of a chunk that is done with failed items, and of a retry of these:
	FailedItems  int64       // how many of its items failed; of a retry those that it is about
	FailedRanges []ItemRange // which ones they are, nil when that is not known
}

// IsRetry reports whether it is a retry of the failed items of a chunk that is done.
func (c *OpenChunk) IsRetry() bool { return c.ID.Retry > 0 }

// Positions returns which of the chunk's items its message has, nil for all.
func (c *OpenChunk) Positions() []ItemRange {
	if !c.IsRetry() {
		return nil
	}
	return c.FailedRanges
}

// Sent returns how many items its message has: a retry of known items has only these.
func (c *OpenChunk) Sent() int64 {
	if len(c.Positions()) > 0 {
		return c.FailedItems
	}
	return int64(c.Items)
}

// MaxFailedBy is how many of the workers that failed a chunk are kept.
const MaxFailedBy = 8

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}
