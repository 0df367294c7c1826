package app

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/prometheus/procfs"
)

// forgetStart gives back the pages of the program file that only the start needed. The kernel
// maps 16 pages around each one that is used, so the initialization of all packages leaves most
// of the file resident. What is used again is mapped again, from the page cache.
func forgetStart(log *slog.Logger) {
	if err := unmapProgram(); err != nil {
		log.Debug("the pages of the program file stay in memory", "err", err)
	}
}

// unmapProgram drops the pages of the program file that cannot be written to.
func unmapProgram() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program file: %w", err)
	}
	self, err := procfs.Self()
	if err != nil {
		return fmt.Errorf("find the mapped files: %w", err)
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return fmt.Errorf("find the mapped files: %w", err)
	}
	for _, m := range maps {
		if m.Pathname != program || m.Perms.Write {
			continue
		}
		_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, syscall.MADV_DONTNEED)
		if errno != 0 {
			return fmt.Errorf("unmap the program file: %w", errno)
		}
	}
	return nil
}
