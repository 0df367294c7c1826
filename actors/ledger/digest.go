package ledger

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// addDigest adds a done chunk to the digest of its file, and its result to the sums of
// what workers recorded. A file whose done chunks were not all added, because a former
// version of the program counted some, has neither.
func (b *book) addDigest(c messages.Chunk, s messages.Signal) {
	if b.DoneChunks == 0 {
		b.Digested = true
	}
	if !b.Digested {
		return
	}
	b.Digest += digestOf(c)
	if s.Recorded {
		b.RecordedChunks++
		b.OutputLines += s.OutputLines
	}
}

// digestOf is the digest of one chunk. docs/protocol.md defines it, since whoever
// checks a file computes it from the workers' manifests.
func digestOf(c messages.Chunk) uint64 {
	var b [6 * 8]byte
	for i, n := range [...]uint64{uint64(c.ID.Index), uint64(c.ID.Half), uint64(c.Offset), uint64(c.Length), uint64(c.Items), c.Hash} {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	return xxhash.Sum64(b[:])
}
