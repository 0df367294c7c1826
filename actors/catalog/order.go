package catalog

import (
	"cmp"
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kafka-master/messages"
)

// places are the parts of places in work that are in use, by the priority of their files.
type places [2*messages.MaxPriority + 1]int

func (p *places) add(x *version, parts int) { p[x.priority+messages.MaxPriority] += parts }

// from returns how many parts files of a priority and of higher ones use. What files of lower
// priority use keeps no file out.
func (p *places) from(priority int) (n int) {
	for _, parts := range p[priority+messages.MaxPriority:] {
		n += parts
	}
	return n
}

// Prioritise takes over the priority of a version in work. It reports whether it changed.
func (c *Catalog) Prioritise(id messages.FileID, priority int) bool {
	x := c.byID[id]
	if x == nil || x.priority == priority {
		return false
	}
	uses := !x.ended && !x.parked && !x.paused
	if uses {
		c.work.add(x, -x.parts())
	}
	if x.priority = priority; uses {
		c.work.add(x, x.parts())
	}
	return true
}

// Waiting returns the files of the folder that are not taken yet and have this text in their
// path, in any case, in the order of their paths.
func (c *Catalog) Waiting(part string) (list []messages.WaitingFile) {
	part = strings.ToLower(part)
	for path, x := range c.paths {
		if x.other != nil && strings.Contains(strings.ToLower(path), part) {
			list = append(list, messages.WaitingFile{Info: x.other.info, Since: x.other.since, Priority: c.wishes[path], Settled: x.other.settled, Why: c.why(x)})
		}
	}
	slices.SortFunc(list, func(a, b messages.WaitingFile) int { return cmp.Compare(a.Info.Path, b.Info.Path) })
	return list
}

// why returns why what a path shows is not taken yet.
func (c *Catalog) why(x *version) messages.Why {
	switch s := x.other; {
	case s.settled && x.id != 0 && !x.ended:
		return messages.Why{Reason: messages.WhyBehind, Text: "the former version of the file is still in work"}
	case s.settled:
		return messages.Why{Reason: messages.WhyBudget, Text: fmt.Sprintf("waits for a place: %d files of its priority or a higher one are in work, or %d small ones for each", MaxInWork, SmallPerPlace)}
	case s.nuls:
		return messages.Why{Reason: messages.WhySettling, Text: fmt.Sprintf("ends in NUL bytes, so its copy may not be complete: it is taken when it has not changed for %s", NULWait)}
	case c.settle > 0:
		return messages.Why{Reason: messages.WhySettling, Text: fmt.Sprintf("may still be written: it is taken when it has not changed for %s", c.settle)}
	}
	return messages.Why{Reason: messages.WhySettling, Text: "is read for the first time"}
}

// Wish gives a file that is not taken yet a priority. It returns the former one, and
// ErrNotWaiting for any other file.
func (c *Catalog) Wish(path string, priority int) (former int, err error) {
	x := c.paths[path]
	if x == nil || x.other == nil {
		return 0, messages.ErrNotWaiting
	}
	maps.DeleteFunc(c.wishes, func(path string, _ int) bool { return c.paths[path] == nil })
	if former = c.wishes[path]; priority == former {
		return former, nil
	}
	if _, known := c.wishes[path]; !known && len(c.wishes) >= messages.MaxWishes {
		return 0, messages.ErrConflict
	}
	if delete(c.wishes, path); priority != 0 {
		c.wishes[path] = priority
	}
	x.other.priority = priority
	heap.Init(&c.waiting)
	return former, nil
}

// Fulfil forgets what was wished for a file that does not wait any more. It reports whether
// there was anything.
func (c *Catalog) Fulfil(path string) bool {
	_, wished := c.wishes[path]
	if x := c.paths[path]; !wished || x != nil && x.other != nil {
		return false
	}
	delete(c.wishes, path)
	return true
}

// RestoreWishes takes over what was wished in a former term.
func (c *Catalog) RestoreWishes(wishes map[string]int) { c.wishes = wishes }

// Wishes returns the priorities of files that are not taken yet, by path.
func (c *Catalog) Wishes() map[string]int { return maps.Clone(c.wishes) }
