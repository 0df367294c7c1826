package app

import (
	"bytes"
	"debug/elf"
	"errors"
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
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("look for a debugger: %w", err)
	}
	if traced(status) {
		return errTraced
	}
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

// errTraced is the error of a program that a debugger runs: breakpoints are written into its
// pages, and would be lost.
var errTraced = errors.New("a debugger runs the program")

// traced reports whether a process with this status is run by a debugger.
func traced(status []byte) bool { return !bytes.Contains(status, []byte("\nTracerPid:\t0\n")) }

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
