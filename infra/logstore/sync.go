package logstore

import (
	"errors"
	"syscall"
)

// cannotSync reports whether a file system has no way to sync a folder.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
