package slots

import (
	"maps"
	"slices"
	"time"

	"kafka-master/messages"
)

// DuplicateAfter is how long two members must hold lists that one id announced: after a
// rebalance the announcements of others are read a moment later.
const DuplicateAfter = 3 * time.Second

// DuplicateIDs finds classic workers of which two processes run under one id: two live
// members of the group then hold lists that the id announced, and nobody else announced
// either of them since.
type DuplicateIDs struct {
	former map[messages.WorkerID][]int32 // list that was announced before the present one
	since  map[messages.WorkerID]time.Time
}

func NewDuplicateIDs() DuplicateIDs {
	return DuplicateIDs{former: map[messages.WorkerID][]int32{}, since: map[messages.WorkerID]time.Time{}}
}

// Announced notes that a worker replaced its list of partitions.
func (d DuplicateIDs) Announced(id messages.WorkerID, old, now []int32) {
	if len(old) > 0 && len(now) > 0 && !slices.Equal(slices.Sorted(slices.Values(old)), slices.Sorted(slices.Values(now))) {
		d.former[id] = slices.Sorted(slices.Values(old))
	}
}

// Candidates lists the workers that replaced their lists lately.
func (d DuplicateIDs) Candidates() []messages.WorkerID { return slices.Collect(maps.Keys(d.former)) }

// Compare compares the group with the present lists of the candidates and with the owners
// of all partitions. It reports whether some ids may be duplicates, and have to be
// compared again after DuplicateAfter.
func (d DuplicateIDs) Compare(v Group, lists map[messages.WorkerID][]int32, owners map[int32]messages.WorkerID, now time.Time) (suspects bool) {
	for id, former := range d.former {
		owns := !slices.ContainsFunc(former, func(p int32) bool { return owners[p] != id })
		list := slices.Sorted(slices.Values(lists[id]))
		if !v.Stable || len(list) == 0 || !owns || !v.Has(former) || !v.Has(list) {
			delete(d.since, id)
			if v.Stable && !v.Has(former) {
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
func (d DuplicateIDs) Forget(id messages.WorkerID) {
	delete(d.former, id)
	delete(d.since, id)
}

// Found lists the ids under which two processes run.
func (d DuplicateIDs) Found(now time.Time) (ids []messages.WorkerID) {
	for _, id := range slices.Sorted(maps.Keys(d.since)) {
		if now.Sub(d.since[id]) >= DuplicateAfter {
			ids = append(ids, id)
		}
	}
	return ids
}
