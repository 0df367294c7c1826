package app

import (
	"debug/elf"
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

// unmapProgram drops the pages of the program file that are as they are in the file.
func unmapProgram() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program file: %w", err)
	}
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("read the program file: %w", err)
	}
	defer file.Close()
	self, err := procfs.Self()
	if err != nil {
		return fmt.Errorf("find the mapped files: %w", err)
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return fmt.Errorf("find the mapped files: %w", err)
	}
	for _, m := range maps {
		if m.Pathname != program || m.Perms.Write || relocated(file.Progs, m.Offset) {
			continue
		}
		_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, syscall.MADV_DONTNEED)
		if errno != 0 {
			return fmt.Errorf("unmap the program file: %w", errno)
		}
	}
	return nil
}

// relocated reports whether what is mapped from a place of the program file on may differ from
// the file. In a position-independent program the loader writes addresses into it before it
// takes the right to write away, and they would be lost.
func relocated(segments []*elf.Prog, offset int64) bool {
	page := uint64(os.Getpagesize())
	for _, s := range segments {
		if s.Type == elf.PT_LOAD && s.Flags&elf.PF_W != 0 && uint64(offset) >= s.Off/page*page && uint64(offset) < s.Off+s.Filesz {
			return true
		}
	}
	return false
}
