package actors

import "time"

const (
	// filesPerScan is how many files of a folder in which nothing is expected to change are
	// looked at per scanEvery on average: 1,000 of them cost about 0.2 % of a core.
	filesPerScan = 1000
	// longestRest is the longest pause between two listings.
	longestRest = time.Minute
	// stampAge is how old the modification time of a folder must be at least before a
	// listing shows everything up to it: two changes within its resolution, which is 2 s on
	// some file systems, give the same time.
	stampAge = 3 * time.Second
)

// lookout decides when a folder has to be listed in which nothing is expected to change. A
// listing costs the more the more files there are. That files were added, removed or renamed
// shows in the modification time of the folder; that a file was written to shows only in a
// listing. It is pure state.
type lookout struct {
	stamp time.Time // modification time of the folder, zero when it is not known
	since time.Time // time when it was first seen
	whole bool      // the last listing shows every name that was added or removed up to then
	until time.Time // time of the next listing, whatever the stamp is
}

// see takes in the modification time of the folder and reports whether it is the known one.
func (l *lookout) see(stamp, now time.Time) bool {
	if !stamp.IsZero() && stamp.Equal(l.stamp) {
		return true
	}
	l.stamp, l.since, l.whole = stamp, now, false
	return false
}

// listed takes in a listing that began after the modification time was read. Until rest is
// called, every look is a listing.
func (l *lookout) listed(stamp, began time.Time) {
	l.whole = l.see(stamp, began) && began.Sub(l.since) >= stampAge
	l.until = time.Time{}
}

// rest reports that nothing is expected to change in the folder, which has n files.
func (l *lookout) rest(n int, now time.Time) {
	l.until = now.Add(min(scanEvery*time.Duration(n/filesPerScan), longestRest))
}

// resting reports whether a listing may be left out if the modification time is the known one.
func (l *lookout) resting(now time.Time) bool { return l.whole && now.Before(l.until) }
