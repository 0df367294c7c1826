package main

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be the children of a measurement, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{brokerCommand, masterCommand, workersCommand, beatsCommand}, os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestChooseScenarios(t *testing.T) {
	all, err := choose("", 0)
	require.NoError(t, err)
	require.Len(t, all, 10)
	gap, err := choose("ahead8,gap", 5000)
	require.NoError(t, err)
	require.Equal(t, []string{"ahead8", "gap-strict", "gap-ahead"}, []string{gap[0].name, gap[1].name, gap[2].name})
	require.Equal(t, []int{5000, 1000, 1000}, []int{gap[0].chunks, gap[1].chunks, gap[2].chunks}, "a limit does not lengthen")
	_, err = choose("strict5", 0)
	require.ErrorContains(t, err, "strict5")
	for _, s := range all {
		require.Zero(t, s.workers%s.processes)
		require.GreaterOrEqual(t, s.partitions, s.workers, "each worker has a partition of its own")
	}
}

func TestMediansAreOfQuietRuns(t *testing.T) {
	all := []result{
		{Scenario: "a", ChunkRate: 1, MasterPeak: 9, OtherCores: 0.1}, {Scenario: "b", ChunkRate: 7, OtherCores: 2},
		{Scenario: "a", ChunkRate: 3, MasterPeak: 7, OtherCores: 0.2}, {Scenario: "b", ChunkRate: 5, OtherCores: 2},
		{Scenario: "a", ChunkRate: 2, MasterPeak: 8, OtherCores: 0.3}, {Scenario: "b", ChunkRate: 6, OtherCores: 2},
		{Scenario: "a", ChunkRate: 0, OtherCores: 1},
	}
	mid := medians(all)
	require.Equal(t, []result{
		{Scenario: "a", ChunkRate: 2, MasterPeak: 8, OtherCores: 0.2, Runs: 3},
		{Scenario: "b", ChunkRate: 6, OtherCores: 2, Runs: 3},
	}, mid)
}

func TestGaps(t *testing.T) {
	ms := int64(time.Millisecond)
	var r result
	r.gaps([]diary{{Spans: []span{{0, 5 * ms}, {7 * ms, 9 * ms}}}, {Spans: []span{{1, 2}}}, {}})
	require.InDelta(t, 2, r.GapP50, 0.001)
	require.InDelta(t, 2, r.GapMax, 0.001)
}

func TestCheckRefusesWhatWasNotDone(t *testing.T) {
	r := result{Chunks: 1, Items: 3}
	ok := event{State: "done", Items: 3, Done: 3}
	require.NoError(t, r.check(ok, []diary{{Items: 3, Spans: []span{{0, 1}}}}))
	require.Error(t, r.check(ok, []diary{{Items: 2, Spans: []span{{0, 1}}}}), "the workers saw less")
	for _, e := range []event{{State: "done", Items: 2, Done: 2}, {State: "done_with_rejects", Items: 3, Done: 2, Dead: 1}} {
		require.Error(t, r.check(e, []diary{{Items: 3}}))
	}
}

// tick is the unit of CPU times in /proc.
const tick = 10 * time.Millisecond

// ownTime is the user time of this process, finer than in ticks.
func ownTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano())
}

func TestUsage(t *testing.T) {
	before, err := cpuOf(os.Getpid(), 0)
	require.NoError(t, err)
	// Time that passes is not time that this process was given: the processor may
	// be another's meanwhile.
	for used := ownTime(t); ownTime(t)-used < 3*tick; {
	}
	after, err := cpuOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before)
	all, err := cpuOfAll()
	require.NoError(t, err)
	require.GreaterOrEqual(t, all, after)
	_, peak, err := memoryOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, peak, int64(1<<20))
}

// TestShortRun measures 20 chunks with everything that a measurement has.
func TestShortRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	ctx, dir := context.Background(), t.TempDir()
	list, err := choose("ahead4", 20)
	require.NoError(t, err)
	r, err := runScenario(ctx, list[0], "", dir)
	require.NoError(t, err)
	require.Equal(t, int64(10_000), r.Items)
	require.Positive(t, r.ChunkRate)
	require.Positive(t, r.MasterPeak)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Greater(t, r.Messages, 5.0)
	require.Positive(t, r.Commits*r.Fetches*r.Produces*r.Timers*r.Allocs*r.AllocBytes)
	require.Contains(t, r.Kinds, "*actors.judge to *actors.dispatcher")
}

// TestCrowd measures a few idle workers with everything that the measurement has.
func TestCrowd(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	require.NoError(t, run(context.Background(), []string{crowdCommand, "--workers", "20", "--idle", "3s"}))
}

// TestSmallFiles measures a few small files with everything that the measurement has.
func TestSmallFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	require.NoError(t, run(context.Background(), []string{smallCommand, "--files", "30", "--idle", "1s", "--results"}))
}
