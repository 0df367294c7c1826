package logstore

import (
	"errors"
	"syscall"
)

// cannotSync reports whether the error means that a file system cannot sync folders.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
