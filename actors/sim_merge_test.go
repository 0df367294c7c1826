package actors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kafka-master/messages"
)

// simMerges is where the results of a simulated world are merged.
type simMerges struct {
	on bool // MERGE
	// replaces is MERGE=replace: the results of a file of which everything is done are gone
	// once they are merged.
	replaces bool
	replaced map[string]uint64 // digest of what the merged results stand for, by their folder
	away     bool              // the folder of the results
	fail     int               // merges that fail
	locks    map[string]*simMerge
	done     map[string]string // what was merged last, by the folder of the results

	leads *simProcess
	lost  map[*simProcess]time.Time // when others took over
	ended map[simEnding]bool        // what was committed at some time
	whole map[simEnding]bool        // what was merged
}

// simEnding is one of the times at which a file ended.
type simEnding struct {
	file messages.FileID
	at   int64
}

func endingOf(f messages.File) simEnding { return simEnding{f.ID, f.Ended.UnixNano()} }

func newSimMerges(on bool) *simMerges {
	return &simMerges{on: on, replaced: map[string]uint64{}, locks: map[string]*simMerge{}, done: map[string]string{}, lost: map[*simProcess]time.Time{},
		ended: map[simEnding]bool{}, whole: map[simEnding]bool{}}
}

// gone reports whether the result of a chunk was replaced by the merged one.
func (s *simMerges) gone(m messages.ChunkMessage) bool {
	_, ok := s.replaced[messages.GenerationFolder(m.File, m.Generation)]
	return ok
}

// elected notes who leads.
func (s *simMerges) elected(p *simProcess) {
	if s.leads != p && s.leads != nil {
		s.lost[s.leads] = time.Now()
	}
	s.leads = p
	delete(s.lost, p)
}

// simMerger is how one master reaches the results.
type simMerger struct {
	w *simWorld
	p *simProcess
}

// simMerge is a merge that is under way.
type simMerge struct {
	w      *simWorld
	p      *simProcess
	books  messages.Books
	folder string
	left   int // steps to take, 0 before it began
	text   string
}

// Merge implements Merger. A merge takes some steps, between which everything may happen.
func (x simMerger) Merge(ctx context.Context, books messages.Books) (merged bool, err error) {
	m := &simMerge{w: x.w, p: x.p, books: books, folder: messages.GenerationFolder(books.Info.Path, books.Generation)}
	for !merged && err == nil {
		pause := time.Duration(0) // It begins at once.
		if m.left > 0 {
			pause = 2 * time.Second
		}
		x.w.driver.call(&simCall{process: x.p, ctx: ctx, key: "merge " + m.folder, settles: pause, do: func(cause error) {
			if merged, err = m.step(cause); merged || err != nil {
				m.end(cause)
			}
		}})
	}
	return merged, err
}

var (
	errSimResults = errors.New("simulated: the results cannot be read")
	errSimBusy    = errors.New("simulated: another process is at it")
	errSimBooks   = errors.New("simulated: the results are not those of the books")
	// errSimReplaced is the error of a file of which an older state was put back, and other
	// chunks were cut: the results of some are in the merged result alone.
	errSimReplaced = errors.New("simulated: results are missing")
)

// step takes the next step, unless the process stands still.
func (m *simMerge) step(cause error) (merged bool, err error) {
	s := m.w.merges
	switch {
	case cause != nil:
		return false, cause
	case m.left > 0 && time.Now().Before(m.p.frozen):
		m.w.sometimes("a master stands still in a merge")
		return false, nil
	case s.away:
		m.w.sometimes("a merge does not find the results")
		return false, errSimResults
	case m.left == 0:
		return false, m.begin()
	}
	if m.left--; m.left > 0 {
		return false, nil
	}
	if s.done[m.folder] != "" && s.done[m.folder] != m.text {
		m.w.sometimes("a file is merged again with other results")
	}
	s.done[m.folder], s.whole[endingOf(m.books.File)] = m.text, true
	if s.replaces && m.books.State == messages.FileDone {
		s.replaced[m.folder] = m.books.Digest
		m.w.sometimes("merged results replace the others")
	}
	m.w.sometimes("a file is merged")
	m.w.history.note("%s merged %s", m.p.name, m.folder)
	return true, nil
}

