package recordset

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kbin"
)

// In the formats 0 and 1 a set is a list of messages, and a compressed message contains
// another set. Clients before Kafka 0.11 write them.
const (
	oldCRCAt    = 12
	oldFieldsAt = 18 // after the attributes
)

func (b Batch) oldRecords(in *Inflater, visit func(offset int64, value []byte) bool) (size int, err error) {
	value, codec, err := oldValue(b.data)
	if err != nil {
		return 0, err
	}
	if codec == none {
		visit(b.Offset, value)
		return 0, nil
	}
	set, err := in.inflate(codec, value)
	if err != nil {
		return 0, err
	}
	last := int64(-1)
	err = eachOld(set, func(offset int64, _ []byte) bool { last = offset; return true })
	if err != nil {
		return 0, err
	}
	// In format 1 the inner offsets are relative, and the outer one is that of the last
	// inner message.
	shift := int64(0)
	if b.data[magicAt] == 1 {
		shift = b.Offset - last
	}
	return len(set), eachOld(set, func(offset int64, value []byte) bool { return visit(offset+shift, value) })
}

// eachOld iterates over the messages inside a compressed one.
func eachOld(set []byte, visit func(int64, []byte) bool) error {
	before := int64(-1)
	for len(set) > 0 {
		m, rest, ok := Next(set)
		if !ok {
			return fmt.Errorf("%w: %d bytes after its messages", ErrUnreadable, len(set))
		}
		value, codec, err := oldValue(m.data)
		if err != nil {
			return err
		}
		if codec != none || m.Offset <= before {
			return fmt.Errorf("%w: an inner message has codec %d, offset %d after %d", ErrUnreadable, codec, m.Offset, before)
		}
		before = m.Offset
		if !visit(m.Offset, value) {
			return nil
		}
		set = rest
	}
	return nil
}

// oldValue returns the value of a message and its codec.
func oldValue(m []byte) (value []byte, codec int, err error) {
	if len(m) < oldFieldsAt || m[magicAt] > 1 {
		return nil, 0, fmt.Errorf("%w: a message of %d bytes", ErrUnreadable, len(m))
	}
	if sum, want := crc32.ChecksumIEEE(m[oldCRCAt+4:]), binary.BigEndian.Uint32(m[oldCRCAt:]); sum != want {
		return nil, 0, fmt.Errorf("%w: its checksum is %08x, not %08x", ErrUnreadable, sum, want)
	}
	r := kbin.Reader{Src: m[oldFieldsAt:]}
	if m[magicAt] == 1 {
		r.Int64() // timestamp
	}
	r.NullableBytes() // key
	value = r.NullableBytes()
	if !r.Ok() || len(r.Src) > 0 {
		return nil, 0, fmt.Errorf("%w: malformed message", ErrUnreadable)
	}
	return value, int(m[oldFieldsAt-1] & codecMask), nil
}
