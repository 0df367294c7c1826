package app

import (
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