// begin locks the results, and compares them with the books, as a real merge does.
func (m *simMerge) begin() error {
	s, h := m.w.merges, m.w.history
	h.merging(m)
	if other := s.locks[m.folder]; other != nil && !other.p.dead {
		m.w.sometimes("a merge finds a former leader at it")
		return errSimBusy
	}
	if s.fail > 0 {
		s.fail--
		return errSimResults
	}
	f := h.files[m.books.ID]
	if f.DoneChunks != m.books.DoneChunks || f.Digest != m.books.Digest || f.FailedItems != m.books.FailedItems || f.OutputLines != m.books.OutputLines {
		return errSimBooks
	}
	switch d, ok := s.replaced[m.folder]; {
	case ok && d != f.Digest:
		m.w.sometimes("results of an older state were replaced")
		return errSimReplaced
	case ok:
		m.w.sometimes("merged results stand for those of an older state")
		s.locks[m.folder], m.left, m.text = m, 1, s.done[m.folder]
		return nil
	}
	s.locks[m.folder] = m
	m.left, m.text = 1+m.w.rng.IntN(3), h.result(m.books.ID)
	h.note("%s merges %s", m.p.name, m.folder)
	if m.w.chaotic() {
		m.disturb()
	}
	return nil
}

// disturb lets something happen to the leader in the middle of a merge.
func (m *simMerge) disturb() {
	w := m.w
	soon := w.upTo(3 * time.Second)
	switch w.rng.IntN(8) {
	case 0:
		w.later(soon, func() {
			if i := slices.IndexFunc(w.masters, func(x *simMaster) bool { return x.process == m.p && !m.p.dead && !x.ending }); i >= 0 && w.chaotic() {
				w.masters[i].crash()
				w.later(w.upTo(5*time.Second), w.masters[i].start)
			}
		})
	case 1:
		w.later(soon, func() {
			if w.chaotic() {
				m.p.frozen = time.Now().Add(w.upTo(20 * time.Second))
			}
		})
	case 2:
		w.later(soon, func() {
			if w.chaotic() {
				w.store.memory.Depose()
			}
		})
	}
}

// end ends the merge, whole or not.
func (m *simMerge) end(cause error) {
	if m.w.merges.locks[m.folder] != m {
		return
	}
	delete(m.w.merges.locks, m.folder)
	switch {
	case errors.Is(cause, errSimDead):
		m.w.sometimes("a master dies in a merge")
	case cause != nil:
		m.w.sometimes("a term ends in a merge")
	}
}

// merging checks a merge that begins: the end of the file is committed, and the process
// leads, or could still trust its lease a moment ago.
func (h *simHistory) merging(m *simMerge) {
	s := h.w.merges
	if !s.ended[endingOf(m.books.File)] {
		h.violate("S20", "%s merges %s, which has not ended", m.p.name, m.folder)
	}
	if s.leads == m.p {
		return
	}
	if lost, led := s.lost[m.p]; !led || time.Since(lost) > leaseTTL {
		h.violate("S20", "%s merges %s and does not lead", m.p.name, m.folder)
	}
	h.w.sometimes("a former leader begins a merge")
}

// ending notes that a file ended, and checks that one that is said to be merged is.
func (h *simHistory) ending(f messages.File) {
	if !f.HasEnded() {
		if !f.Merged.IsZero() {
			h.violate("S20", "%s is in work and merged", f.Base)
		}
		return
	}
	h.w.merges.ended[endingOf(f)] = true
	if !f.Merged.IsZero() && !h.w.merges.whole[endingOf(f)] {
		h.violate("S20", "%s is said to be merged since its last end and is not", f.Base)
	}
}

// result is what a merge of a file gives.
func (h *simHistory) result(id messages.FileID) string {
	var b strings.Builder
	for _, chunk := range h.inOrder(id) {
		fmt.Fprintln(&b, chunk, h.accepted[id][chunk].lines)
	}
	return b.String()
}

// mergeable reports whether the results of a file are to be merged.
func (h *simHistory) mergeable(f messages.File) bool {
	_, recorded, _ := h.digest(f.ID)
	return h.w.merges.on && f.HasEnded() && f.AddsUp() && f.Whole() && recorded > 0 && recorded == f.DoneChunks
}

// unmerged lists the files whose results are to be merged and are not.
func (w *simWorld) unmerged() (out []messages.FileID) {
	for _, id := range slices.Sorted(maps.Keys(w.history.files)) {
		if f := w.history.files[id]; w.history.mergeable(f) && f.Merged.IsZero() {
			out = append(out, id)
		}
	}
	return out
}

