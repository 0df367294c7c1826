package cutter

import (
	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Halve cuts the range of a chunk in two, each with half of the items; the first half has
// one more when their number is odd. It returns ErrOtherBytes when the range is not what it
// was. stream feeds the range; its errors are returned as they are.
func Halve(c messages.Chunk, stream func(feed func([]byte) error) error) (halves [2]Cut, err error) {
	first, second := c.ID.Halves()
	ids := [...]messages.ChunkID{first, second}
	n := 0
	x := New(c.ID.File, messages.Cursor{Offset: c.Offset, Line: c.FirstLine}, (c.Items+1)/2, func(k Cut) error {
		if n == len(halves) {
			return ErrOtherBytes
		}
		k.ID = ids[n]
		halves[n] = k
		n++
		return nil
	})
	whole := xxhash.New()
	err = stream(func(b []byte) error {
		whole.Write(b)
		return x.Feed(b)
	})
	if err == nil {
		_, err = x.Finish()
	}
	if err != nil {
		return halves, err
	}
	a, b := halves[0].Chunk, halves[1].Chunk
	if n < len(halves) || whole.Sum64() != c.Hash || a.Length+b.Length != c.Length || a.Items+b.Items != c.Items || a.Lines+b.Lines != c.Lines {
		return halves, ErrOtherBytes
	}
	return halves, nil
}
