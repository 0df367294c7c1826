//go:build !unix

package localfiles

// openNonblocking is not needed where pipes have no names in folders.
const openNonblocking = 0
