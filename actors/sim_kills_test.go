package actors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// simPoints are the places at which a process is killed next.
type simPoints struct {
	at    string // which point
	after int    // how often it is passed before
}

// simMasterPoints are the places at which a master is killed.
var simMasterPoints = []string{"before a commit", "after a commit", "before a produce", "after a produce"}

// simStages are the places at which a worker is killed.
var simStages = []string{"before it writes a result", "between a result's write and its rename", "between a result's rename and its final message"}

// kills reports whether the master dies here.
func (w *simWorld) kills(p *simProcess, point string) bool {
	if p.dead || !w.reached(point) {
		return false
	}
	for _, m := range w.masters {
		if m.process == p && !m.ending {
			w.killed("a master is killed " + point)
			m.crash()
			w.later(w.upTo(3*time.Second), m.start)
			return true
		}
	}
	return false
}

// killsWorker reports whether a worker dies before a stage of ending a run.
func (w *simWorld) killsWorker(p *simNative, stage int) bool {
	if stage > len(simStages) || !w.reached(simStages[stage-1]) {
		return false
	}
	w.killed("a worker is killed " + simStages[stage-1])
	p.crash()
	w.later(w.upTo(3*time.Second), p.start)
	return true
}

// reached reports whether the armed point is the one, for the last time.
func (w *simWorld) reached(point string) bool {
	if w.points.at != point {
		return false
	}
	if w.points.after--; w.points.after >= 0 {
		return false
	}
	w.points = simPoints{}
	return true
}

func (w *simWorld) killed(what string) {
	w.sometimes(what)
	w.story = append(w.story, fmt.Sprintf("%.1f %s", time.Since(w.history.began).Seconds(), what))
	w.history.note("%s", what)
}

// TestKillPoints kills masters and workers at each of the points where a death could
// part what belongs together, as often as SIM_KILLS says, in worlds without other
// faults but those of Kafka.
func TestKillPoints(t *testing.T) {
	t.Parallel()
	kills := int(simNumber(t, "SIM_KILLS", 30))
	if testing.Short() || raceDetector {
		kills = 3
	}
	for _, point := range append(append([]string{}, simMasterPoints...), simStages...) {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			arm := simFault{"somebody is to be killed " + point, func(w *simWorld) bool {
				w.points = simPoints{point, w.rng.IntN(8)}
				return true
			}}
			killed := 0
			for seed := uint64(1); killed < kills; seed++ {
				w := simulate(t, func() *simWorld {
					w := newSimWorld(seed)
					w.live([]simFault{arm}, 25)
					return w
				})
				w.report(t)
				killed += w.counters["a master is killed "+point] + w.counters["a worker is killed "+point]
				require.Less(t, seed, uint64(10+kills), "it is hardly ever reached")
			}
		})
	}
}
