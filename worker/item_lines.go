package worker

// maxItemLines bounds the pairs that tell how many lines of a result each item has.
const maxItemLines = 1000

// itemLines counts the lines of a result that belong to each item.
type itemLines struct {
	used    bool
	unknown bool     // it cannot be told
	next    int      // item that follows the last one that ended
	lines   int64    // of the items before it
	runs    [][2]int // numbers of items that have the same number of lines, and that number
}

// EndItem reports that everything that was written since the last call, or since the
// beginning, belongs to item i. Items have to come in their order; those that are left out
// have no lines. With that, a merge puts the results of items that are retried at their
// lines. It needs no call for a chunk whose output has another order.
func (f *ResultFile) EndItem(i int) {
	l := &f.items
	l.used = true
	if i < l.next || i >= len(f.chunk.Items) || f.figures.Open() {
		l.unknown = true
	}
	if l.unknown {
		return
	}
	l.add(i-l.next, 0)
	l.add(1, int(f.figures.Lines()-l.lines))
	l.next, l.lines = i+1, f.figures.Lines()
}

// add adds n items with this number of lines each.
func (l *itemLines) add(n, lines int) {
	last := len(l.runs) - 1
	switch {
	case n == 0 || len(l.runs) > maxItemLines:
	case last >= 0 && l.runs[last][1] == lines:
		l.runs[last][0] += n
	default:
		l.runs = append(l.runs, [2]int{n, lines})
	}
}

// itemRuns returns the runs of all items, nil if they are not known.
func (f *ResultFile) itemRuns() [][2]int {
	l := f.items
	if !l.used || l.unknown || f.figures.Lines() != l.lines {
		return nil
	}
	l.runs = append([][2]int{}, l.runs...)
	if l.add(len(f.chunk.Items)-l.next, 0); len(l.runs) > maxItemLines {
		return nil
	}
	return l.runs
}
