package worker

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

const (
	checkFolder = ".check-" // prefix of a folder name that no input file leads to
	checkBytes  = 4 << 10
	// maxCheckBytes bounds the file that checks whether there is space again.
	maxCheckBytes = 2 << 20
)

// writeError returns the error for a result that could not be written after size
// bytes. It is Unfit unless a check succeeds, since then no other result can be written
// either.
func (r Results) writeError(cause error, size int64) error {
	if !full(cause) && r.Check() == nil {
		return fmt.Errorf("%w: result in %s: %w", ErrRetry, r.Dir, cause)
	}
	room := int(min(size+checkBytes, maxCheckBytes)) // at least as much as did not fit
	return Unfit(r.unwritable(cause), func(context.Context) error { return r.check(room) })
}

// unwritable describes the cause without the names of files, which differ between
// attempts. The same cause therefore always gives the same text.
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

// full reports whether the disk has no space left. A check with a small file may
// succeed nevertheless.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota) }

// Check returns an error when no result can be written. It performs all steps of a
// result with a test file, from creating a folder to reading the file back, and removes
// both.
func (r Results) Check() error { return r.check(checkBytes) }

func (r Results) check(size int) error {
	err := makeFolder(r.Dir)
	if err != nil {
		return r.unwritable(err)
	}
	root, err := os.OpenRoot(r.Dir) // separate from the root of the result, which the result closes
	if err != nil {
		return r.unwritable(err)
	}
	folder := checkFolder + rand.Text()
	f, err := r.create(checkChunk(), folder, "check_chunk_0")
	if err == nil {
		err = writeSample(f, root, size)
		f.Abort()
	}
	// The folder is removed even when the file could not be created: checks are repeated
	// for a long time, and each would leave a folder behind.
	if err = errors.Join(err, root.RemoveAll(folder), root.Close()); err != nil {
		return r.unwritable(err)
	}
	return nil
}

// checkChunk returns a chunk whose result takes all steps.
func checkChunk() Chunk { return Chunk{BatchID: "check_chunk_0", Hash: "0"} }

// writeSample writes a file of the given size, commits it and reads it back.
func writeSample(f *ResultFile, root *os.Root, size int) error {
	text := bytes.Repeat([]byte("kafka-master\n"), size/13+1)[:size]
	_, _ = f.figures.Write(text)
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
		err = fmt.Errorf("%s does not contain the bytes that were written", path.Base(f.final))
	}
	return err
}
