//go:build unix

package localfiles

import "syscall"

// openNonblocking is a flag with which opening a pipe does not wait for its other end. It has
// no effect on regular files.
const openNonblocking = syscall.O_NONBLOCK
