package actors

import (
	"cmp"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// present returns the worker's state as it is shown.
func (w *member) present() messages.WorkerStatus {
	st := *w.status
	st.Seen = w.seen
	return st
}

// onQueryWorker has the dispatcher answer with the worker and its last attempts.
func (f *fleet) onQueryWorker(ctx actor.Context, id messages.WorkerID) {
	if w := f.members[id]; w != nil && !w.leaving {
		ctx.RequestWithCustomSender(f.dispatcher, &askTries{status: w.present()}, ctx.Sender())
		return
	}
	for _, st := range f.absent() {
		if st.ID == id {
			ctx.Respond(&messages.WorkerDetail{WorkerStatus: st})
			return
		}
	}
	ctx.Respond((*messages.WorkerDetail)(nil))
}

// list returns the present state of all workers, by id.
func (f *fleet) list() []messages.WorkerStatus {
	out := make([]messages.WorkerStatus, 0, len(f.members))
	for _, w := range f.members {
		if !w.leaving {
			out = append(out, w.present())
		}
	}
	out = append(out, f.absent()...)
	slices.SortFunc(out, func(a, b messages.WorkerStatus) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
