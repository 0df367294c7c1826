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

// duplicateIDs finds classic workers of which two processes run under one id: two live
// members of the group then hold lists that the id announced, and nobody else announced
// either of them since.
type duplicateIDs struct {
	former map[messages.WorkerID][]int32 // list that was announced before the present one
	since  map[messages.WorkerID]time.Time
}

func newDuplicateIDs() duplicateIDs {
	return duplicateIDs{former: map[messages.WorkerID][]int32{}, since: map[messages.WorkerID]time.Time{}}
}

// Announced notes that a worker replaced its list of partitions.
func (d duplicateIDs) Announced(id messages.WorkerID, old, now []int32) {
	if len(old) > 0 && len(now) > 0 && !slices.Equal(sorted(old), sorted(now)) {
		d.former[id] = sorted(old)
	}
}

// Candidates lists the workers that replaced their lists lately.
func (d duplicateIDs) Candidates() []messages.WorkerID { return slices.Collect(maps.Keys(d.former)) }

// Compare compares the group with the present lists of the candidates and with the owners
// of all partitions. It reports whether some ids may be duplicates, and have to be
// compared again after duplicateAfter.
func (d duplicateIDs) Compare(v groupView, lists map[messages.WorkerID][]int32, owners map[int32]messages.WorkerID, now time.Time) (suspects bool) {
	for id, former := range d.former {
		owns := !slices.ContainsFunc(former, func(p int32) bool { return owners[p] != id })
		list := sorted(lists[id])
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

// Forget drops a worker.
func (d duplicateIDs) Forget(id messages.WorkerID) {
	delete(d.former, id)
	delete(d.since, id)
}

// Found lists the ids under which two processes run.
func (d duplicateIDs) Found(now time.Time) (ids []messages.WorkerID) {
	for _, id := range slices.Sorted(maps.Keys(d.since)) {
		if now.Sub(d.since[id]) >= duplicateAfter {
			ids = append(ids, id)
		}
	}
	return ids
}
