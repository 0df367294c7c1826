package app

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWorkerFlags(t *testing.T) {
	t.Parallel()
	for _, good := range []workerFlags{{parallel: 1}, {parallel: 1000, timeout: time.Second}, {parallel: 1, timeout: 720 * time.Hour}} {
		require.NoError(t, good.check())
	}
	for want, bad := range map[string]workerFlags{
		"--parallel 0": {}, "--parallel 1001": {parallel: 1001}, "--timeout 999ms": {parallel: 1, timeout: 999 * time.Millisecond},
		"--timeout -1s": {parallel: 1, timeout: -time.Second}, "--timeout 721h0m0s": {parallel: 1, timeout: 721 * time.Hour},
	} {
		err := bad.check()
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, want)
	}
}

// Two workers that are started in one folder are two workers.
func TestClaimID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var out strings.Builder
	c := command{stdout: &out}
	first, err := c.claimID(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer first.Release()
	require.Empty(t, out.String())
	second, err := c.claimID(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer second.Release()
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, filepath.Join(dir, "worker_id")+" is in use by another worker, this one takes its id from "+filepath.Join(dir, "worker_id.2")+"\n", out.String())
}
