//go:build unix

package localfiles

import "syscall"

// openNonblocking keeps the opening of a pipe from waiting for its other end. It
// changes nothing for a regular file.
const openNonblocking = syscall.O_NONBLOCK
