package messages

// MaxChunkBytes is the largest encoded chunk message in bytes, JSON frame
// excluded: 900 KiB, which stays below the brokers' default limit of 1,048,588
// bytes a batch with any compression and with room for the other fields.
const MaxChunkBytes = 900 << 10

// Chunk is an immutable byte range of a file version. The ranges of a file are
// disjoint, in order and cover it; a range never changes once it was assigned.
type Chunk struct {
	ID        ChunkID
	Offset    int64  // first byte
	Length    int64  // bytes, blank lines and line ends included
	FirstLine int64  // number of the range's first line, from 1
	Lines     int64  // physical lines in the range, blank ones included
	Items     int    // non-blank lines
	Hash      uint64 // XXH64 of the range's bytes
}

// End is the offset after the chunk's last byte.
func (c Chunk) End() int64 { return c.Offset + c.Length }

// Range is which bytes of its file the chunk is.
func (c Chunk) Range() ByteRange {
	return ByteRange{Offset: c.Offset, Length: c.Length, Hash: c.Hash}
}

// ChunkState is where a chunk stands.
type ChunkState uint8

// The states of a chunk. Done chunks are not kept one by one: a chunk below its
// file's cursor that is not open is done.
const (
	ChunkReady    ChunkState = iota // waits for a worker
	ChunkAssigned                   // handed to a worker, no sign of a start yet
	ChunkRunning                    // its worker shows progress
	ChunkDone                       // every item was done
	ChunkDead                       // given up, with a reason
)

var chunkStates = [...]string{"ready", "assigned", "running", "done", "dead"}

// String returns the state's name as the API shows it.
func (s ChunkState) String() string { return name(chunkStates[:], int(s)) }

// Terminal reports whether nothing more happens to the chunk.
func (s ChunkState) Terminal() bool { return s == ChunkDone || s == ChunkDead }

// OpenChunk is the stored record of a chunk that was assigned at least once and
// is not done, or that is dead.
type OpenChunk struct {
	Chunk
	State    ChunkState
	Attempt  int      // number of the current or last hand-out, from 1
	Failures int      // reported failures, and losses after first progress
	Handouts int      // hand-outs that ended without a result, though the chunk did not wait behind others
	Ahead    bool     // it was handed out to wait behind others
	Worker   WorkerID // who has it, or had it last
	Workers  int      // different workers among the failures, 2 means two or more
	Reason   string   // why it is dead or was taken back, else empty
}

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}
