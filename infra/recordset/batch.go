// Package recordset reads Kafka's record sets, which are the batches in a fetch response or
// a produce request, in all three message formats.
//
// It trusts nothing. Counts, lengths and offsets come from the writer of a batch, so each is
// checked before memory is allocated for it, and the size of an inflated batch is bounded.
package recordset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kbin"
)

// ErrUnreadable is the error of a batch that is malformed, or larger than MaxInflated when
// it is inflated. Reading it again does not help.
var ErrUnreadable = errors.New("unreadable batch")

const (
	// frameBytes is the size of the base offset and the length at the beginning of a batch.
	frameBytes = 12
	// headerBytes is the size of a batch of format 2 without its records.
	headerBytes = 61
	// magicAt is the position of the format number, the same in all formats.
	magicAt = 16

	crcAt        = 17
	attributesAt = 21
	lastDeltaAt  = 23
	countAt      = 57

	codecMask   = 7
	controlMask = 1 << 5

	// recordBytes is the size of the smallest record of format 2: seven fields of a byte.
	recordBytes = 7
	// headerFields is the size of the smallest header of a record: two lengths.
	headerFields = 2
)

// Batch is a batch of a record set. It shares the memory of the set.
type Batch struct {
	Offset int64 // offset of the first record; in formats 0 and 1 of the message itself
	Next   int64 // offset after the last record
	data   []byte
}

// Next returns the first batch of the set and the rest of the set. ok is false if the
// batch is incomplete, since a broker cuts the last batch where its response is full.
func Next(set []byte) (b Batch, rest []byte, ok bool) {
	if len(set) <= magicAt {
		return Batch{}, set, false
	}
	length := int64(int32(binary.BigEndian.Uint32(set[8:])))
	if length < 0 || frameBytes+length > int64(len(set)) || frameBytes+length <= magicAt {
		return Batch{}, set, false
	}
	b = Header(set)
	b.data = set[:frameBytes+length]
	return b, set[frameBytes+length:], true
}

// Header returns a batch of which only the beginning is available, without records. If its
// offsets are not plausible, Next is the offset after the first one.
func Header(set []byte) Batch {
	if len(set) < 8 {
		return Batch{}
	}
	b := Batch{Offset: int64(binary.BigEndian.Uint64(set))}
	b.Next = b.Offset + 1
	if len(set) >= lastDeltaAt+4 && set[magicAt] == 2 {
		b.Next += int64(max(0, int32(binary.BigEndian.Uint32(set[lastDeltaAt:]))))
	}
	return b
}

// Records calls visit for the records of the batch, in order, until it returns false. A
// null value is nil. The values share the memory of the batch, or of its inflated content,
// whose size is returned. Control batches have no records. An error wraps ErrUnreadable;
// visit was not called then.
func (b Batch) Records(in *Inflater, visit func(offset int64, value []byte) bool) (size int, err error) {
	if len(b.data) <= magicAt {
		return 0, fmt.Errorf("%w: it is incomplete", ErrUnreadable)
	}
	switch magic := b.data[magicAt]; magic {
	case 0, 1:
		return b.oldRecords(in, visit)
	case 2:
		return b.records(in, visit)
	default:
		return 0, fmt.Errorf("%w: message format %d", ErrUnreadable, magic)
	}
}

func (b Batch) records(in *Inflater, visit func(offset int64, value []byte) bool) (size int, err error) {
	if len(b.data) < headerBytes {
		return 0, fmt.Errorf("%w: a header of %d bytes", ErrUnreadable, len(b.data))
	}
	sum := crc32.Checksum(b.data[attributesAt:], crc32.MakeTable(crc32.Castagnoli))
	if want := binary.BigEndian.Uint32(b.data[crcAt:]); sum != want {
		return 0, fmt.Errorf("%w: its checksum is %08x, not %08x", ErrUnreadable, sum, want)
	}
	attributes := binary.BigEndian.Uint16(b.data[attributesAt:])
	if attributes&controlMask != 0 {
		return 0, nil
	}
	body, err := in.inflate(int(attributes&codecMask), b.data[headerBytes:])
	if err != nil {
		return 0, err
	}
	walk := batchWalk{
		base: b.Offset, last: int32(binary.BigEndian.Uint32(b.data[lastDeltaAt:])),
		count: int32(binary.BigEndian.Uint32(b.data[countAt:])),
	}
	if err := walk.run(body, func(int64, []byte) bool { return true }); err != nil {
		return 0, err
	}
	return len(body), walk.run(body, visit)
}

// batchWalk iterates over the records of a batch of format 2.
type batchWalk struct {
	base        int64
	last, count int32
}

func (w batchWalk) run(body []byte, visit func(int64, []byte) bool) error {
	if w.count < 0 || int(w.count) > len(body)/recordBytes {
		return fmt.Errorf("%w: %d records in %d bytes", ErrUnreadable, w.count, len(body))
	}
	r := kbin.Reader{Src: body}
	before := int64(-1)
	for i := range w.count {
		rec := kbin.Reader{Src: r.Span(int(r.Varint()))}
		rec.Int8()    // attributes
		rec.Varlong() // timestamp
		delta := rec.Varlong()
		rec.VarintBytes() // key
		value := rec.VarintBytes()
		skipHeaders(&rec)
		if !r.Ok() || !rec.Ok() || len(rec.Src) > 0 {
			return fmt.Errorf("%w: record %d of %d is malformed", ErrUnreadable, i, w.count)
		}
		if delta <= before || delta > int64(w.last) {
			return fmt.Errorf("%w: record %d has offset %d of 0 to %d", ErrUnreadable, i, delta, w.last)
		}
		before = delta
		if !visit(w.base+delta, value) {
			return nil
		}
	}
	if len(r.Src) > 0 {
		return fmt.Errorf("%w: %d bytes after its %d records", ErrUnreadable, len(r.Src), w.count)
	}
	return nil
}

// skipHeaders skips the headers of a record.
func skipHeaders(r *kbin.Reader) {
	n := int(r.Varint())
	if n < 0 || n > len(r.Src)/headerFields {
		r.Span(-1) // fails
		return
	}
	for i := 0; i < n && r.Ok(); i++ {
		r.Span(int(r.Varint()))
		r.VarintBytes()
	}
}

// Check returns an error unless set is a batch that a producer may send: of format 2, no
// control batch, with readable records whose offsets are consecutive from 0 on.
func Check(in *Inflater, set []byte) error {
	b, rest, ok := Next(set)
	switch {
	case !ok || len(rest) > 0:
		return fmt.Errorf("%w: %d bytes are not a single batch", ErrUnreadable, len(set))
	case b.data[magicAt] != 2 || len(b.data) < headerBytes:
		return fmt.Errorf("%w: message format %d", ErrUnreadable, b.data[magicAt])
	case binary.BigEndian.Uint16(b.data[attributesAt:])&controlMask != 0:
		return fmt.Errorf("%w: a control batch", ErrUnreadable)
	}
	n := int64(0)
	if _, err := b.Records(in, func(int64, []byte) bool { n++; return true }); err != nil {
		return err
	}
	if n == 0 || b.Next-b.Offset != n {
		return fmt.Errorf("%w: %d records at %d offsets", ErrUnreadable, n, b.Next-b.Offset)
	}
	return nil
}
