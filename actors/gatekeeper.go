package actors

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// Ids of workers come from untrusted messages, and each known one costs about 10 KB. These
// bounds keep a flood of invented ids from filling the memory, and from locking real
// workers out.
const (
	// maxWorkers bounds the members.
	maxWorkers = 100_000
	// maxStrangers bounds those among them that were never seen working: a large
	// pool that has just started fits in, with its 10,000 workers.
	maxStrangers = 12_000
	// maxLeaving is how many more there may be while forgotten ones end.
	maxLeaving = 500
	// maxForgets bounds how many strangers are checked for each new one.
	maxForgets = 16
	// shortList is how many partitions an announcement may have in any case; a longer
	// one may have as many as the topic, which may have grown before this master sees it.
	shortList = 256
	// sweepEvery is how often classic workers that nothing speaks for are looked for, and
	// how long a limit that was hit is shown.
	sweepEvery = time.Minute
)

// gatekeeper bounds which workers are known.
type gatekeeper struct {
	most      int                 // strangers that are let in: maxStrangers
	strangers int                 // workers that were never seen working
	queue     []messages.WorkerID // these in the order of their arrival, and some that are gone
	// outside are announcements of classic workers that were not let in or were
	// forgotten, by their first partition: a real one announces itself once, and is let in
	// when a member of the group turns out to have its list.
	outside map[int32]*heard
	sweep   alarm
	hits    map[string]int  // how often each limit was hit since it is shown
	lately  map[string]bool // limits that were hit since the last sweep
	limits  problems
}

func newGatekeeper() gatekeeper {
	return gatekeeper{most: maxStrangers, outside: map[int32]*heard{}, hits: map[string]int{}, lately: map[string]bool{}, limits: problems{}}
}

// enter notes a worker that was registered and never seen working.
func (g *gatekeeper) enter(ctx actor.Context, id messages.WorkerID) {
	g.strangers++
	g.queue = append(g.queue, id)
	if g.sweep.timer == nil {
		g.sweep.set(ctx, sweepEvery)
	}
}

// fill adds the limits that were hit to a list of problems.
func (g *gatekeeper) fill(p problems) {
	maps.Copy(p, g.limits)
}

// hit notes that a limit turned a message away.
func (f *fleet) hit(ctx actor.Context, limit, text string) {
	f.turnAway(ctx, limit, messages.ProblemLimit, text)
}

// onRefused notes a message that is not of its worker's running process.
func (f *fleet) onRefused(ctx actor.Context, m *refused) {
	f.dropped++
	if m.signal.Kind == messages.SignalAnnounce && !m.signal.Native() {
		f.remember(&heard{signal: m.signal}) // a classic worker may take the id over, and announces itself once
	}
	what := "without an incarnation"
	if !m.signal.Incarnation.IsZero() {
		what = "of an incarnation that did not announce itself"
	}
	f.turnAway(ctx, "incarnation", messages.ProblemBadMessages, fmt.Sprintf("messages under the id of a native worker, but not of its running process, are refused, the last one (%s, %s) under %q: every message of a native worker has to carry its incarnation", m.signal.Kind, what, m.signal.Worker))
}

// turnAway notes a message that is turned away, and why.
func (f *fleet) turnAway(ctx actor.Context, limit string, kind messages.ProblemKind, text string) {
	if f.gate.sweep.timer == nil {
		f.gate.sweep.set(ctx, sweepEvery)
	}
	f.pub.soon(ctx)
	f.gate.lately[limit] = true
	f.gate.hits[limit]++
	f.gate.limits.set(limit, messages.Problem{Kind: kind, Part: kind.Part(), Count: f.gate.hits[limit], Text: text}, time.Now())
}

// tooLong reports whether a message lists more partitions than there can be.
func (f *fleet) tooLong(ctx actor.Context, s messages.Signal) bool {
	if len(s.Partitions) <= max(shortList, f.partitions) {
		return false
	}
	f.hit(ctx, "lists", fmt.Sprintf("announcements with more partitions than the topic has (%d) were ignored, the last one of %q: only workers should be allowed to write to the worker topics", f.partitions, s.Worker))
	return true
}

// admits reports whether an unknown worker is let in. When there are too many that
// were never seen working, one of the oldest that nothing speaks for is forgotten.
func (f *fleet) admits(ctx actor.Context, s messages.Signal) bool {
	switch {
	case len(f.members) >= maxWorkers:
	case f.gate.strangers < f.gate.most, f.memberHas(s.Partitions) && !s.Native():
		return true
	case f.makeRoom(ctx) && f.gate.strangers < f.gate.most+maxLeaving:
		return true
	}
	if !s.Native() {
		f.remember(&heard{signal: s})
	}
	f.hit(ctx, "workers", fmt.Sprintf("%d workers are known that never worked: further ones are turned away, the last one was %q; if you have not that many, somebody invents them, and only workers should be allowed to write to the worker topics", f.gate.strangers, s.Worker))
	return false
}

// memberHas reports whether a member of the classic workers' group has this list.
func (f *fleet) memberHas(list []int32) bool {
	return f.view != nil && len(list) > 0 && f.view.Has(slices.Sorted(slices.Values(list)))
}

// remember keeps the announcement of a classic worker that is not a member.
func (f *fleet) remember(m *heard) {
	if list := m.signal.Partitions; len(list) > 0 && int(slices.Min(list)) < f.partitions {
		f.gate.outside[slices.Min(list)] = m
	}
}

