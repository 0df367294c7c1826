package actors

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// simPoison is what a line does to whoever works on it.
type simPoison uint8

const (
	poisonFails simPoison = 1 + iota // native workers report that the chunk failed, classic ones are killed
	poisonKills                      // it kills the worker's process
)

// addPoison turns a line of a file into poison.
func (w *simWorld) addPoison() bool {
	path, f := w.anyFile()
	lines := items(f.data)
	if len(lines) == 0 || len(w.poison) >= maxPoison {
		return false
	}
	line := lines[w.rng.IntN(len(lines))]
	w.poison[line] = simPoison(1 + w.rng.IntN(2))
	w.history.note("poison: %s of %s", line, path)
	return true
}

// maxPoison is how many lines of a world are poison: each takes some minutes to stand alone.
const maxPoison = 3

// poisonIn returns the first poison among the items of a chunk, and its place.
func (w *simWorld) poisonIn(items []string) (what simPoison, at int) {
	at = slices.IndexFunc(items, func(item string) bool { return w.poison[item] != 0 })
	if at < 0 {
		return 0, at
	}
	return w.poison[items[at]], at
}

// poisoned counts an attempt that poison ends.
func (w *simWorld) poisoned(line string) {
	w.sometimes("a line is poison for its worker")
	w.tries[line]++
	w.history.note("poison: %s", line)
}

// killedByPoison restarts a worker that a line killed.
func (w *simWorld) killedByPoison(start func()) {
	w.later(w.upTo(3*time.Second), func() {
		if !w.finished {
			start()
		}
	})
}

// Poison ends as dead items of its own, everything else is done, and no worker is lost for
// good, in worlds in which nothing else goes wrong.
func TestPoisonStandsAlone(t *testing.T) {
	t.Parallel()
	from, n := simSeeds(t, 5, 40)
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := simulate(t, func() *simWorld { return poisonWorld(seed, 60, 1+int(seed%3)) })
			w.report(t)
			w.checkPoison(t)
		})
	}
}

// poisonWorld is a world of one file with some poison.
func poisonWorld(seed uint64, lines, poison int) *simWorld {
	w := newSimWorld(seed)
	w.showTrace()
	w.healed, w.cfg.Bisect, w.cfg.BatchSize = true, true, 1+w.rng.IntN(20)
	w.people()
	for _, p := range w.natives {
		p.capacity = 1 // what else a worker has in work dies with it
		p.start()
	}
	for _, c := range w.classics {
		c.start()
	}
	for _, m := range w.masters {
		m.start()
	}
	w.drop("a.txt", lines, "")
	for len(w.poison) < poison {
		w.addPoison()
	}
	w.later(15*time.Second, func() { w.await(time.Now().Add(simEnd), w.fill) })
	return w
}

// checkPoison checks that nothing but poison is dead in the first file.
func (w *simWorld) checkPoison(t *testing.T) {
	t.Helper()
	var file messages.File
	for _, f := range w.history.files {
		if f.Info.Path == "a.txt" {
			file = f
		}
	}
	var dead []string
	for _, c := range w.history.open[file.ID] {
		if c.State == messages.ChunkDoneWithFailed {
			continue
		}
		data := w.versions[simVersion{file.Info.Path, file.Fingerprint}]
		dead = append(dead, items(data[c.Offset:c.End()])...)
		require.Equal(t, 1, c.Items, "seed %d: chunk %v, %s", w.seed, c.ID, c.Reason)
	}
	poison := []string{}
	for line := range w.poison {
		poison = append(poison, line)
	}
	require.ElementsMatch(t, poison, dead, "seed %d", w.seed)
	require.True(t, file.AddsUp())
	require.Equal(t, file.Items, file.DoneItems+file.FailedItems+int64(len(poison)))
	levels := bits.Len(uint(w.cfg.BatchSize - 1))
	for line, n := range w.tries {
		// With nothing but bad chunks at first, workers look broken: failures of those do not count.
		require.LessOrEqual(t, n, 10*(levels+w.cfg.MaxAttempts), "seed %d: attempts at %s, batch of %d", w.seed, line, w.cfg.BatchSize)
	}
}

// TestOneKillerLineInAMillion measures the attempts that one killer line costs.
func TestOneKillerLineInAMillion(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector {
		t.Skip("it plays a million lines")
	}
	w := simulate(t, func() *simWorld {
		w := newSimWorld(1)
		w.healed, w.cfg.Bisect, w.cfg.BatchSize, w.cfg.MaxAttempts = true, true, 10_000, 3
		w.crowd(4, 0)
		for _, p := range w.natives {
			p.capacity = 1
			p.start()
		}
		for _, m := range w.masters {
			m.start()
		}
		var b strings.Builder
		for i := range 1_000_000 {
			fmt.Fprintf(&b, "%d\n", i)
		}
		w.put("a.txt", []byte(b.String()), time.Now().Add(-time.Hour))
		w.poison["654321"] = poisonKills
		w.later(15*time.Second, func() { w.await(time.Now().Add(time.Hour), w.finish) })
		return w
	})
	w.report(t)
	w.checkPoison(t)
	n := w.tries["654321"]
	t.Logf("%d attempts were killed", n)
	require.LessOrEqual(t, n, 2*bits.Len(uint(w.cfg.BatchSize-1))+w.cfg.MaxAttempts)
}
