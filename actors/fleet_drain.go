package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// drainStored reports that a change which a person made to a worker is in the store. Nobody
// hears of it before, because a leader that ends meanwhile may take the change with it.
type drainStored struct {
	id      messages.WorkerID
	drain   *messages.Drain // nil when the worker is not drained any more
	asker   *actor.PID
	changed messages.WorkerChanged
}

// standing returns the state of a worker and whether it is drained. known is false when it
// is neither here nor drained.
func (f *fleet) standing(id messages.WorkerID) (s messages.WorkerStanding, known bool) {
	s = messages.WorkerStanding{State: messages.WorkerGone, Drain: f.drained[id]}
	w := f.members[id]
	if w != nil && !w.leaving {
		s.State = w.status.State
		return s, true
	}
	return s, s.Drain != nil
}

func (f *fleet) onDrainWorker(ctx actor.Context, q messages.DrainWorker) {
	old, known := f.standing(q.ID)
	switch {
	case !known:
		ctx.Respond(noSuchWorker(q.ID))
	case old.Drain != nil:
		ctx.Respond(messages.WorkerChanged{Old: old, New: old})
	case len(f.drained) >= messages.MaxDrained:
		ctx.Respond(fmt.Errorf("%w: %d workers are drained already, resume or forget some", messages.ErrConflict, len(f.drained)))
	default:
		now := messages.WorkerStanding{State: old.State, Drain: &messages.Drain{Kind: f.members[q.ID].status.Kind, By: q.By, Since: time.Now()}}
		switch old.State {
		case messages.WorkerAnnounced, messages.WorkerFree, messages.WorkerBusy:
			now.State = messages.WorkerDraining
		}
		f.drained[q.ID] = now.Drain
		f.storeDrained(ctx, messages.ActionDrain, q.By, q.ID, messages.WorkerChanged{Old: old, New: now})
	}
}

func (f *fleet) onResumeWorker(ctx actor.Context, q messages.ResumeWorker) {
	old, known := f.standing(q.ID)
	switch {
	case !known:
		ctx.Respond(noSuchWorker(q.ID))
	case old.Drain == nil:
		ctx.Respond(messages.WorkerChanged{Old: old, New: old})
	default:
		now := messages.WorkerStanding{State: old.State}
		if now.State == messages.WorkerDraining {
			now.State = messages.WorkerAnnounced
		}
		delete(f.drained, q.ID)
		f.storeDrained(ctx, messages.ActionResume, q.By, q.ID, messages.WorkerChanged{Old: old, New: now})
	}
}

func (f *fleet) onForgetWorker(ctx actor.Context, q messages.ForgetWorker) {
	old, known := f.standing(q.ID)
	switch {
	case !known:
		ctx.Respond(noSuchWorker(q.ID))
	case old.State != messages.WorkerLost && old.State != messages.WorkerGone:
		ctx.Respond(fmt.Errorf("%w: worker %q is %s: only one that is lost or gone can be forgotten", messages.ErrConflict, q.ID, old.State))
	default:
		if w := f.members[q.ID]; w != nil && !w.leaving {
			f.tally(w, -1)
			w.leaving = true
			f.tally(w, +1)
			f.dismiss(ctx, w)
		}
		delete(f.drained, q.ID)
		f.storeDrained(ctx, messages.ActionForget, q.By, q.ID, messages.WorkerChanged{Old: old, New: messages.WorkerStanding{State: messages.WorkerGone}})
	}
}

func noSuchWorker(id messages.WorkerID) error {
	return fmt.Errorf("%w: there is no worker %q", messages.ErrNotFound, id)
}

// storeDrained stores which workers are drained, together with who changed that.
func (f *fleet) storeDrained(ctx actor.Context, action, by string, id messages.WorkerID, c messages.WorkerChanged) {
	f.log.Info("worker is steered by a person", "action", action, "worker_id", id, "by", by)
	ctx.Send(f.persistence, &write{
		term:  f.term,
		audit: &messages.AuditEntry{At: time.Now(), By: by, Action: action, Target: string(id), Old: c.Old.State.String(), New: c.New.State.String()},
		batch: messages.Batch{Values: []messages.Value{{Name: messages.ValueDrained, Value: f.drained.EncodeRecord()}}},
		after: []notice{{to: ctx.Self(), msg: &drainStored{id: id, drain: c.New.Drain, asker: ctx.Sender(), changed: c}}},
	})
}

// onDrainStored has the worker follow, and answers.
func (f *fleet) onDrainStored(ctx actor.Context, m *drainStored) {
	if w := f.members[m.id]; w != nil && !w.leaving && !f.ended {
		ctx.Send(w.pid, &setDrain{drain: m.drain})
	}
	f.pub.soon(ctx)
	if m.asker != nil {
		ctx.Send(m.asker, m.changed)
	}
}

// absent returns the drained workers that are not here. They are shown so that they can be
// resumed.
func (f *fleet) absent() (list []messages.WorkerStatus) {
	for id, d := range f.drained {
		if w := f.members[id]; w == nil || w.leaving {
			list = append(list, messages.WorkerStatus{ID: id, Kind: d.Kind, State: messages.WorkerGone, Note: d.Why(), Drain: d, Why: messages.Why{Reason: messages.WhyDraining, Text: d.Why()}})
		}
	}
	return list
}

// countAll returns the number of workers by kind and state, with the drained ones that are
// not here.
func (f *fleet) countAll() messages.WorkerCounts {
	counts := f.counts
	for _, w := range f.absent() {
		counts[w.Kind][messages.WorkerGone]++
	}
	return counts
}
