package results

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// digest is the part of a chunk in the digest of its file, see docs/protocol.md.
func (l Line) digest() (uint64, error) {
	hash, err := strconv.ParseUint(l.InputHash, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: input_hash %.32q", ErrDamaged, l.InputHash)
	}
	var b [6 * 8]byte
	for i, n := range [...]uint64{uint64(l.Index), uint64(l.Half), uint64(l.Offset), uint64(l.Length), uint64(l.Items), hash} {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	return xxhash.Sum64(b[:]), nil
}