// makeRoom forgets the oldest stranger that nothing speaks for.
func (f *fleet) makeRoom(ctx actor.Context) bool {
	g := &f.gate
	for range min(maxForgets, len(g.queue)) {
		id := g.queue[0]
		g.queue = g.queue[1:]
		w := f.members[id]
		if w == nil || w.proven || w.leaving {
			continue
		}
		if f.spokenFor(w) {
			g.queue = append(g.queue, id)
			continue
		}
		f.dismiss(ctx, w)
		return true
	}
	return false
}

// spokenFor reports whether anything but its announcement speaks for a worker: the
// heartbeats of a native one, a member of the group for a classic one, a chunk.
func (f *fleet) spokenFor(w *member) bool {
	st := w.status
	switch {
	case len(st.Held) > 0:
		return true
	case st.Kind == messages.Native:
		return st.State != messages.WorkerSuspect && st.State != messages.WorkerLost
	}
	return f.memberHas(w.announced)
}

// dismiss has a worker leave, as if it had said bye.
func (f *fleet) dismiss(ctx actor.Context, w *member) {
	if w.status.Kind == messages.Classic && len(w.announced) > 0 {
		f.remember(&heard{signal: messages.Signal{Kind: messages.SignalAnnounce, Worker: w.status.ID, Partitions: w.announced, Next: messages.UnknownOffset}})
	}
	ctx.Send(w.pid, &dismiss{})
}

// onView takes over the state of the classic workers' group.
func (f *fleet) onView(ctx actor.Context, v *slots.Group) {
	f.view = v
	for _, w := range f.classic {
		if len(w.status.Partitions)+len(w.status.Held) > 0 {
			ctx.Send(w.pid, v)
		}
	}
	if len(f.gate.outside) > 0 {
		f.letIn(ctx, v)
	}
	f.findDuplicates(ctx)
}

// letIn registers the workers outside whose lists members of the group have. One whose id
// another worker has waits until that one is lost or gone.
func (f *fleet) letIn(ctx actor.Context, v *slots.Group) {
	for _, list := range v.Lists {
		if len(list) == 0 {
			continue
		}
		m := f.gate.outside[list[0]]
		if m == nil || !slices.Equal(slices.Sorted(slices.Values(m.signal.Partitions)), list) {
			continue
		}
		switch w := f.members[m.signal.Worker]; {
		case w == nil, w.status.Kind == messages.Native && w.status.State == messages.WorkerLost:
			delete(f.gate.outside, list[0])
			f.route(ctx, m)
		case w.status.Kind == messages.Classic && !w.leaving: // it was heard again
			delete(f.gate.outside, list[0])
		}
	}
}

// restoreMembers registers the workers of the stored state: those that hold chunks, then
// those that were heard last.
func (f *fleet) restoreMembers(ctx actor.Context) {
	slices.SortStableFunc(f.restore, func(a, b messages.Worker) int {
		return cmp.Or(-cmp.Compare(min(1, len(f.held[a.ID])), min(1, len(f.held[b.ID]))), b.Seen.Compare(a.Seen))
	})
	var left []messages.WorkerID
	for _, w := range f.restore {
		held := f.held[w.ID]
		if len(held) == 0 && f.gate.strangers >= f.gate.most || len(f.members) >= maxWorkers {
			left = append(left, w.ID)
			continue
		}
		f.register(ctx, w, held)
		if w.Kind == messages.Classic {
			for _, p := range w.Partitions {
				f.owners[p] = w.ID
			}
		}
	}
	if len(left) > 0 {
		f.log.Warn("too many workers were known, and the longest silent ones are forgotten", "workers", len(left))
		ctx.Send(f.persistence, &write{term: f.term, batch: messages.Batch{DropWorkers: left}})
	}
}

// sweep forgets classic workers that nothing speaks for: they sent nothing for
// slots.ForgetAfter, hold nothing, and no member of the group has their list.
func (f *fleet) sweep(ctx actor.Context) {
	f.gate.sweep.stop()
	f.gate.queue = slices.DeleteFunc(f.gate.queue, func(id messages.WorkerID) bool {
		w := f.members[id]
		return w == nil || w.proven || w.leaving
	})
	for limit := range f.gate.limits {
		if !f.gate.lately[limit] {
			f.gate.limits.clear(limit)
			f.pub.soon(ctx)
			delete(f.gate.hits, limit)
		}
	}
	clear(f.gate.lately)
	if v := f.view; v != nil {
		f.letIn(ctx, v)
		if v.Settled {
			f.forgetAbsent(ctx, v)
		}
	}
	if len(f.classic) > 0 || len(f.gate.outside) > 0 || len(f.gate.limits) > 0 || f.gate.strangers > 0 {
		f.gate.sweep.set(ctx, sweepEvery)
	}
}

// forgetAbsent forgets the classic workers that the group has no member for. Which of the
// members without partitions is which worker cannot be seen: the workers that sent
// something last are kept.
func (f *fleet) forgetAbsent(ctx actor.Context, v *slots.Group) {
	var absent, empty []*member
	for _, w := range f.classic {
		switch {
		case w.leaving || len(w.status.Held) > 0 || w.status.Working || time.Since(w.seen) < slots.ForgetAfter:
		case len(w.status.Partitions) == 0:
			empty = append(empty, w)
		case !f.memberHas(w.announced):
			absent = append(absent, w)
		}
	}
	slices.SortFunc(empty, func(a, b *member) int { return b.seen.Compare(a.seen) })
	kept := 0
	for _, list := range v.Lists {
		if len(list) == 0 {
			kept++
		}
	}
	for _, w := range slices.Concat(absent, empty[min(kept, len(empty)):]) {
		f.dismiss(ctx, w)
	}
}
