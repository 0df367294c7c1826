package actors

import (
	"slices"

	"kafka-master/messages"
)

// cancelFile is somebody who cancels a file in work, through any master.
func (w *simWorld) cancelFile() {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return
	}
	m.ask(messages.QueryFiles{Fresh: true}, func(a any, _ error) {
		list, _ := a.([]*messages.FileStatus)
		list = slices.DeleteFunc(slices.Clone(list), func(f *messages.FileStatus) bool { return f.State != messages.FileRunning })
		if len(list) == 0 || w.driver.over {
			return
		}
		f := list[w.rng.IntN(len(list))]
		m.ask(messages.CancelFile{ID: f.ID, By: "somebody"}, func(a any, err error) {
			if done, ok := a.(messages.FileChange); ok && err == nil {
				w.history.note("%s %d is cancelled: %+v", f.Info.Path, f.ID, *done.New.File)
				w.sometimes("a file is cancelled")
			}
		})
	})
}

// cancels checks what becomes of a cancelled file: it stays so, and no chunk of it is handed
// out.
func (h *simHistory) cancels(before, after messages.File, chunks []messages.OpenChunk) {
	if before.State != messages.FileCancelled {
		return
	}
	if after.State != messages.FileCancelled || before.HasEnded() && !after.Ended.Equal(before.Ended) {
		h.violate("S2", "%s was cancelled and is %s", after.Base, after.State)
	}
	if after.Cursor != before.Cursor || after.CancelledBytes != before.CancelledBytes {
		h.violate("S2", "%s was cancelled, and more of it is cut: %+v, %+v", after.Base, before, after)
	}
	if after.DoneChunks > before.DoneChunks {
		h.w.sometimes("a chunk of a cancelled file is done")
	}
	if after.CancelledChunks > before.CancelledChunks {
		h.w.sometimes("a chunk of a cancelled file is not done")
	}
	for _, c := range chunks {
		if former, ok := h.open[c.ID.File][c.ID]; c.ID.File == after.ID && out(c) && (!ok || c.Attempt > former.Attempt) {
			h.violate("S7", "%s was cancelled, and %v is handed out", after.Base, c.ID)
		}
	}
}

// lines returns the lines of a file that are not blank, and how many of them lie in the range
// that was not cut because the file was cancelled.
func (w *simWorld) lines(f messages.File) (all []string, uncut int64) {
	data := w.versions[simVersion{f.Info.Path, f.Fingerprint}]
	return items(data), int64(len(items(data[f.Info.Size-f.CancelledBytes:])))
}

// lookAtWhy is somebody who looks why files and chunks do not run: what does not run says so,
// and what runs says nothing.
func (w *simWorld) lookAtWhy() {
	m := w.anyMaster()
	if m.process.dead || m.ending {
		return
	}
	m.ask(messages.QueryFiles{Fresh: true}, func(a any, _ error) {
		list, _ := a.([]*messages.FileStatus)
		if w.driver.over || len(list) == 0 {
			return
		}
		for _, f := range list {
			cancelled := f.State == messages.FileCancelled
			if silent := f.Why.Runs(); silent != (!cancelled && (f.HasEnded() || f.Running > 0 || f.State.Terminal())) {
				w.history.violate("S17", "%s is %s with %d chunks at workers, and why is %+v", f.Base, f.State, f.Running, f.Why)
			}
		}
		q := messages.QueryChunks{File: list[w.rng.IntN(len(list))].ID, Limit: 1 + w.rng.IntN(20)}
		m.ask(q, func(a any, _ error) {
			page, _ := a.(*messages.ChunkPage)
			if page == nil || w.driver.over {
				return
			}
			for _, c := range page.List {
				if c.Why.Runs() != (c.State == messages.ListedRunning) {
					w.history.violate("S17", "%s is %s, and why is %+v", c.Name, c.State, c.Why)
				}
				w.sometimes("a chunk is listed as " + c.State)
			}
		})
	})
}
