package worker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// makeFolder creates the folder and its missing parents, durably.
func makeFolder(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, 0o755); err != nil {
		if info, serr := os.Stat(name); serr == nil && info.IsDir() {
			return nil // another worker has created it meanwhile
		}
		return err
	}
	return syncFolder(parent)
}

// makeFolderIn creates one folder below root. created reports that it was missing; it is
// durable once its parent is synced.
func makeFolderIn(root *os.Root, name string) (created bool, err error) {
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

func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return syncAndClose(d)
}

func syncFolderIn(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return syncAndClose(d)
}

// syncAndClose makes the entries of a folder durable if its file system supports that.
// Some file systems do not (CIFS, FUSE, Windows drives under WSL). This is no failure:
// there is nothing more that a worker could do.
func syncAndClose(d *os.File) error {
	err := d.Sync()
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
