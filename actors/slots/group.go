package slots

import "slices"

// Group is the state of the classic workers' consumer group. It is a value that
// nobody changes.
type Group struct {
	Stable    bool
	Settled   bool      // Stable, or without members
	Own       []int64   // what the master committed while there were no members
	Lists     [][]int32 // assigned partitions of each member, ascending
	Committed []int64   // committed offset of each partition; empty when it is not known
	Note      string    // why nothing can be dispatched, when that is so
}

func (v Group) Equal(w Group) bool {
	return v.Stable == w.Stable && v.Settled == w.Settled && v.Note == w.Note &&
		slices.Equal(v.Own, w.Own) && slices.Equal(v.Committed, w.Committed) && slices.EqualFunc(v.Lists, w.Lists, slices.Equal[[]int32])
}

// Admits reports whether chunks may be sent to the worker with this list, and why not.
func (v Group) Admits(list []int32) (ok bool, why string) {
	p := int(list[0])
	switch {
	case !v.Stable:
		return false, v.Note
	case p >= len(v.Committed) || v.Committed[p] < 0:
		return false, "its partition has no committed offset yet"
	case !v.Has(list):
		return false, "no member of the workers' group has its partitions"
	}
	return true, ""
}

// Has reports whether a member of the group has exactly these partitions.
func (v Group) Has(list []int32) bool { return contains(v.Lists, list) }

// Uncommitted lists partitions of members that have no committed offset: they get one when
// a probe was passed over.
func (v Group) Uncommitted() (partitions []int32) {
	for _, list := range v.Lists {
		for _, p := range list {
			if int(p) < len(v.Committed) && v.Committed[p] < 0 {
				partitions = append(partitions, p)
			}
		}
	}
	return partitions
}
