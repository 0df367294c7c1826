package localfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"kafka-master/messages"
)

const (
	blockSize = 1 << 20 // bytes of a read
	blocks    = 3       // one is fed, one is read, one waits
)

// Stream reads length bytes of the file at off and passes them to feed, in order, in slices
// of at most 1 MiB that are valid only during the call. An error of feed ends the stream and
// is returned unchanged. Stream returns messages.ErrFileChanged if the file is not the
// version in want, or, for a range up to the end of the file, if it is not any more after the
// last read. A range outside of the file is messages.ErrRange. One goroutine reads ahead. It
// has ended when Stream returns, so a cancelled stream waits for one read at most.
func (f *Files) Stream(ctx context.Context, want messages.FileInfo, off, length int64, feed func([]byte) error) error {
	if off < 0 || length < 0 || off > want.Size-length {
		return fmt.Errorf("stream: %w: %d bytes at %d of %s, which has %d", messages.ErrRange, length, off, want.Path, want.Size)
	}
	var fed error
	err := f.stream(ctx, want, off, length, func(b []byte) error {
		fed = feed(b)
		return fed
	})
	if err == nil || fed != nil {
		return fed
	}
	return fmt.Errorf("stream: %w", err)
}

func (f *Files) stream(ctx context.Context, want messages.FileInfo, off, length int64, feed func([]byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := f.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	file, err := open(root, want)
	if err != nil {
		return err
	}
	defer file.Close()
	if length <= blockSize {
		err = f.readOne(file, off, length, feed)
	} else {
		err = f.readAhead(ctx, file, off, length, feed)
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s ends early", messages.ErrFileChanged, want.Path)
	}
	if err != nil || off+length < want.Size {
		return err
	}
	info, err := lstat(root, want.Path)
	if err != nil {
		return err
	}
	return want.Check(info.Size(), info.ModTime())
}

// smallRange is the length up to which a range has a buffer of its own size: a planner
// may hold it for long, and many small files are in work at once.
const smallRange = 64 << 10

// readOne feeds a range of at most one block.
func (f *Files) readOne(file *os.File, off, length int64, feed func([]byte) error) error {
	if length == 0 {
		return nil
	}
	var b []byte
	if length <= smallRange {
		b = make([]byte, length)
	} else {
		buf := f.buffers.Get().(*[]byte)
		defer f.buffers.Put(buf)
		b = (*buf)[:length]
	}
	if n, err := file.ReadAt(b, off); n < len(b) {
		return err
	}
	return feed(b)
}

// block is the result of a read.
type block struct {
	buf *[]byte
	n   int
	err error
}

// readAhead feeds a range while a goroutine reads the next blocks.
func (f *Files) readAhead(ctx context.Context, file *os.File, off, length int64, feed func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	free := make(chan *[]byte, blocks)
	full := make(chan block, blocks)
	for range blocks {
		free <- f.buffers.Get().(*[]byte)
	}
	go func() {
		defer close(full)
		readBlocks(ctx, file, off, length, free, full)
	}()
	defer func() { // also if feed panics
		cancel()
		for b := range full {
			free <- b.buf
		}
		for len(free) > 0 {
			f.buffers.Put(<-free)
		}
	}()
	for left := length; left > 0; {
		b, ok := <-full
		if !ok {
			return ctx.Err()
		}
		err := b.err
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = feed((*b.buf)[:b.n])
		}
		free <- b.buf
		if err != nil {
			return err
		}
		left -= int64(b.n)
	}
	return nil
}

// readBlocks reads until the end of the range, a failed read, or the end of ctx. Both
// channels have room for every buffer, so it waits only for a free buffer.
func readBlocks(ctx context.Context, file *os.File, off, length int64, free <-chan *[]byte, full chan<- block) {
	for end := off + length; off < end; {
		var buf *[]byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return
		}
		n := int(min(blockSize, end-off))
		got, err := file.ReadAt((*buf)[:n], off)
		if got == n {
			err = nil
		}
		full <- block{buf: buf, n: n, err: err}
		if err != nil {
			return
		}
		off += int64(n)
	}
}
