package cutter

import (
	"errors"

	"kafka-master/messages"
)

// ErrOtherBytes reports that the range of a chunk does not hold what was cut from it.
var ErrOtherBytes = errors.New("the file's bytes are not those that were cut")

// Recut cuts the range of a chunk again and returns it with its items, for another attempt. It
// returns ErrOtherBytes when the range is not what it was. stream feeds the range; its
// errors are returned as they are.
func Recut(c messages.Chunk, stream func(feed func([]byte) error) error) (Cut, error) {
	var got *Cut
	at := messages.Cursor{Offset: c.Offset, Index: c.ID.Index, Line: c.FirstLine}
	x := New(c.ID.File, at, c.Items, func(k Cut) error {
		if got != nil {
			return ErrOtherBytes
		}
		k.ID = c.ID
		got = &k
		return nil
	})
	if err := stream(x.Feed); err != nil {
		return Cut{}, err
	}
	if _, err := x.Finish(); err != nil {
		return Cut{}, err
	}
	if got == nil || got.Chunk != c {
		return Cut{}, ErrOtherBytes
	}
	return *got, nil
}
