//go:build !unix

package embedded

import "math"

// openFiles returns the number of files that this process may open, which is not limited
// on this system.
func openFiles() (uint64, error) { return math.MaxInt32, nil }
