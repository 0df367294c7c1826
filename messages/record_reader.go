package messages

import (
	"encoding/binary"
	"math"
)

// AppendText appends a text after its length, as RecordReader reads it.
func AppendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// RecordReader reads the fields of a binary record: numbers as uvarints, and texts after
// their lengths. Once a field is bad, Bad stays set.
type RecordReader struct {
	Rest []byte // what was not read yet
	Bad  bool
}

// Number reads a number.
func (r *RecordReader) Number() uint64 {
	n, size := binary.Uvarint(r.Rest)
	if size <= 0 {
		r.Bad, r.Rest = true, nil
		return 0
	}
	r.Rest = r.Rest[size:]
	return n
}

// Count reads the length of a text, or of a list whose elements have at least one byte
// each.
func (r *RecordReader) Count() int {
	n := r.Number()
	if n > uint64(len(r.Rest)) {
		r.Bad, r.Rest = true, nil
		return 0
	}
	return int(n)
}

// Bytes reads a text. It shares the memory of the record.
func (r *RecordReader) Bytes() []byte {
	n := r.Count()
	b := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return b
}

// Text reads a text.
func (r *RecordReader) Text() string { return string(r.Bytes()) }

// Complete reports whether all fields were valid and nothing is left.
func (r *RecordReader) Complete() bool { return !r.Bad && len(r.Rest) == 0 }

func (r *RecordReader) int64() int64 { return int64(r.Number()) }

func (r *RecordReader) int() int {
	n := r.int64()
	if n > math.MaxInt || n < math.MinInt {
		r.Bad = true
	}
	return int(n)
}

func (r *RecordReader) flag() bool {
	n := r.Number()
	r.Bad = r.Bad || n > 1
	return n == 1
}
