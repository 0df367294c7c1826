package messages

import (
	"fmt"
	"time"
)

// Steering is how people steer the hand-outs of one file. The zero value is that of a file
// which nobody steers.
type Steering struct {
	// Priority is from -MaxPriority to MaxPriority: a file gets its turn only when no file
	// with a higher one has anything to hand out.
	Priority int
	// Share is the weight among files of the same priority, in items: 1 to MaxShare, and 0
	// for a file that nobody steers. See Weight.
	Share int
	// PausedBy and PausedSince are who paused the file and when: nothing of it is handed out.
	// Zero while no person pauses it.
	PausedBy    string
	PausedSince time.Time
	// LimitRejects and LimitTried are the rejects and the tried items that do not count for
	// MAX_DEAD, because a person let the file go on in spite of them.
	LimitRejects, LimitTried int64
}

// The bounds of a Steering.
const (
	MaxPriority = 10
	MaxShare    = 100
)

// Weight returns the share of a file, which is 1 where nobody set one.
func (s *Steering) Weight() int { return max(1, s.Share) }

// Held reports whether a person pauses the file.
func (s *Steering) Held() bool { return !s.PausedSince.IsZero() }

// SetFile changes how a file is steered; what is nil stays as it is. To resume a file also
// lets it go on in spite of MAX_DEAD. The answer is a FileSteered, once the change is
// committed, or ErrRange, ErrNoFile or ErrEnded.
type SetFile struct {
	ID       FileID
	Paused   *bool
	Priority *int
	Share    *int
	By       string
}

func (SetFile) query() {}

// FileSteered is a file before a change, and as it is now.
type FileSteered struct{ Old, New FileStatus }

// Check returns an error that wraps ErrRange when a value is out of range.
func (s SetFile) Check() error {
	if s.Priority != nil && (*s.Priority < -MaxPriority || *s.Priority > MaxPriority) {
		return fmt.Errorf("%w: priority is %d, allowed are %d to %d", ErrRange, *s.Priority, -MaxPriority, MaxPriority)
	}
	if s.Share != nil && (*s.Share < 1 || *s.Share > MaxShare) {
		return fmt.Errorf("%w: share is %d, allowed are 1 to %d", ErrRange, *s.Share, MaxShare)
	}
	return nil
}

// steeringRecord is the part of a file's record that a person caused.
type steeringRecord struct {
	Priority     int         `json:"priority,omitempty"`
	Share        int         `json:"share,omitempty"`
	PausedBy     string      `json:"paused_by,omitempty"`
	PausedSince  *recordTime `json:"paused_since,omitempty"`
	LimitRejects int64       `json:"limit_rejects,omitempty"`
	LimitTried   int64       `json:"limit_tried,omitempty"`
}

func newSteeringRecord(s Steering) *steeringRecord {
	if s == (Steering{}) {
		return nil
	}
	return &steeringRecord{s.Priority, s.Share, s.PausedBy, timeOrNone(s.PausedSince), s.LimitRejects, s.LimitTried}
}

func (r *steeringRecord) orZero() Steering {
	if r == nil {
		return Steering{}
	}
	return Steering{
		Priority: max(-MaxPriority, min(MaxPriority, r.Priority)), Share: max(0, min(MaxShare, r.Share)), PausedBy: r.PausedBy,
		PausedSince: r.PausedSince.orZero(), LimitRejects: r.LimitRejects, LimitTried: r.LimitTried,
	}
}
