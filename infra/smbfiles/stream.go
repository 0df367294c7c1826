package smbfiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

const (
	blockSize = 1 << 20 // bytes of one read; servers and the library give no more at once
	// patience is how long a stream tries to go on without getting a byte.
	patience = 15 * time.Second
)

// Stream reads length bytes of the file from off on and hands them to feed, in
// order and in slices of at most 1 MiB that are valid during the call only. An
// error of feed ends the stream and is returned as it is. It returns
// messages.ErrFileChanged when the file is not the one that want names, or, for
// a range that ends at the file's end, no longer is. A range outside of the file
// is messages.ErrRange.
//
// A lost connection is made again, for 15 s without progress, and the stream
// goes on at the byte if the file is still the same version. ReadAhead reads are
// in flight; all have ended when Stream returns, which is at most a second after
// ctx has ended.
func (f *Files) Stream(ctx context.Context, want messages.FileInfo, off, length int64, feed func([]byte) error) error {
	if off < 0 || length < 0 || off > want.Size-length {
		return fmt.Errorf("stream: %w: %d bytes at %d of %s, which has %d", messages.ErrRange, length, off, want.Path, want.Size)
	}
	st := &stream{files: f, want: want, off: off, end: off + length}
	st.feed = func(b []byte) error {
		st.fed = feed(b)
		return st.fed
	}
	err := st.run(ctx)
	if err == nil || st.fed != nil {
		return st.fed
	}
	return fmt.Errorf("stream: %w", err)
}

// stream is one call of Stream.
type stream struct {
	files *Files
	want  messages.FileInfo
	off   int64 // everything before it was fed
	end   int64
	tail  int    // how many bytes before off the sum covers, 0 before the first were fed
	sum   uint64 // XXH64 of them
	feed  func([]byte) error
	fed   error // what feed returned
}

// run reads over one connection after the other.
func (st *stream) run(ctx context.Context) error {
	wait := awayWaitMin
	last, since := st.off, time.Now()
	for {
		err := st.attempt(ctx)
		if !errors.Is(err, errAway) || errors.Is(err, messages.ErrConfig) || st.fed != nil {
			return err
		}
		if st.off > last {
			last, since, wait = st.off, time.Now(), awayWaitMin
		}
		if time.Since(since) > patience {
			return err
		}
		if wait == awayWaitMin {
			st.files.log.Warn("smb connection lost while reading, trying to go on", "file", st.want.Path, "offset", st.off, "err", err)
		}
		if !st.files.sleep(ctx, wait) {
			return cmp.Or(ctx.Err(), errClosed)
		}
		wait = min(2*wait, awayWaitMax)
	}
}

// attempt reads what is left over one connection and then looks whether the file
// is still the one that it was.
func (st *stream) attempt(ctx context.Context) error {
	s, err := st.files.link.session(ctx)
	if err != nil {
		return err
	}
	if err := st.read(ctx, s); err != nil {
		return err
	}
	if st.end < st.want.Size {
		return nil
	}
	// By path, after the handle was closed: a server may keep the modification
	// time as it is while the file is open.
	return st.files.stat(ctx, s, st.want)
}

func (st *stream) read(ctx context.Context, s *session) error {
	h, err := st.files.open(ctx, s, st.want)
	if err != nil {
		return err
	}
	defer h.close(ctx) // also when feed panics
	if err := st.goOn(ctx, h); err != nil {
		return endsEarly(st.want, err)
	}
	return endsEarly(st.want, st.readAhead(ctx, h))
}

// goOn checks that the file still holds the bytes that were fed last: a server
// whose process was killed may show the modification time of before for a while.
func (st *stream) goOn(ctx context.Context, h *handle) error {
	if st.tail == 0 {
		return nil
	}
	b := make([]byte, st.tail)
	if err := h.readAt(ctx, b, st.off-int64(st.tail)); err != nil {
		return err
	}
	if xxhash.Sum64(b) != st.sum {
		return fmt.Errorf("%w: %s has other bytes than were read before the connection was lost", messages.ErrFileChanged, st.want.Path)
	}
	return nil
}

// endsEarly makes the end of a file that is shorter than it was what it is.
func endsEarly(want messages.FileInfo, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s ends early", messages.ErrFileChanged, want.Path)
	}
	return err
}

// block is one read under way: the bytes, or why there are none.
type block struct {
	buf  *[]byte
	n    int
	err  error
	done chan struct{} // closed when the read has ended
}

// readAhead feeds what is left while the next blocks are read.
func (st *stream) readAhead(ctx context.Context, h *handle) error {
	ctx, cancel := context.WithCancel(ctx)
	// One block is fed while the others are in flight.
	places := make(chan struct{}, st.files.cfg.ReadAhead+1)
	queue := make(chan *block, cap(places))
	go func() {
		defer close(queue)
		st.request(ctx, h, places, queue)
	}()
	defer func() { // also when feed panics
		cancel()
		for b := range queue {
			<-b.done
			st.files.free(b.buf)
		}
	}()
	for b := range queue {
		<-b.done
		err := b.err
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = st.take((*b.buf)[:b.n])
		}
		st.files.free(b.buf)
		if err != nil {
			return err
		}
		<-places
	}
	return ctx.Err()
}

// take feeds the next bytes and remembers the end of them.
func (st *stream) take(b []byte) error {
	end := b[max(0, len(b)-messages.FingerprintEdge):]
	sum := xxhash.Sum64(end)
	if err := st.feed(b); err != nil {
		return err
	}
	st.off, st.tail, st.sum = st.off+int64(len(b)), len(end), sum
	return nil
}

// buffer returns room for n bytes, at most blockSize. A chunk that is read again
// is small, and not worth a whole block.
func (f *Files) buffer(n int) *[]byte {
	if n <= blockSize/8 {
		b := make([]byte, n)
		return &b
	}
	return f.buffers.Get().(*[]byte)
}

// free takes a buffer back.
func (f *Files) free(b *[]byte) {
	if len(*b) == blockSize {
		f.buffers.Put(b)
	}
}

// request starts one read after the other until the range or the context ends.
// The queue has room for every block that has a place.
func (st *stream) request(ctx context.Context, h *handle, places chan<- struct{}, queue chan<- *block) {
	for off := st.off; off < st.end; off += blockSize {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case st.files.reads <- struct{}{}:
		case <-ctx.Done():
			return
		}
		n := int(min(blockSize, st.end-off))
		b := &block{buf: st.files.buffer(n), n: n, done: make(chan struct{})}
		queue <- b
		go func() {
			defer close(b.done)
			defer func() { <-st.files.reads }()
			defer func() { // of the library, on what a server sent
				if r := recover(); r != nil {
					b.err = fmt.Errorf("read at %d: panic: %v", off, r)
				}
			}()
			b.err = h.readAt(ctx, (*b.buf)[:b.n], off)
		}()
	}
}
