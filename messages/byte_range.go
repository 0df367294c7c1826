package messages

import "strconv"

// hashDigits is the length of a hash as it travels.
const hashDigits = 16

// ByteRange says which bytes of a file a chunk is. Workers repeat Offset and Hash in
// their results: a batch id alone does not tell two chunks apart when a state store
// lost its last commits and the name was given again to another range.
type ByteRange struct {
	Offset int64  // of the first byte
	Length int64  // bytes
	Hash   uint64 // XXH64 of the bytes
}

// HashText returns the hash as it travels: 16 hexadecimal digits.
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
