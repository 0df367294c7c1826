package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

const (
	checkFolder = ".check-" // and a random part: no file's results have such a folder
	checkBytes  = 4 << 10
	// maxCheckBytes bounds what is written to find out whether there is room again.
	maxCheckBytes = 2 << 20
)

// trouble is the error of a result that could not be written; size is how large
// it was by then. Where every result would meet the same, it is Unfit; where a
// file of the worker's own can be written, it is only this result that cannot.
func (r Results) writeError(cause error, size int64) error {
	if !full(cause) && r.Check() == nil {
		return fmt.Errorf("%w: result in %s: %w", ErrRetry, r.Dir, cause)
	}
	room := int(min(size+checkBytes, maxCheckBytes)) // no less than what did not fit
	return Unfit(r.unwritable(cause), func(context.Context) error { return r.check(room) })
}

// unwritable is the same text for the same trouble: it leaves out the names of
// files, which differ from try to try.
func (r Results) unwritable(cause error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(cause, &at):
		cause = at.Err
	case errors.As(cause, &link):
		cause = link.Err
	}
	return fmt.Errorf("results in %s cannot be written by this user (%d:%d): %w", r.Dir, os.Getuid(), os.Getgid(), cause)
}

// full reports whether there is no room, which a small file may not find out.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota) }

// Check does with a file of its own all that a result needs, from making a folder
// to reading back what was written, and removes it again. Its error says why no
// result can be written.
func (r Results) Check() error { return r.check(checkBytes) }

func (r Results) check(size int) error {
	err := makeFolder(r.Dir)
	if err != nil {
		return r.unwritable(err)
	}
	root, err := os.OpenRoot(r.Dir) // a result closes its own
	if err != nil {
		return r.unwritable(err)
	}
	folder := checkFolder + randomHex(8)
	f, err := r.create(folder, "check", 0)
	if err == nil {
		err = writeSample(f, root, size)
		f.Abort()
	}
	// Also where not even the file could be made: the tries go on for long, and each
	// would leave a folder.
	if err = errors.Join(err, root.RemoveAll(folder), root.Close()); err != nil {
		return r.unwritable(err)
	}
	return nil
}

func writeSample(f *ResultFile, root *os.Root, size int) error {
	text := bytes.Repeat([]byte("kafka-master\n"), size/13+1)[:size]
	if _, err := f.buf.Write(text); err != nil {
		return err
	}
	if err := f.commit(); err != nil {
		return err
	}
	kept, err := root.Open(f.final)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(kept, int64(size)+1))
	if err = errors.Join(err, kept.Close()); err == nil && !bytes.Equal(got, text) {
		err = fmt.Errorf("%s holds other bytes than were written", path.Base(f.final))
	}
	return err
}
