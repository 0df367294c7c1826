package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// setTrouble keeps the problem of a worker.
func (f *fleet) setTrouble(w *member, m *workerStatus) {
	if w.trouble != m.trouble {
		f.troubles.clear(w.trouble, m.ID)
	}
	if w.trouble = m.trouble; m.trouble == "" {
		return
	}
	f.troubles.set(m.trouble, m.ID, m.Note, time.Now())
}

// findDuplicates looks for ids under which two processes run, and logs each once.
func (f *fleet) findDuplicates(ctx actor.Context) {
	candidates := f.duplicates.Candidates()
	if len(f.problems) > 0 || len(candidates) > 0 {
		f.pub.soon(ctx)
	}
	if f.view == nil || len(candidates) == 0 {
		return
	}
	lists, now := map[messages.WorkerID][]int32{}, time.Now()
	for _, id := range candidates {
		if w := f.members[id]; w != nil {
			lists[id] = w.announced
		}
	}
	if f.duplicates.Compare(*f.view, lists, f.owners, now) && f.duplicateCheck.timer == nil {
		f.duplicateCheck.set(ctx, slots.DuplicateAfter)
	}
	for _, id := range f.duplicates.Found(now) {
		if !f.warned[id] {
			f.warned[id] = true
			f.log.Debug("two processes run under one worker id; only the one that announced itself last gets chunks", "worker_id", id)
		}
	}
}

// publish sends the view how many workers there are, and their problems.
func (f *fleet) publish(ctx actor.Context) {
	now := time.Now()
	ids := f.duplicates.Found(now)
	if len(ids) > 0 {
		f.problems.set("duplicates", messages.Problem{Kind: messages.ProblemDuplicateID, Part: "workers", Count: len(ids), Place: messages.Place{Worker: ids[0]}, Text: fmt.Sprintf("two processes run under the worker id %q: give each one its own", ids[0])}, now)
	} else {
		f.problems.clear("duplicates")
	}
	if why := f.whyNobody(); why != f.told {
		f.told = why
		ctx.Send(f.dispatcher, &why)
	}
	p := problems{}
	f.troubles.fill(p)
	f.gate.fill(p)
	f.pub.publish(ctx, slices.Concat(f.problems.list(), p.list()), &fleetState{counts: f.countAll(), dropped: f.dropped})
}
