package app

import (
	"debug/elf"
	"os"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"
)

// TestProgramIsUnmapped shows that pages of the program file are given back, and that the
// program goes on.
func TestProgramIsUnmapped(t *testing.T) {
	resident := func() uint64 {
		self, err := procfs.Self()
		require.NoError(t, err)
		status, err := self.NewStatus()
		require.NoError(t, err)
		return status.RssFile + status.RssShmem // the latter of a program in tmpfs
	}
	before := resident()
	require.NoError(t, unmapProgram())
	require.Less(t, resident(), before)
}

// TestRelocatedPagesStay shows that a position-independent program keeps what the loader wrote
// into it. Its last two segments lie behind each other in the file, and the first part of the
// last one is mapped on its own, without the right to write.
func TestRelocatedPagesStay(t *testing.T) {
	load := func(flags elf.ProgFlag, offset, size uint64) *elf.Prog {
		return &elf.Prog{ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Flags: flags, Off: offset, Filesz: size}}
	}
	page := int64(os.Getpagesize())
	segments := []*elf.Prog{
		load(elf.PF_R|elf.PF_X, 0, uint64(2*page)), load(elf.PF_R, uint64(2*page), uint64(page)+100),
		load(elf.PF_R|elf.PF_W, uint64(3*page)+100, uint64(2*page)),
		{ProgHeader: elf.ProgHeader{Type: elf.PT_GNU_RELRO, Flags: elf.PF_R, Off: uint64(3*page) + 100, Filesz: uint64(page)}},
	}
	for offset, want := range map[int64]bool{0: false, 2 * page: false, 3 * page: true, 4 * page: true} {
		require.Equal(t, want, relocated(segments, offset), offset)
	}
}

// TestBreakpointsStay shows how a program that a debugger runs is recognized.
func TestBreakpointsStay(t *testing.T) {
	require.False(t, traced([]byte("Pid:\t7\nTracerPid:\t0\nUid:\t0\n")))
	require.True(t, traced([]byte("Pid:\t7\nTracerPid:\t42\nUid:\t0\n")))
}
