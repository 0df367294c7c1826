package actors

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// simSeeds returns the seeds to play: SIM_SEED alone, or SIM_SEEDS many from SIM_FROM.
func simSeeds(t *testing.T, short, long uint64) (from, n uint64) {
	t.Helper()
	if os.Getenv("SIM_SEED") != "" {
		return simNumber(t, "SIM_SEED", 0), 1
	}
	n = long
	if testing.Short() || raceDetector {
		n = short
	}
	return simNumber(t, "SIM_FROM", 1), simNumber(t, "SIM_SEEDS", n)
}

// simNumber is an environment variable's value.
func simNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return v
}

// chaos is a world of all faults.
func chaos(seed uint64) func() *simWorld {
	return func() *simWorld {
		w := newSimWorld(seed)
		w.showTrace()
		w.limitDead()
		if seed%4 == 1 {
			w.cfg.Prefetch = PrefetchAuto
		}
		w.merges.replaces = w.merges.on && seed%8 == 3
		w.live(simFaults(), 12+w.rng.IntN(20))
		return w
	}
}

// showTrace prints what happens in the world of a single seed.
func (w *simWorld) showTrace() {
	if os.Getenv("SIM_SEED") != "" && testing.Verbose() {
		w.trace = os.Stderr
	}
}

// report fails the test with what was violated, and with how to see it again.
func (w *simWorld) report(t *testing.T) {
	t.Helper()
	if len(w.history.bad) > 0 {
		t.Errorf("seed %d:\n  %s\n  faults: %s\n  again: SIM_SEED=%d go test -count=1 -run '^%s$' ./actors", w.seed,
			strings.Join(w.history.bad, "\n  "), strings.Join(w.story, "; "), w.seed, strings.Split(t.Name(), "/")[0])
	}
}

// TestSimulation lives through worlds in which everything goes wrong and checks in
// each of them what must always hold. Every world is a seed and repeats exactly.
func TestSimulation(t *testing.T) {
	t.Parallel()
	from, n := simSeeds(t, 5, 60)
	var mu sync.Mutex
	happened := map[string]int{}
	t.Run("seeds", func(t *testing.T) {
		for seed := from; seed < from+n; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w := simulate(t, chaos(seed))
				w.report(t)
				mu.Lock()
				defer mu.Unlock()
				for what, n := range w.counters {
					happened[what] += n
				}
			})
		}
	})
	if n >= 100 {
		for _, what := range simSometimes() {
			require.Positive(t, happened[what], "in %d worlds it never happens that %s", n, what)
		}
	}
}

// simSometimes is what has to happen in some of many worlds.
func simSometimes() []string {
	list := []string{
		"a chunk is written, and its answer is lost", "a chunk is not written, and nobody knows", "a chunk is not written", "a chunk is written late",
		"a worker's message arrives twice", "a queued chunk goes to an idle worker", "a slow chunk is run by another worker as well", "a chunk is halved", "a half is halved", "a line is poison for its worker", "a result meets a full disk", "a state is put back",
		"a dead chunk is retried", "a dead chunk is discarded", "failed items are retried", "a retry is refused", "a chunk has blank lines", "a retry of failed items has blank lines",
		"a worker is drained", "a leader dies right at a drain", "a drained worker is resumed", "a lost worker is forgotten",
		"a file is cancelled", "a chunk of a cancelled file is done", "a chunk of a cancelled file is not done",
		"a chunk is listed as ready", "a chunk is listed as back_off", "a chunk is listed as queued", "a chunk is listed as running",
		"all hand-outs are steered", "a file is steered", "a waiting file is steered", "a deployment rests",
		"the classic workers' group rebalances", "a group member is evicted",
		"a file is merged", "a file is merged again with other results", "a merge does not find the results", "a merge finds a former leader at it",
		"a master stands still in a merge", "a master dies in a merge", "a term ends in a merge", "files that cannot be merged are a problem",
		"the ends of some partitions are not known", "an attempt leaves room for those of an unread tail",
	}
	for _, f := range simFaults() {
		list = append(list, f.name)
	}
	return list
}

// TestSimulationRepeats plays seeds twice: the same seed is the same history.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	from, n := simSeeds(t, 2, 10)
	for seed := from; seed < from+min(n, 50); seed++ {
		first, second := simulate(t, chaos(seed)), simulate(t, chaos(seed))
		require.Equal(t, first.history.sum.Sum64(), second.history.sum.Sum64(), "seed %d: %d and %d steps", seed, first.driver.steps, second.driver.steps)
	}
}

// TestStopInTheMiddleOfABeginning stops and crashes masters while a term begins: an
// actor that is told to end starts no further ones, for which it would wait for ever.
func TestStopInTheMiddleOfABeginning(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := simulate(t, func() *simWorld {
			w := newSimWorld(seed)
			w.people()
			for _, m := range w.masters {
				m.start()
			}
			for _, p := range w.natives {
				p.start()
			}
			w.drop("a.txt", 20, "")
			w.later(1990*time.Millisecond+w.upTo(150*time.Millisecond), func() {
				if w.rng.IntN(2) == 0 {
					w.masters[0].crash()
					w.masters[1].crash()
				}
				w.finish()
			})
			return w
		})
		w.report(t)
	}
}

// TestSoak lives through an hour of faults with twenty workers.
func TestSoak(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector {
		t.Skip("it takes some 15 s: make simulate runs it")
	}
	seed := simNumber(t, "SIM_FROM", 1)
	w := simulate(t, func() *simWorld {
		w := newSimWorld(seed)
		w.crowd(17, 3)
		w.live(simFaults(), 1440) // 2.5 s apart on average
		return w
	})
	w.report(t)
}
