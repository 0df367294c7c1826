package actors

import (
	"slices"
	"time"

	"kafka-master/messages"
)

// withoutRetry is the chunk that a retry is about.
func withoutRetry(id messages.ChunkID) messages.ChunkID {
	id.Retry = 0
	return id
}

// pick returns those of a chunk's items that an attempt had.
func (h *simHistory) pick(a messages.Attempt, all []string) (out []string) {
	positions, ok := h.retried[a.Chunk]
	if !ok {
		m := h.ran[h.batchID(a.Chunk, a.Number)+" "+string(a.Worker)]
		positions = messages.PositionsOf(m.Positions, len(m.Data))
	}
	if a.Chunk.Retry == 0 || len(positions) == 0 {
		return all
	}
	for _, r := range positions {
		out = append(out, all[r.First:r.Last+1]...)
	}
	return out
}

// resettle takes over which results are counted in what the store holds, after it lost
// something. Where failed items have a record, retries from that one on do not count.
func (h *simHistory) resettle() {
	type standing struct {
		retry int
		last  bool // the result of this round counts, too
	}
	records := map[messages.ChunkID]standing{}
	for _, chunks := range h.open {
		for _, c := range chunks {
			records[withoutRetry(c.ID)] = standing{c.ID.Retry, c.State == messages.ChunkDoneWithFailed && c.Reason == ""}
		}
	}
	for id, f := range h.files {
		for chunk, r := range h.ever[id] {
			x, recorded := records[withoutRetry(chunk)]
			if chunk.Index < f.Cursor.Index && !h.isOpen(withoutRetry(chunk)) && (!recorded || chunk.Retry < x.retry || chunk.Retry == x.retry && x.last) {
				put(h.accepted, chunk, r)
			}
		}
	}
}

// tally counts the items of a file by what became of them, from the records and the
// results. The last result of a chunk says which of its items failed, and those that are
// being retried are open.
func (h *simHistory) tally(id messages.FileID) (waiting, failed, dead, cancelled int64) {
	open := map[messages.ChunkID]bool{}
	for _, c := range h.open[id] {
		switch {
		case c.State == messages.ChunkDoneWithFailed:
		case c.State == messages.ChunkDead:
			dead += int64(c.Items)
		case c.State == messages.ChunkCancelled:
			cancelled += int64(c.Items)
		case c.IsRetry():
			waiting += c.FailedItems
			open[withoutRetry(c.ID)] = true
		default:
			waiting += int64(c.Items)
		}
	}
	last := map[messages.ChunkID]messages.ChunkID{}
	for chunk := range h.accepted[id] {
		base := withoutRetry(chunk)
		if former, ok := last[base]; !ok || former.Retry < chunk.Retry {
			last[base] = chunk
		}
	}
	for base, chunk := range last {
		if !open[base] {
			_, n := withoutMarks(h.accepted[id][chunk].lines)
			failed += n
		}
	}
	return waiting, failed, dead, cancelled
}

// useLetters is somebody who retries or discards dead chunks and failed items, through any
// master.
func (w *simWorld) useLetters() {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return
	}
	m.ask(messages.QueryLetters{Fresh: true}, func(a any, _ error) {
		list, _ := a.([]*messages.Letter)
		if len(list) == 0 || w.driver.over {
			return
		}
		from := w.rng.IntN(len(list))
		list = list[from:min(len(list), from+1+w.rng.IntN(5))]
		if w.rng.IntN(6) == 0 {
			m.ask(messages.DiscardLetters{Letters: list}, func(a any, err error) { w.handled("a dead chunk is discarded", list, a, err) })
			return
		}
		m.ask(messages.RetryLetters{Letters: list}, func(a any, err error) { w.handled(chunkRetried, list, a, err) })
	})
}

const chunkRetried = "a dead chunk is retried"

// handled notes the answer to a change of letters.
func (w *simWorld) handled(what string, list []*messages.Letter, a any, err error) {
	done, ok := a.(messages.LettersChanged)
	if err != nil || !ok {
		return
	}
	w.history.note("%s: %d of %d, %v", what, done.Accepted, len(list), done.Refused)
	switch {
	case len(done.Refused) > 0:
		w.sometimes("a retry is refused")
	case what == chunkRetried && slices.ContainsFunc(list, (*messages.Letter).Failed):
		w.sometimes("failed items are retried")
	default:
		w.sometimes(what)
	}
}

// retryAll has everything that is dead or failed retried until nothing of it is left but
// what is refused, and each time waits for the files to end. Nothing is broken any more, and
// what was poison is not any more, so that must end.
func (w *simWorld) retryAll(rounds int, then func()) {
	w.leader(func(m *simMaster, _ []*messages.FileStatus) {
		clear(w.poison)
		m.ask(messages.QueryLetters{Fresh: true}, func(a any, err error) {
			list, ok := a.([]*messages.Letter)
			if !ok || err != nil || len(list) == 0 {
				then()
				return
			}
			m.ask(messages.RetryLetters{Letters: list}, func(a any, err error) {
				w.handled(chunkRetried, list, a, err)
				done, _ := a.(messages.LettersChanged)
				switch {
				case err != nil || done.Accepted == 0:
					then()
				case rounds == 0:
					w.history.violate("L9", "after many retries %d chunks are dead or have failed items still, such as %s: %v", len(list), list[0].Name, list[0].Reason)
					then()
				default:
					w.later(time.Second, func() { w.await(time.Now().Add(simEnd), func() { w.retryAll(rounds-1, then) }) })
				}
			})
		})
	})
}
