package slots

import (
	"time"

	"kafka-master/messages"
)

// The times after which a silent worker is judged.
const (
	SuspectAfter = 6 * time.Second // native: two heartbeats missed
	LostAfter    = 9 * time.Second // native: three heartbeats missed
	// ForgetAfter is how long a lost worker is shown before it is forgotten.
	ForgetAfter = 10 * time.Minute
)

// liveness judges whether one worker is alive.
type Liveness struct {
	kind  messages.WorkerKind
	state messages.WorkerState // announced, suspect, lost, draining or gone
	last  time.Time            // time of the last sign of life
	// draining worker takes nothing more, whatever its state, until it announces itself
	// again.
	draining bool
}

// NewLiveness begins with a worker that announced itself now, or that the stored state
// calls lost.
func NewLiveness(w messages.Worker, now time.Time) Liveness {
	if w.Lost {
		return Liveness{kind: w.Kind, state: messages.WorkerLost, last: w.Seen}
	}
	return Liveness{kind: w.Kind, state: messages.WorkerAnnounced, last: now}
}

// State returns announced, suspect, lost, draining or gone; whether the worker is free or
// busy is the slots' matter.
func (l *Liveness) State() messages.WorkerState { return l.state }

// Draining reports whether the worker takes nothing more.
func (l *Liveness) Draining() bool { return l.draining }

// Silence returns how long the worker has given no sign of life.
func (l *Liveness) Silence(now time.Time) time.Duration { return now.Sub(l.last) }

// Sign notes a sign of life and reports whether the worker was suspect or lost.
func (l *Liveness) Sign(now time.Time) (back bool) {
	l.last = now
	if l.state != messages.WorkerSuspect && l.state != messages.WorkerLost {
		return false
	}
	l.state = messages.WorkerAnnounced
	if l.draining {
		l.state = messages.WorkerDraining
	}
	return true
}

// Excuse starts the silence again: nobody could hear the worker until now.
func (l *Liveness) Excuse(now time.Time) {
	if l.state != messages.WorkerLost && l.state != messages.WorkerGone {
		l.last = now
	}
}

// Become takes over a state for a reason other than silence. One that is draining takes
// nothing more, one that is lost is given up, one that is gone said bye or is forgotten.
func (l *Liveness) Become(state messages.WorkerState) {
	l.state, l.draining = state, l.draining || state == messages.WorkerDraining
}

// Due returns when the silence has to be judged next. An idle classic worker sends
// nothing, so its silence proves nothing.
func (l *Liveness) Due() (at time.Time, ok bool) {
	switch {
	case l.state == messages.WorkerGone:
		return time.Time{}, false
	case l.state == messages.WorkerLost:
		return l.last.Add(ForgetAfter), true
	case l.kind == messages.Classic:
		return time.Time{}, false
	case l.state == messages.WorkerSuspect, l.state == messages.WorkerDraining:
		return l.last.Add(LostAfter), true
	}
	return l.last.Add(SuspectAfter), true
}

// Judge judges the silence and reports whether the state changed: to suspect, to lost, or
// from lost to gone.
func (l *Liveness) Judge(now time.Time) (changed bool) {
	at, ok := l.Due()
	if !ok || now.Before(at) {
		return false
	}
	switch {
	case l.state == messages.WorkerLost:
		l.state = messages.WorkerGone
	case now.Sub(l.last) >= LostAfter:
		l.state = messages.WorkerLost
	default:
		l.state = messages.WorkerSuspect
	}
	return true
}
