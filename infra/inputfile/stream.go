// Package inputfile holds what the drivers of input folders have in common: it reads ranges
// ahead of whoever takes them, takes fingerprints, and remembers what a listing left out.
package inputfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"kafka-master/messages"
)

// Read fills b with the bytes of a file at off. Its error wraps io.EOF if the file ends
// before. It is called concurrently.
type Read func(ctx context.Context, b []byte, off int64) error

// Reader reads ranges of files. It is safe for concurrent use.
type Reader struct {
	block   int // bytes of a read
	ahead   int
	buffers sync.Pool     // *[]byte of a block
	reads   chan struct{} // semaphore of the reads in flight
}

// NewReader returns a Reader that reads block bytes at once, with ahead reads in flight for
// each range, and reads for all of them together.
func NewReader(block, ahead, reads int) *Reader {
	return &Reader{
		block: block, ahead: ahead, reads: make(chan struct{}, reads),
		buffers: sync.Pool{New: func() any { b := make([]byte, block); return &b }},
	}
}

// block is a read in flight and its result.
type block struct {
	buf  *[]byte
	n    int
	err  error
	done chan struct{} // closed when the read has ended
}

// Stream reads length bytes at off and passes them to feed, in order, in slices of at most
// a block that are valid only during the call. It ends with the first error of read, feed
// or ctx, and returns when all reads have ended.
func (r *Reader) Stream(ctx context.Context, off, length int64, read Read, feed func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	// The additional place is for the block that is fed.
	places := make(chan struct{}, r.ahead+1)
	queue := make(chan *block, cap(places))
	go func() {
		defer close(queue)
		r.request(ctx, off, off+length, read, places, queue)
	}()
	defer func() { // also if feed panics
		cancel()
		for b := range queue {
			<-b.done
			r.free(b.buf)
		}
	}()
	for b := range queue {
		<-b.done
		err := b.err
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = feed((*b.buf)[:b.n])
		}
		r.free(b.buf)
		if err != nil {
			return err
		}
		<-places
	}
	return ctx.Err()
}

// request starts the reads of a range, in order, until ctx ends. The queue has room for
// every block with a place.
func (r *Reader) request(ctx context.Context, off, end int64, read Read, places chan<- struct{}, queue chan<- *block) {
	for off := off; off < end; off += int64(r.block) {
		for _, semaphore := range []chan<- struct{}{places, r.reads} {
			select {
			case semaphore <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
		n := int(min(int64(r.block), end-off))
		b := &block{buf: r.buffer(n), n: n, done: make(chan struct{})}
		queue <- b
		go func() {
			defer close(b.done)
			b.err = read(ctx, (*b.buf)[:b.n], off)
			<-r.reads
		}()
	}
}

// buffer returns a buffer for n bytes, at most a block. A small range, such as a chunk
// that is read again, does not get a whole block: a planner may hold it for long.
func (r *Reader) buffer(n int) *[]byte {
	if n <= r.block/8 {
		b := make([]byte, n)
		return &b
	}
	return r.buffers.Get().(*[]byte)
}

// free returns a buffer to the pool.
func (r *Reader) free(b *[]byte) {
	if len(*b) == r.block {
		r.buffers.Put(b)
	}
}

// EndsEarly turns an unexpected end of the file into messages.ErrFileChanged.
func EndsEarly(want messages.FileInfo, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s ends early", messages.ErrFileChanged, want.Path)
	}
	return err
}
