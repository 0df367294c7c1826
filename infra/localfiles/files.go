package localfiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Files is an input folder. It is safe for concurrent use. Make it with New.
type Files struct {
	root    string
	log     *slog.Logger
	buffers sync.Pool // *[]byte of blockSize

	warned  sync.Map // names that a warning was logged for
	ignored atomic.Pointer[messages.Ignored]
}

// Ignored returns what the last whole listing left out.
func (f *Files) Ignored() messages.Ignored {
	if x := f.ignored.Load(); x != nil {
		return *x
	}
	return messages.Ignored{}
}

// New returns the folder at root. The folder is looked for at every call, so it
// may come and go; a folder that is missing is an error of the call.
func New(root string) *Files {
	return &Files{
		root: root, log: slog.Default(),
		buffers: sync.Pool{New: func() any { b := make([]byte, blockSize); return &b }},
	}
}

// openRoot opens the folder. A folder that a person has to make, or to open for
// us, is an error that wraps messages.ErrConfig.
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

// lstat looks at the file by its path. A file that is gone, or is no regular
// file any more, is messages.ErrFileChanged.
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

// open opens the version that want names.
func open(root *os.Root, want messages.FileInfo) (*os.File, error) {
	if _, err := lstat(root, want.Path); err != nil { // a device is not even opened
		return nil, err
	}
	return openRegular(root, want)
}

// openRegular opens the version that want names, whatever lies under its name by
// now: the opening of a pipe does not wait for a writer.
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

// Fingerprint returns the XXH64 of the file's first and last 64 KiB, of the
// whole file when it is shorter than both together. It returns
// messages.ErrFileChanged when the file is not the one that want names.
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
	head, tail := want.Size, int64(0)
	if want.Size > 2*messages.FingerprintEdge {
		head, tail = messages.FingerprintEdge, messages.FingerprintEdge
	}
	digest := xxhash.New()
	for _, part := range []*io.SectionReader{
		io.NewSectionReader(file, 0, head), io.NewSectionReader(file, want.Size-tail, tail),
	} {
		n, err := io.Copy(digest, part)
		if err != nil {
			return 0, err
		}
		if n < part.Size() {
			return 0, fmt.Errorf("%w: %s ends early", messages.ErrFileChanged, want.Path)
		}
	}
	return digest.Sum64(), nil
}
