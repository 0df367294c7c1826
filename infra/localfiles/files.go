package localfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"kafka-master/infra/inputfile"
	"kafka-master/messages"
)

// Files is an input folder. It is safe for concurrent use. It is created by New.
type Files struct {
	*inputfile.Overlooked
	root   string
	reader *inputfile.Reader
}

const (
	block    = 256 << 10 // bytes of a read
	ahead    = 3         // blocks of a range that are read at once
	maxReads = 64        // reads at once of all ranges; each takes a thread while the file system hangs
)

// New returns the folder at root. Each call opens the folder, so it may be missing at times;
// a missing folder is an error of the call.
func New(root string) *Files {
	return &Files{Overlooked: inputfile.NewOverlooked(root, slog.Default()), root: root, reader: inputfile.NewReader(block, ahead, maxReads)}
}

// openRoot opens the folder. The error wraps messages.ErrConfig if a person has to create the
// folder or to grant rights.
func (f *Files) openRoot() (*os.Root, error) {
	root, err := os.OpenRoot(f.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: input folder %s does not exist: create it, or set CLIENT_DATA_PATH and INPUT_DIR: %w",
			messages.ErrConfig, f.root, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: input folder %s may not be opened: give this user the right to: %w",
			messages.ErrConfig, f.root, err)
	case err != nil:
		if info, e := os.Stat(f.root); e == nil && !info.IsDir() {
			return nil, fmt.Errorf("%w: input folder %s is not a folder: set CLIENT_DATA_PATH and INPUT_DIR: %w",
				messages.ErrConfig, f.root, err)
		}
		return nil, fmt.Errorf("input folder: %w", err)
	}
	return root, nil
}

// lstat describes a file. A file that is gone, or is not a regular file any more, is
// messages.ErrFileChanged.
func lstat(root *os.Root, path string) (fs.FileInfo, error) {
	info, err := root.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is gone", messages.ErrFileChanged, path)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", messages.ErrFileChanged, path)
	}
	return info, nil
}

// open opens the file and checks that it is the version in want.
func open(root *os.Root, want messages.FileInfo) (*os.File, error) {
	if _, err := lstat(root, want.Path); err != nil { // a device must not be opened
		return nil, err
	}
	return openRegular(root, want)
}

// openRegular opens the file and checks that it is a regular file of the version in want. If
// a pipe has replaced the file, it does not wait for a writer.
func openRegular(root *os.Root, want messages.FileInfo) (*os.File, error) {
	file, err := root.OpenFile(want.Path, os.O_RDONLY|openNonblocking, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is gone", messages.ErrFileChanged, want.Path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: input file %s may not be read: give this user the right to: %w",
			messages.ErrConfig, want.Path, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%w: %s is not a regular file", messages.ErrFileChanged, want.Path)
	default:
		err = want.Check(info.Size(), info.ModTime())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Fingerprint returns the XXH64 of the first and last 64 KiB of the file, or of the whole
// file if it is shorter than both together. It returns messages.ErrFileChanged if the file is
// not the version in want.
func (f *Files) Fingerprint(ctx context.Context, want messages.FileInfo) (uint64, error) {
	sum, err := f.fingerprint(ctx, want)
	if err != nil {
		return 0, fmt.Errorf("fingerprint: %w", err)
	}
	return sum, nil
}

func (f *Files) fingerprint(ctx context.Context, want messages.FileInfo) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	root, err := f.openRoot()
	if err != nil {
		return 0, err
	}
	defer root.Close()
	file, err := open(root, want)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return inputfile.Fingerprint(ctx, want, readAt(file))
}

// readAt returns the function that reads a file.
func readAt(file *os.File) inputfile.Read {
	return func(_ context.Context, b []byte, off int64) error {
		n, err := file.ReadAt(b, off)
		if n == len(b) {
			return nil
		}
		return err
	}
}
