package localfiles

import (
	"context"
	"fmt"

	"kafka-master/infra/inputfile"
	"kafka-master/messages"
)

// Stream reads length bytes of the file at off and passes them to feed, in order, in slices
// of at most a block that are valid only during the call. An error of feed ends the stream and
// is returned unchanged. Stream returns messages.ErrFileChanged if the file is not the
// version in want, or, for a range up to the end of the file, if it is not any more after the
// last read. A range outside of the file is messages.ErrRange. All reads have ended when
// Stream returns, so a cancelled stream waits for those in flight.
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
	err = inputfile.EndsEarly(want, f.reader.Stream(ctx, off, length, readAt(file), feed))
	if err != nil || off+length < want.Size {
		return err
	}
	info, err := lstat(root, want.Path)
	if err != nil {
		return err
	}
	return want.Check(info.Size(), info.ModTime())
}
