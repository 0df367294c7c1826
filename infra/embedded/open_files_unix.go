//go:build unix

package embedded

import (
	"fmt"
	"syscall"
)

// openFiles is how many files this process may open.
func openFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("ask how many files may be open: %w", err)
	}
	return limit.Cur, nil
}
