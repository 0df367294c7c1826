package catalog

import (
	"container/heap"
	"time"

	"kafka-master/messages"
)

// compare compares a file of the folder with what is known of its path.
func (c *Catalog) compare(x *version, f messages.FileInfo, now time.Time, out *Changes) {
	if x.id != 0 && x.left.IsZero() && f.SameVersion(x.info) {
		x.other = nil
		return
	}
	if x.id != 0 && !x.ended && f.Size != x.info.Size {
		out.Resized = append(out.Resized, x.id)
	}
	// A version that only looks touched is the same one, most likely.
	touched := x.id != 0 && x.left.IsZero() && f.Size == x.info.Size
	out.Settling++
	if !touched {
		out.SettlingBytes += f.Size
	}
	s := x.other
	if s == nil || !f.SameVersion(s.info) {
		s = &sight{info: f, since: now, first: firstSeen(s, now), priority: c.wishes[f.Path]}
		x.other = s
		// The age that a file claims counts for nothing, because the clock of the writer
		// or of the file server may be behind. A version in work that only looks touched
		// is fingerprinted at once.
		if c.settle > 0 && !touched {
			out.noteGrowing(s)
			return
		}
	} else if !s.pending && !s.settled && now.Sub(s.since) < c.settle {
		out.noteGrowing(s)
		return
	}
	if !s.pending && !s.settled {
		s.pending = true
		out.Fingerprint = append(out.Fingerprint, f)
	}
	if s.nuls && !s.settled {
		out.NULs = append(out.NULs, f.Path)
	}
}

// noteGrowing notes a file that changed before it had rested.
func (out *Changes) noteGrowing(s *sight) {
	if s.since.After(s.first) && (out.Growing == "" || s.first.Before(out.GrowingSince)) {
		out.Growing, out.GrowingSince = s.info.Path, s.first
	}
}

// firstSeen returns since when a file changes that had another look before.
func firstSeen(before *sight, now time.Time) time.Time {
	if before == nil || before.settled {
		return now
	}
	return before.first
}

// SetFingerprint records a fingerprint. touched is the version whose time alone changed,
// rewritten the one in work whose content changed; both are 0 for none. A fingerprint
// that failed, or came too early, is asked for again by a later listing.
func (c *Catalog) SetFingerprint(f Fingerprint, now time.Time) (touched, rewritten messages.FileID) {
	x := c.paths[f.File.Path]
	if x == nil || x.other == nil || !x.other.pending || !f.File.SameVersion(x.other.info) {
		return 0, 0
	}
	s := x.other
	s.pending = false
	if f.Err != nil {
		return 0, 0
	}
	if x.id != 0 && x.left.IsZero() && x.info.Size == f.File.Size && x.sum == f.Sum {
		x.info, x.other = f.File, nil
		return x.id, 0
	}
	if x.id != 0 && !x.ended {
		rewritten = x.id
	}
	unchanged := now.Sub(s.since)
	s.nuls = f.NULs && f.Unfit == "" && c.settle > 0 && unchanged < NULWait
	if s.nuls || unchanged < c.settle { // it was asked for early because it looked touched
		return 0, rewritten
	}
	s.settled, s.sum, s.unfit = true, f.Sum, f.Unfit
	heap.Push(&c.waiting, settledFile{x, s})
	return 0, rewritten
}
