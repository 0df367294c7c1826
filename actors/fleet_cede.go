package actors

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// own tells a classic worker's supervisor that no other worker claims the
// partitions of its last announcement any more.
type own struct{ partitions []int32 }

// cede takes note of partitions that a classic worker held and does not announce
// any more. Announcements of different workers may be read in another order than
// they were sent in, since the connection topic may have several partitions: an
// older, longer list that is read late takes partitions away from the worker that
// has them by now. That worker is idle and says nothing, so it would get no chunk
// until the next rebalance. It gets its list back when the other one's next
// announcement shows that it was outdated.
func (f *fleet) cede(ctx actor.Context, s messages.Signal) {
	ceded := false
	for p, owner := range f.owners {
		if owner == s.Worker && !slices.Contains(s.Partitions, p) {
			delete(f.owners, p)
			ceded = true
		}
	}
	if !ceded {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(f.crew)) {
		w := f.crew[id]
		if id == s.Worker || w.status.Kind != messages.Classic || w.leaving || len(w.announced) == 0 || !f.unclaimed(id, w.announced) {
			continue
		}
		for _, p := range w.announced {
			f.owners[p] = id
		}
		ctx.Send(w.pid, &own{partitions: w.announced})
		if f.view != nil {
			ctx.Send(w.pid, f.view) // without a list it was sent none
		}
	}
}

// unclaimed reports whether no other worker owns any of the partitions.
func (f *fleet) unclaimed(id messages.WorkerID, partitions []int32) bool {
	for _, p := range partitions {
		if owner, ok := f.owners[p]; ok && owner != id {
			return false
		}
	}
	return true
}

// onOwn gives a worker back what it announced and another one claimed wrongly.
func (s *supervisor) onOwn(ctx actor.Context, m *own) {
	if !s.disowned || s.known.Kind != messages.Classic {
		return
	}
	s.known.Partitions, s.disowned = sorted(m.partitions), false
	s.store(ctx, s.known.Lost)
	s.tell(ctx)
	ctx.Send(s.hands, &reannounced{partitions: s.known.Partitions})
}
