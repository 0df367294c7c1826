package actors

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// claim gives the partitions that a classic worker announced to it: the newest
// announcement owns them.
func (f *fleet) claim(ctx actor.Context, s messages.Signal) {
	lost := map[messages.WorkerID][]int32{}
	for _, p := range s.Partitions {
		if int(p) >= f.partitions {
			continue
		}
		former, owned := f.owners[p]
		f.owners[p] = s.Worker
		if owned && former != s.Worker && f.members[former] != nil {
			lost[former] = append(lost[former], p)
		}
	}
	for former, list := range lost {
		ctx.Send(f.members[former].pid, &revoke{partitions: list})
	}
}

// release frees the partitions that a classic worker owned and does not announce any
// more. Announcements of different workers may be read in another order than they were
// sent in, since the connection topic may have several partitions: an older, longer list
// that is read late takes partitions away from the worker that has them by now. That
// worker is idle and sends nothing, so it would get no chunk until the next rebalance. It
// gets its list back when the other one's next announcement shows that it was outdated.
func (f *fleet) release(ctx actor.Context, s messages.Signal) {
	released := map[int32]bool{}
	for p, owner := range f.owners {
		if owner == s.Worker {
			released[p] = true
		}
	}
	for _, p := range s.Partitions {
		delete(released, p)
	}
	if len(released) == 0 {
		return
	}
	for p := range released {
		delete(f.owners, p)
	}
	for _, id := range f.claimants(s.Worker, released) {
		w := f.members[id]
		if !f.unclaimed(id, w.announced) {
			continue // one of those before it has them now
		}
		for _, p := range w.announced {
			f.owners[p] = id
		}
		ctx.Send(w.pid, &returned{partitions: w.announced})
		if f.view != nil {
			ctx.Send(w.pid, f.view) // without a list it was sent none
		}
	}
}

// claimants lists the other classic workers that announced any of the partitions and of
// whose partitions nobody else owns one, in a fixed order. Whoever announces itself may
// cause this, so it costs little for each worker.
func (f *fleet) claimants(but messages.WorkerID, partitions map[int32]bool) (ids []messages.WorkerID) {
	for id, w := range f.classic {
		if id == but || w.leaving || !slices.ContainsFunc(w.announced, func(p int32) bool { return partitions[p] }) {
			continue
		}
		if f.unclaimed(id, w.announced) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
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

// onReturned gives a worker back what it announced and another one claimed wrongly.
func (s *supervisor) onReturned(ctx actor.Context, m *returned) {
	if !s.revoked || s.known.Kind != messages.Classic {
		return
	}
	s.known.Partitions, s.revoked = slices.Sorted(slices.Values(m.partitions)), false
	s.store(ctx, s.known.Lost)
	s.instruct(ctx, setWorker{change: slots.Change{Announced: true}})
}
