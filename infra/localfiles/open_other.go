//go:build !unix

package localfiles

// openNonblocking is not needed on systems without named pipes in folders.
const openNonblocking = 0
