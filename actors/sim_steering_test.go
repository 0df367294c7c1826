package actors

import (
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// simSteering is how people steer hand-outs.
type simSteering struct {
	dispatch messages.Dispatch // as the store has it
	rests    bool              // the whole deployment is paused on purpose, and nobody resumes it
}

// useSteering is a person who pauses, resumes, bounds the rate, or weighs a file, through
// any master.
func (w *simWorld) useSteering() {
	m := w.anyMaster()
	if m.process.dead || m.ending || w.healed {
		return
	}
	if w.rng.IntN(4) == 0 {
		w.putFirst(m)
		return
	}
	if w.rng.IntN(2) == 0 {
		s := messages.SetDispatch{By: "somebody"}
		paused, rate := w.rng.IntN(2) == 0, []float64{0, 5, 100}[w.rng.IntN(3)]
		if w.rng.IntN(3) > 0 {
			if s.Paused = &paused; paused && w.rng.IntN(2) == 0 {
				until := time.Now().Add(w.upTo(20 * time.Second))
				s.Until = &until
			}
		} else {
			s.MaxItemsPerS = &rate
		}
		m.ask(s, func(a any, err error) {
			if c, ok := a.(messages.DispatchChanged); ok && err == nil && c.Old != c.New {
				w.sometimes("all hand-outs are steered")
				w.history.note("all hand-outs: %s", c.New)
			}
		})
		return
	}
	files := slices.Sorted(maps.Keys(w.history.files))
	if len(files) == 0 {
		return
	}
	s := messages.SetFile{ID: files[w.rng.IntN(len(files))], By: "somebody"}
	paused, priority, share := w.rng.IntN(2) == 0, w.rng.IntN(5)-2, 1+w.rng.IntN(9)
	if w.rng.IntN(2) == 0 {
		s.Paused = &paused
	} else {
		s.Priority, s.Share = &priority, &share
	}
	m.ask(s, func(a any, err error) {
		if c, ok := a.(messages.FileSteered); ok && err == nil && c.Old.Steering != c.New.Steering {
			w.sometimes("a file is steered")
			w.history.note("file %d is steered: %+v", s.ID, c.New.Steering)
		}
	})
}

// putFirst gives a file that is not taken yet a priority.
func (w *simWorld) putFirst(m *simMaster) {
	m.ask(messages.QueryWaiting{}, func(a any, _ error) {
		list, _ := a.([]messages.WaitingFile)
		if len(list) == 0 || w.driver.over {
			return
		}
		m.ask(messages.SetWaiting{Path: list[w.rng.IntN(len(list))].Info.Path, Priority: w.rng.IntN(5) - 2, By: "somebody"}, func(_ any, err error) {
			if err == nil {
				w.sometimes("a waiting file is steered")
			}
		})
	})
}

// unsteer ends every pause and rate that the store has.
func (w *simWorld) unsteer(time.Time) {
	m, h := w.anyMaster(), w.history
	if !w.healed || w.finished || h.steering.rests || m.process.dead || m.ending {
		return
	}
	no, none := false, 0.0
	if h.steering.dispatch != (messages.Dispatch{}) {
		m.ask(messages.SetDispatch{Paused: &no, MaxItemsPerS: &none}, func(any, error) {})
	}
	for _, id := range slices.Sorted(maps.Keys(h.files)) {
		if f := h.files[id]; f.Held() {
			m.ask(messages.SetFile{ID: id, Paused: &no}, func(any, error) {})
		}
	}
}

// steered checks a batch before it counts: nothing is handed out that the store has as
// paused, unless the batch resumes it.
func (h *simHistory) steered(b messages.Batch) {
	resumes := map[messages.FileID]bool{}
	for _, f := range b.Files {
		resumes[f.ID] = f.PausedSince != h.files[f.ID].PausedSince
	}
	dispatch, changes := h.steering.dispatch, false
	for _, v := range b.Values {
		if v.Name == messages.ValueDispatch {
			changes = true
			h.steers(v.Value)
		}
	}
	for _, c := range b.Chunks {
		former, known := h.open[c.ID.File][c.ID]
		if !out(c) || known && former.Attempt == c.Attempt {
			continue
		}
		if !changes && dispatch.At(time.Now()).Paused {
			h.violate("S22", "chunk %v is handed out while everything is paused: %s", c.ID, dispatch)
		}
		if f := h.files[c.ID.File]; f.Held() && !resumes[c.ID.File] {
			h.violate("S22", "chunk %v is handed out while %s is paused", c.ID, f.Info.Path)
		}
	}
}

// steers takes over how all hand-outs are steered.
func (h *simHistory) steers(record string) {
	var err error
	if h.steering.dispatch, err = messages.DecodeDispatch(record); err != nil {
		h.violate("S22", "the pause cannot be read: %v", err)
	}
}

// rest pauses a deployment in which nothing is broken for so long that it would be called
// hung, while a file waits. Nothing of the file may be begun, and nobody may call it hung.
func (w *simWorld) rest(then func()) {
	if w.seed%4 > 0 {
		then()
		return
	}
	w.history.steering.rests = true
	yes := true
	w.leader(func(m *simMaster, _ []*messages.FileStatus) {
		m.ask(messages.SetDispatch{Paused: &yes, By: "somebody"}, func(_ any, err error) {
			if err != nil {
				w.history.violate("L10", "a deployment cannot be paused: %v", err)
			}
			w.drop("rest.txt", 20, "")
			w.later(stalledAfter+30*time.Second, func() { w.endRest(then) })
		})
	})
}

func (w *simWorld) endRest(then func()) {
	w.leader(func(m *simMaster, files []*messages.FileStatus) {
		for _, f := range files {
			if f.Info.Path == "rest.txt" && f.Items > 0 {
				w.history.violate("S22", "%d items were handed out while everything was paused", f.Items)
			}
		}
		m.ask(messages.QueryOverview{Fresh: true}, func(a any, _ error) {
			o, _ := a.(messages.Overview)
			if !o.Dispatch.Paused || !slices.ContainsFunc(o.Problems, func(p messages.Problem) bool { return p.Kind == messages.ProblemDispatch }) {
				w.history.violate("L10", "nobody tells that everything is paused: %+v, %v", o.Dispatch, o.Problems)
			}
			for _, p := range o.Problems {
				if p.Kind == messages.ProblemStalled || p.Kind == messages.ProblemStalledChunk {
					w.history.violate("L10", "a deployment that is paused is called hung: %s", p.Text)
				}
			}
			w.sometimes("a deployment rests")
			w.history.steering.rests = false
			w.await(time.Now().Add(simEnd), then)
		})
	})
}
