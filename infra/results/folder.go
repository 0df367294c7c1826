package results

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// MakeFolder creates one folder below root. created reports that it was missing; it is
// durable once its parent is synced.
func MakeFolder(root *os.Root, name string) (created bool, err error) {
	err = root.Mkdir(name, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	info, err := root.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
	}
	return false, err
}

// SyncFolder makes the entries of a folder durable if its file system supports that. Some
// file systems do not (CIFS, FUSE, Windows drives under WSL). This is no failure: there is
// nothing more that a worker could do. open is os.Open, or that of an os.Root.
func SyncFolder(open func(name string) (*os.File, error), name string) error {
	d, err := open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
