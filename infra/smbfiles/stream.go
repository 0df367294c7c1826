package smbfiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/infra/inputfile"
	"kafka-master/messages"
)

// resumeTimeout is the time for which a stream tries to continue without getting a byte.
const resumeTimeout = 15 * time.Second

// Stream reads length bytes of the file at off and passes them to feed, in order, in slices
// of at most 1 MiB that are valid only during the call. An error of feed ends the stream and
// is returned unchanged. Stream returns messages.ErrFileChanged if the file is not the
// version in want, or, for a range up to the end of the file, if it is not any more after the
// last read. A range outside of the file is messages.ErrRange.
//
// If the connection is lost, the stream continues at the same byte over a new one, as long as
// the file is the same version. It gives up after 15 s without progress. ReadAhead reads are
// in flight at once. All have ended when Stream returns, which is at most a second after ctx
// has ended.
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
	off   int64 // offset of the next byte to feed
	end   int64
	tail  int    // number of bytes before off that sum covers
	sum   uint64 // XXH64 of the tail
	feed  func([]byte) error
	fed   error // last result of feed
}

// run reads the range, over several connections if necessary.
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
		if time.Since(since) > resumeTimeout {
			return err
		}
		if wait == awayWaitMin {
			st.files.log.Warn("smb connection lost while reading, connecting again", "file", st.want.Path, "offset", st.off, "err", err)
		}
		if !st.files.sleep(ctx, wait) {
			return cmp.Or(ctx.Err(), errClosed)
		}
		wait = min(2*wait, awayWaitMax)
	}
}

// attempt reads the rest of the range over one connection, and then checks that the file is
// still the same version.
func (st *stream) attempt(ctx context.Context) error {
	c, err := st.files.connector.connection(ctx)
	if err != nil {
		return err
	}
	if err := st.read(ctx, c); err != nil {
		return err
	}
	if st.end < st.want.Size {
		return nil
	}
	// The check follows the closing of the handle, since a server may not update the
	// modification time while the file is open.
	return st.files.stat(ctx, c, st.want)
}

func (st *stream) read(ctx context.Context, c *connection) error {
	h, err := st.files.open(ctx, c, st.want)
	if err != nil {
		return err
	}
	defer h.close(ctx) // also if feed panics
	if err := st.verifyTail(ctx, h); err != nil {
		return inputfile.EndsEarly(st.want, err)
	}
	return inputfile.EndsEarly(st.want, st.files.reader.Stream(ctx, st.off, st.end-st.off, h.readAt, st.feedBlock))
}

// verifyTail checks that the file still has the bytes that were fed last. After its process
// was killed a server may report an old modification time for a while.
func (st *stream) verifyTail(ctx context.Context, h *handle) error {
	if st.tail == 0 {
		return nil
	}
	b := make([]byte, st.tail)
	if err := h.readAt(ctx, b, st.off-int64(st.tail)); err != nil {
		return err
	}
	if xxhash.Sum64(b) != st.sum {
		return fmt.Errorf("%w: %s has other bytes than before the connection was lost", messages.ErrFileChanged, st.want.Path)
	}
	return nil
}

// feedBlock feeds the next bytes and updates the tail.
func (st *stream) feedBlock(b []byte) error {
	end := b[max(0, len(b)-messages.FingerprintEdge):]
	sum := xxhash.Sum64(end)
	if err := st.feed(b); err != nil {
		return err
	}
	st.off, st.tail, st.sum = st.off+int64(len(b)), len(end), sum
	return nil
}
