package actors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// live plans a world's life: faults, healing, and what has to hold after it.
func (w *simWorld) live(faults []simFault, n int) {
	if len(w.masters) == 0 {
		w.people()
	}
	for _, m := range w.masters {
		m.start()
	}
	for _, p := range w.natives {
		p.start()
	}
	for _, c := range w.classics {
		c.start()
	}
	w.kafka.rate = []int{0, 5, 25}[w.rng.IntN(3)]
	at := 5 * time.Second
	for i := range n {
		at += w.upTo(5 * time.Second)
		if i%5 == 0 {
			path, lines := fmt.Sprintf("f%d.txt", i), 10+w.rng.IntN(60)
			w.later(at, func() { w.drop(path, lines, "") })
		}
		w.later(at, func() { w.breakSomething(faults) })
	}
	w.settings.next = w.cfg.BatchSize
	for range 10 {
		w.later(w.upTo(at), w.useSettings)
	}
	for range 10 {
		w.later(w.upTo(at), w.useLetters)
	}
	for range 10 {
		w.later(w.upTo(at), w.useDrains)
	}
	w.every(3*time.Second, w.resumeAll)
	for range 10 {
		w.later(w.upTo(at), w.useSteering)
	}
	w.every(3*time.Second, w.unsteer)
	for range 3 {
		w.later(w.upTo(at), w.cancelFile)
	}
	for range 10 {
		w.later(w.upTo(at), w.lookAtWhy)
	}
	w.later(at+w.upTo(5*time.Second), func() {
		w.heal()
		w.later(15*time.Second, func() {
			w.await(time.Now().Add(simEnd), func() { w.retryAll(2*simRounds, func() { w.mergeAll(func() { w.rest(w.fill) }) }) })
		})
	})
}

const (
	// simEnd is how long everything may take to end after healing: a chunk of a
	// worker that was lost waits for deadlines, and failed ones for their pauses.
	simEnd = 20 * time.Minute
	// simRest is how long a world rests before every worker must be given all that
	// it takes: sends whose fate is not known are believed in for that long.
	simRest = 100 * time.Second
	// simFull is how long that may take.
	simFull = 10 * time.Second
)

// await waits until every file has ended.
func (w *simWorld) await(limit time.Time, then func()) {
	answered := false
	w.leader(func(_ *simMaster, files []*messages.FileStatus) {
		if answered || w.driver.over {
			return
		}
		answered = true
		if w.unended(files) == "" {
			then()
			return
		}
		if time.Now().After(limit) {
			w.history.violate("L2", "not everything ends: %s", w.unended(files))
			w.finish()
			return
		}
		w.later(2*time.Second, func() { w.await(limit, then) })
	})
	w.later(4*time.Second, func() {
		switch {
		case answered || w.driver.over:
		case time.Now().After(limit):
			answered = true
			w.history.violate("L3", "nobody leads")
			w.finish()
		default:
			answered = true
			w.await(limit, then)
		}
	})
}

// unended returns a file that has not ended, or that is not the one in the folder.
func (w *simWorld) unended(files []*messages.FileStatus) string {
	newest := map[string]*messages.FileStatus{}
	for _, f := range files {
		if f.Ended.IsZero() {
			return fmt.Sprintf("%s %d: %v, items %d, done %d, failed %d, dead %d, running %d, ready %d", f.Info.Path, f.ID, f.State, f.Items, f.DoneItems, f.FailedItems, f.DeadItems, f.Running, f.Ready)
		}
		newest[f.Info.Path] = f
	}
	for path, x := range w.folder.files {
		if f := newest[path]; f == nil || f.Info.Size != int64(len(x.data)) || !f.Info.ModTime.Equal(x.at) {
			return path + " was not taken as it is"
		}
	}
	return ""
}

// fill drops a last file, of which every worker must be given all that it takes.
func (w *simWorld) fill() {
	w.books()
	w.checkSettings()
	w.later(simRest, func() {
		w.leader(func(m *simMaster, _ []*messages.FileStatus) {
			// The file comes after the answer, since one that is taken before has larger chunks.
			m.ask(messages.SetBatchSize{Items: 1}, func(_ any, err error) {
				if err != nil {
					w.history.violate("L4", "the batch size cannot be set: %v", err)
				}
				w.pace = 10 * time.Minute
				w.drop("last.txt", 60+8*len(w.natives), "")
				w.later(simFull, func() {
					m.ask(messages.QueryWorkers{Fresh: true}, func(a any, _ error) {
						list, _ := a.([]messages.WorkerStatus)
						w.full(list)
					})
				})
			})
		})
	})
}

