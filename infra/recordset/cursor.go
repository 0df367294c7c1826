package recordset

import "encoding/binary"

// cursor reads fields from the front of rest. Once a field is missing, it is bad and
// returns zeros.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.rest)
	if n <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) bytes(n int64) []byte {
	if n < 0 || n > int64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

// nullable reads bytes after their length; a negative length means nil.
func (c *cursor) nullable() []byte {
	n := c.varint()
	if n < 0 {
		return nil
	}
	return c.bytes(n)
}

// nullable32 is nullable with a length of four bytes.
func (c *cursor) nullable32() []byte {
	size := c.bytes(4)
	if c.bad {
		return nil
	}
	n := int32(binary.BigEndian.Uint32(size))
	if n < 0 {
		return nil
	}
	return c.bytes(int64(n))
}

// headers skips the headers of a record.
func (c *cursor) headers() {
	n := c.varint()
	if n < 0 || n > int64(len(c.rest)/headerFields) {
		c.bad = true
		return
	}
	for i := int64(0); i < n && !c.bad; i++ {
		c.bytes(c.varint())
		c.nullable()
	}
}
