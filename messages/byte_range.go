package messages

import "strconv"

// hashDigits is the number of hexadecimal digits of a hash in a message.
const hashDigits = 16

// ByteRange is the part of a file that a chunk covers. Workers repeat Offset and Hash
// in their results. A batch id alone does not identify a chunk: a state store that
// lost its last commits gives the same id to another range.
type ByteRange struct {
	Offset int64  // first byte
	Length int64  // number of bytes
	Hash   uint64 // XXH64 of the bytes
}

// HashText returns the hash as messages carry it: 16 hexadecimal digits.
func (r ByteRange) HashText() string { return string(r.appendHash(nil)) }

func (r ByteRange) appendHash(dst []byte) []byte {
	var digits [hashDigits]byte
	text := strconv.AppendUint(digits[:0], r.Hash, 16)
	for range hashDigits - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

func (r ByteRange) append(dst []byte) []byte {
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, `,"length":`...)
	dst = strconv.AppendInt(dst, r.Length, 10)
	dst = append(dst, `,"hash":"`...)
	return append(r.appendHash(dst), '"')
}
