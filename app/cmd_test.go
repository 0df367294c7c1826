package app

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
	"kafka-master/worker"
)

func TestWorkerFlags(t *testing.T) {
	t.Parallel()
	for _, good := range []workerFlags{
		{parallel: 1, ids: 1}, {parallel: 1000, ids: 1000, timeout: time.Second}, {parallel: 1, ids: 1, timeout: 720 * time.Hour},
	} {
		require.NoError(t, good.check())
	}
	for want, bad := range map[string]workerFlags{
		"--parallel 0": {}, "--parallel 1001": {parallel: 1001}, "--ids 0": {parallel: 1}, "--ids 1001": {parallel: 1, ids: 1001},
		"--timeout 999ms": {parallel: 1, ids: 1, timeout: 999 * time.Millisecond},
		"--timeout -1s":   {parallel: 1, ids: 1, timeout: -time.Second}, "--timeout 721h0m0s": {parallel: 1, ids: 1, timeout: 721 * time.Hour},
	} {
		err := bad.check()
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, want)
	}
}

// Two workers that are started in the same folder have different ids.
func TestMembersWithKeptIDs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var out strings.Builder
	c := command{stdout: &out}
	claim := func(count int) []worker.Member {
		members, release, err := c.members(settings.Settings{DataDir: dir}, count, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.Len(t, members, count)
		t.Cleanup(release)
		return members
	}
	all := claim(1)
	require.Empty(t, out.String())
	all = append(all, claim(1)...)
	require.Equal(t, filepath.Join(dir, "worker_id")+" is in use by another worker, this one uses the id in "+filepath.Join(dir, "worker_id.2")+"\n", out.String())
	out.Reset()
	all = append(all, claim(3)...)
	require.Equal(t, "2 ids in "+dir+" are in use by other workers, these use the ids in "+
		filepath.Join(dir, "worker_id.3")+" to "+filepath.Join(dir, "worker_id.5")+"\n", out.String())
	seen := map[string]bool{}
	for _, m := range all {
		require.False(t, seen[m.ID], "an id is used twice")
		seen[m.ID] = true
	}
}

func TestMembersWithGivenIDs(t *testing.T) {
	t.Parallel()
	for count, want := range map[int][]string{1: {"w"}, 3: {"w-1", "w-2", "w-3"}} {
		members, release, err := command{}.members(settings.Settings{WorkerID: "w"}, count, nil)
		require.NoError(t, err)
		defer release()
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		require.Equal(t, want, ids)
	}
}
