//go:build unix && !solaris && !illumos && !aix

package results

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks an open file until it is closed. It returns ErrBusy when another one has
// it, and does nothing on file systems without locks.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrBusy
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK):
			return nil
		}
		return err
	}
}
