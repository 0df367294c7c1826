//go:build unix && !solaris && !illumos && !aix

package results

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks an open file until it is closed. Without wait it returns ErrBusy when
// another one has it. It does nothing on file systems without locks.
func lockFile(f *os.File, wait bool) error {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK) && !wait:
			return ErrBusy
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK):
			return nil
		}
		return err
	}
}
