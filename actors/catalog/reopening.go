package catalog

import (
	"errors"

	"kafka-master/messages"
)

// The reasons why a version cannot be put into work again.
var (
	ErrForgotten = errors.New("its file is not known any more")
	ErrLeft      = errors.New("its file left the folder, or was archived")
	ErrReplaced  = errors.New("its file has other content now, or is being looked at because its size or time changed")
)

// Present returns a version as the folder shows it. The error is why it cannot be read
// any more.
func (c *Catalog) Present(id messages.FileID) (messages.FileInfo, error) {
	x := c.byID[id]
	switch {
	case x == nil:
		return messages.FileInfo{}, ErrForgotten
	case c.paths[x.info.Path] != x:
		return messages.FileInfo{}, ErrReplaced
	case !x.left.IsZero():
		return messages.FileInfo{}, ErrLeft
	case x.other != nil:
		return messages.FileInfo{}, ErrReplaced
	}
	return x.info, nil
}

// Reopen puts a version that had ended into work again. It gets a place even when all are
// taken. The error is what became of it since Present: it is to be reported, because no
// listing reports it again.
func (c *Catalog) Reopen(id messages.FileID) error {
	x := c.byID[id]
	if x == nil {
		return ErrForgotten
	}
	if x.ended {
		x.ended = false
		c.work.add(x, x.parts())
	}
	switch {
	case !x.left.IsZero():
		return ErrLeft
	case x.other != nil && x.other.settled || c.paths[x.info.Path] != x:
		return ErrReplaced
	}
	return nil
}
