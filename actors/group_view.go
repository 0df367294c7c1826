package actors

import "slices"

// groupView is the state of the classic workers' consumer group. It is a value that
// nobody changes.
type groupView struct {
	stable    bool
	settled   bool      // Stable, or without members
	own       []int64   // what the master committed while there were no members
	lists     [][]int32 // assigned partitions of each member, ascending
	committed []int64   // committed offset of each partition; empty when it is not known
	note      string    // why nothing can be dispatched, when that is so
}

func (v groupView) equal(w groupView) bool {
	return v.stable == w.stable && v.settled == w.settled && v.note == w.note &&
		slices.Equal(v.own, w.own) && slices.Equal(v.committed, w.committed) && slices.EqualFunc(v.lists, w.lists, slices.Equal[[]int32])
}

// admits reports whether chunks may be sent to the worker with this list, and why not.
func (v groupView) admits(list []int32) (ok bool, why string) {
	p := int(list[0])
	switch {
	case !v.stable:
		return false, v.note
	case p >= len(v.committed) || v.committed[p] < 0:
		return false, "its partition has no committed offset yet"
	case !v.member(list):
		return false, "no member of the workers' group has its partitions"
	}
	return true, ""
}

// member reports whether a member of the group has exactly these partitions.
func (v groupView) member(list []int32) bool { return contains(v.lists, list) }

// uncommitted lists partitions of members that have no committed offset: they get one when
// a probe was passed over.
func (v groupView) uncommitted() (partitions []int32) {
	for _, list := range v.lists {
		for _, p := range list {
			if int(p) < len(v.committed) && v.committed[p] < 0 {
				partitions = append(partitions, p)
			}
		}
	}
	return partitions
}