// full checks that every worker has all that it takes, and lets work go on.
func (w *simWorld) full(list []messages.WorkerStatus) {
	check := func(id messages.WorkerID, capacity, prefetch, running, queued int) {
		if running == capacity && queued == prefetch {
			return
		}
		shown := messages.WorkerStatus{}
		for _, x := range list {
			if x.ID == id {
				shown = x
			}
		}
		if running == 1 && strings.Contains(shown.Note, "to try itself") {
			return // it gave everything back, and has not been asked since
		}
		w.history.violate("L4", "%s runs %d of %d chunks and has %d of %d queued; it is shown as %v, holding %v, %q",
			id, running, capacity, queued, prefetch, shown.State, shown.Held, shown.Note)
	}
	for _, p := range w.natives {
		running, queued := p.holds()
		prefetch := w.cfg.Prefetch
		if prefetch == PrefetchAuto {
			prefetch = queued // follows from how fast it was
		}
		check(p.id, p.capacity, prefetch, running, queued)
	}
	for _, c := range w.classics {
		if w.unheard {
			break
		}
		running, queued := c.holds()
		check(c.id, 1, 0, running, queued)
	}
	if len(w.history.bad) > 0 && len(w.classics) > 0 {
		w.history.note("%s", w.kafka.group.describe())
	}
	// Let the workers go on fast: what they have in work ends now.
	w.pace = 0
	for _, p := range w.natives {
		for _, r := range p.running {
			r.until = time.Now()
		}
		p.agent.at = time.Now()
	}
	for _, c := range w.classics {
		c.until, c.agent.at = time.Now(), time.Now()
	}
	w.later(time.Second, func() {
		w.await(time.Now().Add(simEnd), func() {
			w.books()
			w.mergeAll(func() {
				w.counts()
				w.finish()
			})
		})
	})
}

// books compares what was counted with what the files held.
func (w *simWorld) books() {
	for _, id := range slices.Sorted(maps.Keys(w.history.files)) {
		f := w.history.files[id]
		if f.State != messages.FileDone && f.State != messages.FileDoneWithRejects && f.State != messages.FileCancelled {
			continue
		}
		want, uncut := w.lines(f)
		if f.EndedItems()+uncut != int64(len(want)) {
			w.history.violate("S2", "%s: %d lines, %d done, %d failed, %d dead, %d cancelled, %d not cut", f.Info.Path, len(want), f.DoneItems, f.FailedItems, f.DeadItems, f.CancelledItems, uncut)
		}
		if f.State == messages.FileCancelled {
			continue
		}
		if rejects := f.FailedItems+f.DeadChunks > 0; rejects != (f.State == messages.FileDoneWithRejects) {
			w.history.violate("S2", "%s is %s with %d failed items and %d dead chunks", f.Info.Path, f.State, f.FailedItems, f.DeadChunks)
		}
		var got []string
		for _, chunk := range w.history.inOrder(id) {
			if chunk.Retry > 0 {
				continue
			}
			lines, _ := withoutMarks(w.history.accepted[id][chunk].lines)
			got = append(got, strings.Split(lines, "\n")...)
		}
		if f.DeadChunks == 0 && !slices.Equal(got, want) {
			w.history.violate("S2", "%s: %d lines in the results, %d in the file", f.Info.Path, len(got), len(want))
		}
	}
}

// simActors is how many actors a master at rest may have beside two for each
// worker, those of the library included.
const simActors = 24

// counts checks that nothing was left behind.
func (w *simWorld) counts() {
	workers := len(w.natives) + len(w.classics)
	for _, m := range w.masters {
		if n := m.actors(); n > simActors+2*workers {
			w.history.violate("L8", "%s has %d actors at rest, with %d workers", m.id, n, workers)
		}
	}
	if snap := w.store.memory.Snapshot(); len(snap.Workers) > workers {
		w.history.violate("L8", "%d workers are remembered, there are %d", len(snap.Workers), workers)
	}
}

// finish ends the world in order.
func (w *simWorld) finish() {
	w.finished = true
	for _, p := range w.natives {
		p.process.dead = true
	}
	for _, c := range w.classics {
		c.process.dead = true
	}
	for _, m := range w.masters {
		m.stop(func() {})
	}
	w.later(time.Minute, func() {
		for _, name := range slices.Sorted(maps.Keys(w.living)) {
			w.history.violate("L6", "%s does not stop: %v", name, running(w.living[name]))
			panic(fmt.Sprint("seed ", w.seed, ": ", w.history.bad)) // its goroutines keep the test from ending
		}
	})
	w.every(time.Second, func(time.Time) { w.driver.over = len(w.living) == 0 })
}

// running lists the actors of a master.
func running(s *System) (out []string) {
	pids := s.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		out = append(out, pids[i].Keys()...)
	}
	slices.Sort(out)
	return out
}
