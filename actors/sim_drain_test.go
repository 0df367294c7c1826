package actors

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// simDrain is a drain that the store holds.
type simDrain struct {
	term uint64 // under which it was committed, or found in the store
	at   time.Time
}

// drainGrace is how long after its drain a worker may get a chunk under the same leader:
// that one may stand still, and the store may be away.
const drainGrace = 40 * time.Second

// useDrains is a person who drains, resumes or forgets a worker through any master.
func (w *simWorld) useDrains() {
	m, ids := w.anyMaster(), w.workerIDs()
	id := ids[w.rng.IntN(len(ids))]
	if m.process.dead || m.ending || w.healed {
		return
	}
	switch w.rng.IntN(4) {
	case 0, 1:
		w.drainOne(m, id)
	case 2:
		w.steer(m, messages.ResumeWorker{ID: id}, "a drained worker is resumed")
	default:
		m.ask(messages.QueryWorkers{}, func(a any, _ error) {
			list, _ := a.([]messages.WorkerStatus)
			for _, x := range list {
				if x.State == messages.WorkerLost || x.State == messages.WorkerGone {
					w.steer(m, messages.ForgetWorker{ID: x.ID}, "a lost worker is forgotten")
				}
			}
		})
	}
}

// drainOne drains a worker. Some leaders die of it: the drain is stored, and nobody has acted
// on it.
func (w *simWorld) drainOne(m *simMaster, id messages.WorkerID) {
	dies := w.rng.IntN(3) == 0
	m.ask(messages.DrainWorker{ID: id}, func(a any, err error) {
		if c, ok := a.(messages.WorkerChanged); !ok || err != nil || c.Old == c.New {
			return
		}
		w.sometimes("a worker is drained")
		w.history.note("%s is drained", id)
		if dies && !m.process.dead && !m.ending && !w.healed {
			w.killed("a leader dies right at a drain")
			m.crash()
			w.later(w.upTo(5*time.Second), m.start)
		}
	})
}

// steer asks a master for a change of a worker.
func (w *simWorld) steer(m *simMaster, q messages.Query, what string) {
	m.ask(q, func(a any, err error) {
		if c, ok := a.(messages.WorkerChanged); ok && err == nil && c.Old != c.New {
			w.sometimes(what)
			w.history.note("%s", what)
		}
	})
}

// workerIDs are the ids of all workers.
func (w *simWorld) workerIDs() (ids []messages.WorkerID) {
	for _, p := range w.natives {
		ids = append(ids, p.id)
	}
	for _, c := range w.classics {
		ids = append(ids, c.id)
	}
	return ids
}

// resumeAll resumes every worker that the store calls drained.
func (w *simWorld) resumeAll(time.Time) {
	m := w.anyMaster()
	if !w.healed || w.finished || m.process.dead || m.ending {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(w.history.drained)) {
		m.ask(messages.ResumeWorker{ID: id}, func(any, error) {})
	}
}

// simGivenBack is how long after its drain a worker may have chunks queued, although the leader
// dies: another one takes over, and what it is sent first may be lost.
const simGivenBack = 30 * time.Second

// TestLeadersDieAtADrain kills leaders while a worker is drained that works for long and so
// never comes to its queue. It must not keep what is queued there.
func TestLeadersDieAtADrain(t *testing.T) {
	t.Parallel()
	happened := map[string]int{}
	from, n := simSeeds(t, 8, 40)
	for seed := from; seed < from+n; seed++ {
		w := simulate(t, func() *simWorld {
			w := newSimWorld(seed)
			w.showTrace()
			w.healed, w.pace, w.cfg.Prefetch = true, time.Hour, 1+w.rng.IntN(4)
			w.crowd(1+w.rng.IntN(2), 0)
			for _, m := range w.masters {
				m.start()
			}
			for _, p := range w.natives {
				p.recalls = true
				p.start()
			}
			w.drop("a.txt", 200, "")
			w.later(15*time.Second, w.drainAndKill)
			return w
		})
		w.report(t)
		for what, n := range w.counters {
			happened[what] += n
		}
	}
	if n > 1 {
		require.Positive(t, happened["a queue is given back although the leader died"])
	}
}

// drainAndKill drains a worker whose queue is full, and kills the leader before, at or after
// the answer.
func (w *simWorld) drainAndKill() {
	p, at := w.natives[0], w.upTo(15*time.Millisecond)
	if _, queued := p.holds(); queued != w.cfg.Prefetch {
		w.history.violate("L4", "%s has %d of %d chunks queued", p.id, queued, w.cfg.Prefetch)
	}
	w.leader(func(m *simMaster, _ []*messages.FileStatus) {
		if w.rng.IntN(2) == 0 {
			w.later(at, m.crash)
			m.ask(messages.DrainWorker{ID: p.id}, func(any, error) {})
		} else {
			m.ask(messages.DrainWorker{ID: p.id}, func(any, error) { m.crash() })
		}
		w.later(simGivenBack, func() { w.gaveBack(p) })
	})
}

// gaveBack checks that a worker has nothing queued if the store calls it drained, and that
// the leader knows it.
func (w *simWorld) gaveBack(p *simNative) {
	if _, drained := w.history.drained[p.id]; !drained {
		w.finish()
		return
	}
	if running, queued := p.holds(); running != p.capacity || queued > 0 {
		w.history.violate("S26", "%s was drained and runs %d of %d chunks with %d queued", p.id, running, p.capacity, queued)
	}
	w.leader(func(m *simMaster, _ []*messages.FileStatus) {
		m.ask(messages.QueryWorkers{Fresh: true}, func(a any, _ error) {
			list, _ := a.([]messages.WorkerStatus)
			n := slices.IndexFunc(list, func(x messages.WorkerStatus) bool { return x.ID == p.id })
			if n < 0 || len(list[n].Held) != p.capacity {
				w.history.violate("S26", "%s was drained and is shown as %+v", p.id, list)
			}
			w.sometimes("a queue is given back although the leader died")
			w.finish()
		})
	})
}

// drains takes over which workers a commit, or a store that lost something, calls drained.
func (h *simHistory) drains(record string) {
	list, err := messages.DecodeDrained(record)
	if err != nil {
		h.violate("S24", "the list of drained workers cannot be read: %v", err)
	}
	former := h.drained
	h.drained = map[messages.WorkerID]simDrain{}
	for id := range list {
		d, known := former[id]
		if !known {
			d = simDrain{h.term, time.Now()}
		}
		h.drained[id] = d
	}
}

// handedOut checks that a worker that is given a chunk is not drained.
func (h *simHistory) handedOut(c messages.OpenChunk) {
	d, drained := h.drained[c.Worker]
	if drained && (d.term < h.term || time.Since(d.at) > drainGrace) {
		h.violate("S24", "chunk %v is given to %s, which was drained %s ago in term %d", c.ID, c.Worker, time.Since(d.at), d.term)
	}
}
