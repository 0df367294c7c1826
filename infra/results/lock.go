package results

import (
	"errors"
	"fmt"
	"os"
	"path"
)

// ErrBusy means that another process has a lock.
var ErrBusy = errors.New("another process is at it")

// lockName is the file below ManifestFolder that is locked while a result is put in place.
const lockName = "lock"

// Lock waits until nobody else puts results in place in the folder, and returns what ends
// that. Where the file system knows no locks, it returns at once.
func Lock(root *os.Root, folder string) (unlock func(), err error) {
	if _, err := MakeFolder(root, path.Join(folder, ManifestFolder)); err != nil {
		return nil, err
	}
	f, err := root.OpenFile(path.Join(folder, ManifestFolder, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f, true); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil // closing it releases the lock
}

// lock is a file that only one process has locked at a time, as far as its file system
// knows locks.
type lock struct{ file *os.File }

// acquire locks the file of this path, which is created. It returns ErrBusy while another
// process has it.
func acquire(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("create the lock: %w", err)
		}
		if err := lockFile(f, false); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(mine, there) {
				return &lock{f}, nil
			}
		}
		_ = f.Close() // its holder removed it meanwhile
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// release removes the file.
func (l *lock) release() {
	if l != nil {
		_ = os.Remove(l.file.Name())
		_ = l.file.Close()
	}
}
