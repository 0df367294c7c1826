package actors

import (
	"cmp"
	"slices"
	"time"

	"kafka-master/messages"
)

// shownWorkers returns the workers with what the dispatcher knows of them: chunks without
// progress, and that nothing is handed out.
func (v *view) shownWorkers(now time.Time) []messages.WorkerStatus {
	out := withStalls(v.workers, v.stalled)
	d := v.dispatch.At(now)
	if !d.Paused {
		return out
	}
	out = slices.Clone(out)
	for i := range out {
		if out[i].Why.Reason == messages.WhyNoWork {
			out[i].Why = d.Why()
		}
	}
	return out
}

// withStalls returns the workers with what they have that shows no progress. The list is
// shared, so that those which have something are changed in a copy.
func withStalls(workers []messages.WorkerStatus, stalled []messages.StalledChunk) []messages.WorkerStatus {
	if len(stalled) == 0 {
		return workers
	}
	out := slices.Clone(workers)
	for _, s := range stalled {
		at, known := slices.BinarySearchFunc(out, s.Worker, func(w messages.WorkerStatus, id messages.WorkerID) int {
			return cmp.Compare(w.ID, id)
		})
		if known {
			out[at].Held = withStall(out[at].Held, s)
		}
	}
	return out
}

// withStall returns the chunks of a worker, one of which shows no progress.
func withStall(held []messages.HeldChunk, s messages.StalledChunk) []messages.HeldChunk {
	n := slices.IndexFunc(held, func(h messages.HeldChunk) bool { return h.BatchID == s.BatchID })
	if n < 0 {
		return held
	}
	out := slices.Clone(held)
	out[n].StalledSince = s.Since
	return out
}
