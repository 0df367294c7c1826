package actors

import (
	"maps"
	"slices"
	"time"

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
		w.steer(m, messages.DrainWorker{ID: id}, "a worker is drained")
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