const (
	// simUnmerged is how long files are not merged before that must be a problem.
	simUnmerged = 20 * time.Second
	// simMerged is how long it may take until everything is merged after the results are back.
	simMerged = mergeAgainMax + 2*time.Minute
)

// mergeAll brings the results back, if they are away, and waits until everything is merged.
func (w *simWorld) mergeAll(then func()) {
	if !w.merges.away {
		w.awaitMerged(time.Now().Add(simMerged), then)
		return
	}
	w.later(simUnmerged, func() {
		w.problemOfMerges(len(w.unmerged()), func() {
			w.merges.away = false
			w.awaitMerged(time.Now().Add(simMerged), then)
		})
	})
}

// problemOfMerges checks that so many files are shown which cannot be merged.
func (w *simWorld) problemOfMerges(want int, then func()) {
	w.leader(func(m *simMaster, _ []*messages.FileStatus) {
		m.ask(messages.QueryOverview{Fresh: true}, func(a any, _ error) {
			shown := 0
			if o, ok := a.(messages.Overview); ok {
				for _, p := range o.Problems {
					if p.Kind == messages.ProblemMerge {
						shown += p.Count
					}
				}
			}
			if shown != want {
				w.history.violate("S17", "%d files cannot be merged, and %d are shown", want, shown)
			}
			if want > 0 {
				w.sometimes("files that cannot be merged are a problem")
			}
			then()
		})
	})
}

// awaitMerged waits until every file is merged that is to be.
func (w *simWorld) awaitMerged(limit time.Time, then func()) {
	list := w.unmerged()
	never := len(list)
	list = slices.DeleteFunc(list, w.lacksResults)
	never -= len(list)
	switch {
	case len(list) == 0:
		w.checkMerged()
		pause := time.Second
		if never > 0 {
			pause = simUnmerged // until it is a problem
		}
		w.later(pause, func() { w.problemOfMerges(never, then) })
	case time.Now().After(limit):
		w.history.violate("L10", "%d files are never merged, such as %+v", len(list), w.history.files[list[0]])
		then()
	default:
		w.later(time.Second, func() { w.awaitMerged(limit, then) })
	}
}

// lacksResults reports whether some results of a file are in a merged result of other chunks
// alone: it can never be merged, and stays a problem.
func (w *simWorld) lacksResults(id messages.FileID) bool {
	f := w.history.files[id]
	d, ok := w.merges.replaced[messages.GenerationFolder(f.Info.Path, f.Generation)]
	return ok && d != f.Digest
}

// checkMerged compares what was merged with the results that were counted.
func (w *simWorld) checkMerged() {
	for _, id := range slices.Sorted(maps.Keys(w.history.files)) {
		f := w.history.files[id]
		_, stands := w.merges.replaced[messages.GenerationFolder(f.Info.Path, f.Generation)]
		switch wanted := w.history.mergeable(f); {
		case stands && (f.Merged.IsZero() || f.State == messages.FileDone):
			// It may be that of an earlier state, with other lines for the same chunks.
		case wanted && w.merges.done[messages.GenerationFolder(f.Info.Path, f.Generation)] != w.history.result(id):
			w.history.violate("S20", "the merged results of %s are not those that were counted", f.Base)
		case wanted && f.Merged.Before(f.Ended):
			w.history.violate("S20", "%s ended at %s and was merged at %s", f.Base, f.Ended, f.Merged)
		case !wanted && !f.Merged.IsZero():
			w.history.violate("S20", "%s is merged and was not to be", f.Base)
		}
	}
}

// resultsAway takes the results away from the masters for a while.
func (w *simWorld) resultsAway() bool {
	w.merges.away = w.merges.on
	w.later(w.upTo(40*time.Second), func() {
		if w.chaotic() { // else they stay away until everything else has ended
			w.merges.away = false
		}
	})
	return w.merges.on
}

// mergesWait lets the leader stand still for longer than its lease lasts while files wait for
// their merge.
func (w *simWorld) mergesWait() bool {
	p := w.merges.leads
	if len(w.unmerged()) == 0 || p.dead {
		return false
	}
	p.frozen = time.Now().Add(leaseTTL + w.upTo(15*time.Second))
	return true
}

// mergeFails lets the next merge fail.
func (w *simWorld) mergeFails() bool {
	if w.merges.on {
		w.merges.fail++
	}
	return w.merges.on
}
