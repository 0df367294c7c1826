package actors

import (
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// duplicateAfter is how long two members must hold lists that one id announced: after a
// rebalance the announcements of others are read a moment later.
const duplicateAfter = 3 * time.Second

// twins finds classic workers of which two processes run under one id, as pure
// state: two live members then hold lists that the id announced, and nobody else
// announced either of them since.
type duplicateIDs struct {
	former map[messages.WorkerID][]int32 // list that was announced before the present one
	since  map[messages.WorkerID]time.Time
}

func newDuplicateIDs() duplicateIDs {
	return duplicateIDs{former: map[messages.WorkerID][]int32{}, since: map[messages.WorkerID]time.Time{}}
}

// announced notes that a worker replaced its list.
func (d duplicateIDs) announced(id messages.WorkerID, old, now []int32) {
	if len(old) > 0 && len(now) > 0 && !slices.Equal(sorted(old), sorted(now)) {
		d.former[id] = sorted(old)
	}
}

// look takes in who has which list. It returns whether some may be twins, and have
// to be looked at again.
func (d duplicateIDs) look(v groupView, lists map[messages.WorkerID][]int32, owners map[int32]messages.WorkerID, now time.Time) bool {
	for id, former := range d.former {
		owns := !slices.ContainsFunc(former, func(p int32) bool { return owners[p] != id })
		list := lists[id]
		if !v.stable || len(list) == 0 || !owns || !v.member(former) || !v.member(list) {
			delete(d.since, id)
			if v.stable && !v.member(former) {
				delete(d.former, id)
			}
			continue
		}
		if _, ok := d.since[id]; !ok {
			d.since[id] = now
		}
	}
	return len(d.since) > 0
}

// forget drops a worker.
func (d duplicateIDs) forget(id messages.WorkerID) {
	delete(d.former, id)
	delete(d.since, id)
}

// found lists the ids of which two processes run.
func (d duplicateIDs) found(now time.Time) (ids []messages.WorkerID) {
	for _, id := range slices.Sorted(maps.Keys(d.since)) {
		if now.Sub(d.since[id]) >= duplicateAfter {
			ids = append(ids, id)
		}
	}
	return ids
}
