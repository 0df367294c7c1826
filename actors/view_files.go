package actors

import (
	"cmp"
	"slices"
	"time"

	"kafka-master/messages"
)

// fileTable holds what the dispatcher published of the files. It is pure state. What it
// returns is never changed afterwards.
type fileTable struct {
	list    []*messages.FileStatus // ascending by ID
	shared  bool                   // list was returned to somebody
	totals  messages.FileTotals
	open    map[messages.FileID]*messages.FileStatus // files that have not ended
	loaded  bool                                     // the first changes of this term have arrived
	former  []*messages.FileStatus                   // list of the former term
	led     time.Time                                // time when this process began to lead
	ended   []messages.FileStatus                    // shared with readers; only ever appended to
	endings uint64                                   // files that ended since led
}

// maxEnded is how many of the files that ended last are kept for readers that show each of
// them. These read once a second; of more files in a second they show the number.
const maxEnded = 1000

func newFileTable() *fileTable {
	s := &fileTable{}
	s.beginTerm()
	return s
}

// beginTerm forgets the files, because the next term publishes all of them again.
func (s *fileTable) beginTerm() {
	if s.loaded {
		s.former = s.list
	}
	s.list, s.shared, s.loaded = nil, false, false
	s.totals, s.open = messages.FileTotals{}, map[messages.FileID]*messages.FileStatus{}
}

// resign forgets the former term, because another master leads. What ends under it is not
// shown here.
func (s *fileTable) resign() {
	s.former, s.loaded, s.led = nil, false, time.Time{}
}

// apply applies the changes.
func (s *fileTable) apply(b *fileChanges, now time.Time) {
	if s.led.IsZero() {
		s.led = now
	}
	if len(b.changed) > 0 {
		s.unshare(len(b.changed))
	}
	for _, f := range b.changed {
		s.put(f)
	}
	if len(b.forgotten) > 0 {
		s.forget(b.forgotten)
	}
	s.loaded, s.former = true, nil
}

// unshare replaces a list that somebody else has by a copy.
func (s *fileTable) unshare(more int) {
	if s.shared {
		s.list, s.shared = append(make([]*messages.FileStatus, 0, len(s.list)+more), s.list...), false
	}
}

// put replaces a file.
func (s *fileTable) put(f *messages.FileStatus) {
	at, known := search(s.list, f.ID)
	var was *messages.FileStatus
	if known {
		was = s.list[at]
		s.totals.Add(*was, -1)
		s.list[at] = f
	} else {
		s.list = slices.Insert(s.list, at, f)
	}
	s.totals.Add(*f, +1)
	if f.Ended.IsZero() {
		s.open[f.ID] = f
		return
	}
	delete(s.open, f.ID)
	if s.endedNow(was, f) {
		s.addEnded(*f)
	}
}

// endedNow reports whether a file that has ended did so while this process leads. A file
// that a term begins with may have ended long ago, or after the former term last published.
// One that ended before ends again when dead chunks or failed items were retried, which may
// take less time than passes between two publications.
func (s *fileTable) endedNow(was, f *messages.FileStatus) bool {
	if was != nil || s.loaded {
		return was == nil || !was.Ended.Equal(f.Ended)
	}
	if at, known := search(s.former, f.ID); known {
		return !s.former[at].Ended.Equal(f.Ended)
	}
	return f.Ended.After(s.led)
}

// addEnded adds a file to those that ended last.
func (s *fileTable) addEnded(f messages.FileStatus) {
	if len(s.ended) >= 2*maxEnded {
		s.ended = slices.Clone(s.ended[len(s.ended)-maxEnded:])
	}
	s.ended = append(s.ended, f)
	s.endings++
}

// forget removes files.
func (s *fileTable) forget(ids []messages.FileID) {
	gone := make(map[messages.FileID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	s.unshare(0)
	s.list = slices.DeleteFunc(s.list, func(f *messages.FileStatus) bool {
		if gone[f.ID] {
			s.totals.Add(*f, -1)
			delete(s.open, f.ID)
		}
		return gone[f.ID]
	})
}

// all returns the list.
func (s *fileTable) all() []*messages.FileStatus {
	s.shared = true
	return s.list
}

// find returns the file, nil when there is none.
func (s *fileTable) find(id messages.FileID) *messages.FileStatus {
	if at, known := search(s.list, id); known {
		return s.list[at]
	}
	return nil
}

// working returns the files that have not ended.
func (s *fileTable) working() []messages.FileStatus {
	out := make([]messages.FileStatus, 0, len(s.open))
	for _, f := range s.open {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b messages.FileStatus) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func search(list []*messages.FileStatus, id messages.FileID) (at int, found bool) {
	return slices.BinarySearchFunc(list, id, func(f *messages.FileStatus, id messages.FileID) int { return cmp.Compare(f.ID, id) })
}
